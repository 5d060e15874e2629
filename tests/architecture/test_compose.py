"""What an operator writes into .env reaches the container it is meant for."""

import importlib
from pathlib import Path

import pytest
import yaml
from pydantic_settings import BaseSettings

ROOT = Path(__file__).resolve().parents[2]
_STANZAS = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
_PROCESSES = {
    name: stanza for name, stanza in _STANZAS.items() if str(stanza.get("command", "")).startswith("['services.")
}
_NOT_OURS = {"paper_venue": {"HIDDENGEM_REDIS_URL"}}


def _variables(module_name: str) -> set[str]:
    """Every setting that the process of this module reads."""
    module = importlib.import_module(f"{module_name}.settings")
    declared = [cls for cls in vars(module).values() if isinstance(cls, type) and issubclass(cls, BaseSettings)]
    return {
        str(field.validation_alias or f"HIDDENGEM_{name.upper()}")
        for cls in declared
        for name, field in cls.model_fields.items()
    }


@pytest.mark.parametrize("name", sorted(_PROCESSES))
def test_every_setting_of_a_process_is_handed_to_its_container(name: str) -> None:
    (module,) = _PROCESSES[name]["command"]
    given = set(_PROCESSES[name]["environment"])
    assert _variables(module) - given - _NOT_OURS.get(name, set()) == set()


def test_every_service_is_looked_at() -> None:
    assert {"orchestrator", "risk", "execution", "broker_gateway", "api_gateway", "ingestion"} <= set(_PROCESSES)
