"""The official MCP SDK over streamable HTTP: one stateless server per agent, one client session per agent."""

import asyncio
import logging
import os
from contextlib import AsyncExitStack

import uvicorn
from mcp.client import Client
from mcp.server import MCPServer

from benchmarks.peers.harness import AGENTS, main, request, result, run_client
from libs.contracts.analysis import AnalyzeResult

FIRST_PORT = int(os.environ.get("BENCH_MCP_PORT", "18700"))


def agent(name: str, _url: str) -> None:
    server = MCPServer(name, log_level="ERROR")
    answer = result()

    @server.tool()
    async def analyze(symbols: list[str], as_of: str) -> AnalyzeResult:
        return answer

    logging.disable(logging.WARNING)
    app = server.streamable_http_app(stateless_http=True, json_response=True)
    uvicorn.run(app, host="127.0.0.1", port=FIRST_PORT + AGENTS.index(name), log_level="error", access_log=False)


async def client(_url: str) -> None:
    arguments = request().model_dump(mode="json")
    await asyncio.sleep(3)
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(Client(f"http://127.0.0.1:{FIRST_PORT + n}/mcp", mode="2026-07-28"))
            for n in range(len(AGENTS))
        ]
        for one in clients:
            await one.list_tools()

        async def ask() -> int:
            results = await asyncio.gather(*(one.call_tool("analyze", arguments) for one in clients))
            return sum(isinstance(AnalyzeResult.model_validate(r.structured_content), AnalyzeResult) for r in results)

        await run_client(ask)


if __name__ == "__main__":
    main(agent, client)
