"""Write what others read of the API: docs/reference/openapi.json and the Postman collection made from it.

python -m scripts.postman            write both
python -m scripts.postman --check    say whether the committed ones are current (exit code 1 when not)
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from services.api_gateway.app import create_app

ROOT = Path(__file__).resolve().parent.parent
OPENAPI = ROOT / "docs" / "reference" / "openapi.json"
COLLECTION = ROOT / "docs" / "postman" / "hiddengem.postman_collection.json"

_SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_NONE = "00000000-0000-0000-0000-000000000000"
_NO_SYMBOL = "000000.SH"
_VARIABLES = {
    "base": "http://127.0.0.1:8000",
    "key": "",
    "agent": "technical",
    "symbol": _NO_SYMBOL,
    "round_id": _NONE,
    "order_id": _NONE,
    "replay_id": _NONE,
}
_PATH_VARIABLES = {"name": "agent"}
"""Path parameters that have another name among the collection's variables."""
_BODIES: Mapping[str, Any] = {
    "POST /api/v1/agents/{name}/trigger": {},
    "POST /api/v1/rounds": {"trade": False},
    "POST /api/v1/replays": {},
    "POST /rpc": {"jsonrpc": "2.0", "id": 1, "method": "agents.status"},
}
"""Bodies that every desk can answer, whatever its market; the fields are described in the OpenAPI document."""
_ALSO_FINE = {
    "POST /api/v1/replays": [409],
    "GET /health/ready": [503],
}
"""Answers that are right, too: one replay runs at a time, and a starting desk says what is missing."""
_KEPT = {
    "GET /api/v1/market/search": ("symbol", "body.hits.length ? body.hits[0].symbol : undefined"),
    "POST /api/v1/rounds": ("round_id", "body.round_id"),
    "POST /api/v1/replays": ("replay_id", "body.replay_id"),
    "GET /api/v1/orders": ("order_id", "body.orders && body.orders.length ? body.orders[0].order_id : undefined"),
}
"""What one answer lends to the requests after it."""


def main(arguments: list[str]) -> int:
    """Write or check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; fail when a file is not current")
    check = parser.parse_args(arguments).check
    stale = [path for path, content in rendered().items() if _is_stale(path, content)]
    for path in stale:
        print(f"{path.relative_to(ROOT)} {'is not current' if check else 'written'}")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(rendered()[path], encoding="utf-8")
    return 1 if check and stale else 0


def rendered() -> dict[Path, str]:
    """Both files as they should be."""
    document = create_app(None).state.description
    return {OPENAPI: _pretty(document), COLLECTION: _pretty(collection(document))}


def collection(document: Mapping[str, Any]) -> dict[str, Any]:
    """A Postman collection, v2.1: one folder per tag, a test per request, and one request that must be refused."""
    folders: dict[str, list[dict[str, Any]]] = {}
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            folders.setdefault(operation["tags"][0], []).append(_request(document, path, verb.upper(), operation))
    folders["refused"] = [_without_key()]
    return {
        "info": {"name": document["info"]["title"], "description": document["info"]["description"], "schema": _SCHEMA},
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{key}}", "type": "string"}]},
        "variable": [{"key": key, "value": value} for key, value in _VARIABLES.items()],
        "item": [{"name": name, "item": requests} for name, requests in folders.items()],
    }


def _request(document: Mapping[str, Any], path: str, verb: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    name = f"{verb} {path}"
    request: dict[str, Any] = {
        "method": verb,
        "description": operation.get("description", ""),
        "header": [],
        "url": _url(path, operation),
    }
    if operation.get("security") == []:
        request["auth"] = {"type": "noauth"}
    if name in _BODIES:
        request["header"] = [{"key": "Content-Type", "value": "application/json"}]
        request["body"] = {"mode": "raw", "raw": json.dumps(_BODIES[name], indent=1)}
    script = list(_tests(document, name, operation))
    return {
        "name": operation["summary"],
        "request": request,
        "event": [{"listen": "test", "script": {"type": "text/javascript", "exec": script}}],
    }


def _url(path: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    parts = [_part(part) for part in path.strip("/").split("/")]
    query = [
        {
            "key": parameter["name"],
            "value": _example(parameter["schema"]),
            "description": parameter.get("description", ""),
            "disabled": not parameter.get("required", False),
        }
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "query"
    ]
    return {"raw": "{{base}}/" + "/".join(parts), "host": ["{{base}}"], "path": parts, "query": query}


def _part(part: str) -> str:
    if not part.startswith("{"):
        return part
    name = part.strip("{}")
    return "{{" + _PATH_VARIABLES.get(name, name) + "}}"


def _example(schema: Mapping[str, Any]) -> str:
    for one in (schema, *schema.get("anyOf", ())):
        if one.get("examples"):
            return str(one["examples"][0])
    return str(schema.get("default", ""))


def _tests(document: Mapping[str, Any], name: str, operation: Mapping[str, Any]) -> Iterator[str]:
    good = [int(status) for status in operation["responses"] if status.startswith("2")]
    expected = json.dumps([*good, *_ALSO_FINE.get(name, [])])
    variable = next((part.strip("{}") for part in name.split("/") if part.endswith("_id}")), None)
    if variable:
        # Without anything to read yet, the right answer is that there is none.
        yield f"const expected = pm.collectionVariables.get('{variable}') === '{_NONE}' ? [404] : {expected};"
    elif name.endswith("/{symbol}"):
        yield f"const expected = pm.collectionVariables.get('symbol') === '{_NO_SYMBOL}' ? [404, 422] : {expected};"
    else:
        yield f"const expected = {expected};"
    yield "pm.test('status is ' + expected.join(' or '), () => pm.expect(pm.response.code).to.be.oneOf(expected));"
    yield "pm.test('it has a request id', () => pm.expect(pm.response.headers.get('x-request-id')).to.be.a('string'));"
    yield "if (pm.response.code < 300 && pm.response.text()) {"
    yield "  const body = pm.response.json();"
    if required := _required(document, operation):
        yield f"  pm.test('the fields are there', () => pm.expect(body).to.include.all.keys({json.dumps(required)}));"
    if name in _KEPT:
        key, expression = _KEPT[name]
        yield f"  const kept = {expression};"
        yield f"  if (kept) pm.collectionVariables.set('{key}', kept);"
    yield "} else if (pm.response.code >= 400 && pm.response.code !== 503) {"
    yield "  pm.test('it is a problem', () => pm.expect(pm.response.json()).to.include.keys(['code', 'title']));"
    yield "}"


def _required(document: Mapping[str, Any], operation: Mapping[str, Any]) -> list[str]:
    answer = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    if reference := schema.get("$ref"):
        schema = document["components"]["schemas"][reference.rpartition("/")[2]]
    return list(schema.get("required", ()))


def _without_key() -> dict[str, Any]:
    script = [
        "pm.test('status is 401', () => pm.response.to.have.status(401));",
        "pm.test('the code is stable', () => pm.expect(pm.response.json().code).to.eql('auth.unauthenticated'));",
    ]
    path = ["api", "v1", "agents", "status"]
    return {
        "name": "Nothing without a key",
        "request": {
            "method": "GET",
            "header": [],
            "auth": {"type": "noauth"},
            "url": {"raw": "{{base}}/" + "/".join(path), "host": ["{{base}}"], "path": path},
        },
        "event": [{"listen": "test", "script": {"type": "text/javascript", "exec": script}}],
    }


def _is_stale(path: Path, content: str) -> bool:
    return not path.is_file() or path.read_text(encoding="utf-8") != content


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
