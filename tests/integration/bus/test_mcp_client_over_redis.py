"""The official MCP client over Redis."""

from tests.contract.bus.mcp_suite import McpConformance


class TestMcpOverRedis(McpConformance):
    """`world` comes from the fixtures beside this file."""
