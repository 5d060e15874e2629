"""The reference pages name everything there is."""

import re

import typer.main

from libs.cli.main import app
from scripts.postman import ROOT
from services.api_gateway.app import create_app
from services.api_gateway.rpc_methods import METHODS

_API = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
_CLI = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")


def test_the_api_page_names_every_call_with_its_role() -> None:
    rows = {match[1]: match[2] for match in re.finditer(r"^\| `([A-Z]+ /[^`]*)` \| ([a-z]*)", _API, re.MULTILINE)}
    calls = {
        f"{verb.upper()} {path}": operation["x-required-role"].replace("public", "")
        for path, verbs in create_app(None).state.description["paths"].items()
        for verb, operation in verbs.items()
    }
    assert rows == calls


def test_the_api_page_names_every_rpc_method_with_its_role() -> None:
    for name, method in METHODS.items():
        assert re.search(rf"^\| `{name}` \|[^|]*\| {method.role.value}", _API, re.MULTILINE), name


def test_the_cli_page_names_every_verb() -> None:
    command = typer.main.get_command(app)
    for name, verb in command.commands.items():  # type: ignore[attr-defined]  # typer says Command, groups have more
        for full in [f"{name} {inner}" for inner in getattr(verb, "commands", {})] or [name]:
            assert f"| `{full}" in _CLI, full
