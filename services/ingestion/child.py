"""Start the process of one job and see it to its end; it never outlives this service."""

import asyncio
import os
import sys
from collections.abc import Mapping
from uuid import UUID

_NOISE = {"TQDM_DISABLE": "1"}
"""AkShare draws progress bars on standard error."""


class ChildProcess:
    """Runs `python -m services.ingestion.job`; who stops waiting for it kills it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = {**environment, **_NOISE}

    async def __call__(self, job_id: UUID) -> int:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.ingestion.job",
            str(job_id),
            str(os.getpid()),
            stdin=asyncio.subprocess.DEVNULL,
            env=self._environment,
        )
        try:
            return await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
