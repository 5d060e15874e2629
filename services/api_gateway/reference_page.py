"""The OpenAPI document as one static page of HTML, without scripts and without anything from elsewhere."""

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
h2{border-top:1px solid #d0d7de;padding-top:1rem;font-size:1.05rem}
code,pre{font:13px/1.45 ui-monospace,monospace;background:#f6f8fa}
pre{padding:.8rem;overflow:auto;border-radius:6px}
.verb{font-weight:700;margin-right:.5rem}.role{color:#57606a;font-weight:400}td{padding:.1rem 1rem .1rem 0}
"""


def render(document: Mapping[str, Any]) -> str:
    """The page."""
    info = document["info"]
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        f"<title>{escape(info['title'])}</title><style>{_STYLE}</style>",
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1><p>{escape(info.get('description', ''))}</p>",
        *(section for path, verbs in document["paths"].items() for section in _operations(document, path, verbs)),
    ]
    return "\n".join(parts)


def _operations(document: Mapping[str, Any], path: str, verbs: Mapping[str, Any]) -> Iterator[str]:
    for verb, operation in verbs.items():
        role = escape(str(operation.get("x-required-role", "")))
        title = f"<span class=verb>{verb.upper()}</span><code>{escape(path)}</code> <span class=role>{role}</span>"
        yield f"<h2>{title}</h2><p><b>{escape(operation.get('summary', ''))}.</b> "
        yield f"{escape(operation.get('description', ''))}</p>"
        yield _parameters(operation.get("parameters", ()))
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        if body:
            yield f"<p>Body</p><pre>{escape(_pretty(_schema(document, body.get('schema', {}))))}</pre>"
        answers = "".join(
            f"<tr><td><code>{status}</code></td><td>{escape(answer.get('description', ''))}</td></tr>"
            for status, answer in operation["responses"].items()
        )
        yield f"<table>{answers}</table>"


def _parameters(parameters: Any) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(p['name'])}</code></td><td>{escape(p['in'])}</td>"
        f"<td>{escape(p.get('description', ''))}</td></tr>"
        for p in parameters
    )
    return f"<table>{rows}</table>" if rows else ""


def _schema(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Any:
    reference = schema.get("$ref", "")
    return document["components"]["schemas"][reference.rpartition("/")[2]] if reference else schema


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False)
