"""Every image holds the packages that its process loads, now or later: what only fails in a container fails here."""

import re
import sys
from functools import cache
from pathlib import Path

import grimp
import pytest
import yaml

from scripts.lock_subset import subset

ROOT = Path(__file__).resolve().parents[2]
_STANZAS = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
_SERVICES = {
    name: stanza for name, stanza in _STANZAS.items() if str(stanza.get("command", "")).startswith("['services.")
}
_PACKAGES = {"talib": "ta_lib"}
"""Where the name to import is not the name of the package."""
_PROGRAMS = {"ingestion": ("scripts.data_sync", "libs.marketdata.akshare_worker")}
"""What runs in the same container as a program of its own."""


@cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph(
        "libs",
        "services",
        "scripts",
        include_external_packages=True,
        exclude_type_checking_imports=True,
        cache_dir=None,
    )


def _loaded(*packages: str) -> dict[str, str]:
    """Packages of others that these modules import, with all they import of ours, and one place for each."""
    graph = _graph()
    ours = set(packages) | {module for package in packages for module in graph.find_descendants(package)}
    ours |= {upstream for module in tuple(ours) for upstream in graph.find_upstream_modules(module)}
    found: dict[str, str] = {}
    for module in sorted(ours):
        if module.partition(".")[0] in {"libs", "services", "scripts"}:
            outside = graph.find_modules_directly_imported_by(module)
            found.update(
                {name: module for name in outside if name.partition(".")[0] not in {"libs", "services", "scripts"}}
            )
    return {name: by for name, by in found.items() if name not in sys.stdlib_module_names and name != "__future__"}


def _installed(extra: str) -> set[str]:
    lock = subset([] if extra == "core" else [extra], also=[])
    return {_name(name) for name in re.findall(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?==", lock, re.MULTILINE)}


def _name(package: str) -> str:
    return re.sub(r"[-_.]+", "_", package).lower()


@pytest.mark.parametrize("name", sorted(_SERVICES))
def test_the_image_of_a_service_has_what_its_modules_import(name: str) -> None:
    build = _SERVICES[name]["build"]
    extra = build["args"]["EXTRA"]
    loaded, installed = _loaded(f"services.{build['args']['SERVICE']}", *_PROGRAMS.get(name, ())), _installed(extra)
    missing = {module: by for module, by in loaded.items() if _PACKAGES.get(module, _name(module)) not in installed}
    assert missing == {}


def test_the_image_of_the_command_line_has_all_but_what_reads_files() -> None:
    extra = _STANZAS["cli"]["build"]["args"]["EXTRA"]
    missing = {module for module in _loaded("libs.cli", "scripts.init_db") if _name(module) not in _installed(extra)}
    assert missing == {"numpy", "polars", "pypinyin"}, "`rules check` and `feed play` say that they need the extra data"


def test_what_is_imported_late_or_by_others_is_looked_at_too() -> None:
    loaded = _loaded("services.ingestion", *_PROGRAMS["ingestion"])
    assert {"polars", "websockets", "httpx2", "tushare", "akshare"} <= set(loaded)
    assert {"polars", "websockets"} & _installed("core") == set()
