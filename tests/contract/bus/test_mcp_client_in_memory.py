"""The official MCP client over the in-memory bus."""

import pytest

from tests.contract.bus.mcp_suite import McpConformance
from tests.contract.bus.test_memory_bus import MemoryWorld


class TestMcpInMemory(McpConformance):
    @pytest.fixture
    def world(self) -> MemoryWorld:
        return MemoryWorld()
