"""What is committed about the API is what the API says of itself."""

import json
from typing import Any

import pytest

from scripts import postman
from services.api_gateway.app import create_app


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = create_app(None).state.description
    return found


def test_the_committed_openapi_document_and_collection_are_current() -> None:
    stale = [path.name for path, content in postman.rendered().items() if path.read_text(encoding="utf-8") != content]
    assert stale == [], "run: python -m scripts.postman"


def test_every_operation_has_a_summary_a_description_and_a_tag(document: dict[str, Any]) -> None:
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            assert operation["summary"], (verb, path)
            assert operation["description"], (verb, path)
            assert operation["tags"], (verb, path)


def test_everything_about_the_desk_says_whether_it_is_synthetic(document: dict[str, Any]) -> None:
    silent = {"/health/live", "/health/ready", "/rpc"}
    for path, verbs in document["paths"].items():
        for operation in verbs.values():
            if path not in silent:
                good = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
                name = good["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
                assert "synthetic" in document["components"]["schemas"][name]["required"], path


def test_money_and_prices_are_text(document: dict[str, Any]) -> None:
    fields = document["components"]["schemas"]["PortfolioSummary"]["properties"]
    assert {fields[name]["type"] for name in ("cash", "equity", "fees")} == {"string"}


def test_the_collection_calls_every_operation_and_tests_each(document: dict[str, Any]) -> None:
    collection = postman.collection(document)
    requests = [request for folder in collection["item"] for request in folder["item"]]
    operations = sum(len(verbs) for verbs in document["paths"].values())
    assert len(requests) == operations + 1
    assert all("pm.test" in "".join(request["event"][0]["script"]["exec"]) for request in requests)
    variables = {variable["key"] for variable in collection["variable"]}
    used = {part for request in requests for part in request["request"]["url"]["path"] if part.startswith("{{")}
    assert {name.strip("{}") for name in used} <= variables
    assert "hgk_" not in json.dumps(collection["variable"])
