"""Who uses the bus pays for the bus alone."""

import subprocess
import sys

HEAVY = ("mcp", "fastapi", "starlette", "uvicorn", "sqlalchemy", "psycopg", "numpy", "httpx2", "prometheus_client")


def test_importing_the_bus_loads_no_web_database_or_mcp_stack() -> None:
    code = f"import libs.bus.redis.bus, libs.bus.memory, sys; print([m for m in {HEAVY!r} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
