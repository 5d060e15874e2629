"""The Model Context Protocol of 2026-07-28 as a server speaks it: discovery, the list of tools, results of tools.

Stateless: every request carries its protocol version and capabilities in `_meta`, so any replica can answer it.
"""

from dataclasses import dataclass
from typing import Any

from libs.bus import wire
from libs.bus.errors import InvalidParams, UnsupportedProtocol
from libs.bus.faults import Fault
from libs.contracts.base import Tool
from libs.contracts.card import AgentCard

LIST_TTL_MS = 60_000


@dataclass(frozen=True, slots=True)
class ListedTool:
    """A tool as `tools/list` shows it."""

    name: str
    description: str
    input_schema: dict[str, Any]
    output_schema: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "description": self.description,
            "inputSchema": self.input_schema,
            "outputSchema": self.output_schema,
        }


def listed(tool: Tool[Any, Any]) -> ListedTool:
    """Make the schemas of a tool from its types, once."""
    return ListedTool(
        tool.name,
        tool.description,
        tool.params.model_json_schema(mode="validation"),
        tool.result.model_json_schema(mode="serialization"),
    )


def checked(meta: wire.Meta | None) -> wire.Meta:
    """The request's `_meta`; raises where the envelope of the protocol is missing or of another revision."""
    if meta is None or meta.protocol_version is None or meta.client_capabilities is None:
        raise InvalidParams(("_meta: protocolVersion and clientCapabilities are required",))
    if meta.protocol_version != wire.PROTOCOL_VERSION:
        raise UnsupportedProtocol(meta.protocol_version)
    return meta


def discovery(card: AgentCard, instructions: str | None) -> bytes:
    """The answer to `server/discover`."""
    return wire.encode(
        {
            "resultType": "complete",
            "supportedVersions": [wire.PROTOCOL_VERSION],
            "capabilities": {"tools": {}},
            "ttlMs": LIST_TTL_MS,
            "cacheScope": "public",
            "_meta": {"io.modelcontextprotocol/serverInfo": {"name": card.name, "version": card.version}},
        }
        | ({"instructions": instructions} if instructions else {})
    )


def tool_list(tools: list[ListedTool]) -> bytes:
    """The answer to `tools/list`, in one page."""
    return wire.encode(
        {
            "resultType": "complete",
            "tools": [tool.as_json() for tool in tools],
            "ttlMs": LIST_TTL_MS,
            "cacheScope": "public",
        }
    )


def tool_result(structured: bytes) -> bytes:
    """A good result. On the bus it is structured only; the door to outside clients adds the text."""
    return b'{"resultType":"complete","content":[],"structuredContent":%b,"isError":false}' % structured


def tool_failure(fault: Fault) -> bytes:
    """A failed tool: a sentence for a model to read, the stable code for programs."""
    said = fault.data.code
    if fault.data.problems:
        said = f"{said}: {'; '.join(fault.data.problems)}"
    return wire.encode(
        {
            "resultType": "complete",
            "content": [{"type": "text", "text": f"{fault.message} ({said})"}],
            "isError": True,
            "_meta": {"hiddengem/error": fault.data},
        }
    )


def with_text(result: dict[str, Any]) -> dict[str, Any]:
    """A structured result with its text beside it, for outside clients that read text only."""
    if result.get("content") or "structuredContent" not in result:
        return result
    text = wire.encode(result["structuredContent"]).decode()
    return {**result, "content": [{"type": "text", "text": text}]}
