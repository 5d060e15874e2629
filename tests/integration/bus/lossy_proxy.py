"""A wire between client and Redis that can lose what the server says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class LossyProxy:
    """Carries bytes both ways until told to swallow the server's."""

    def __init__(self) -> None:
        self.url = ""
        self.swallowing = False
        self._open: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """Break every connection."""
        for writer in self._open:
            writer.transport.abort()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        self._open.add(writer)
        try:
            while data := await reader.read(65536):
                if not (answers and self.swallowing):
                    writer.write(data)
                    await writer.drain()
        except ConnectionError:
            return
        finally:
            self._open.discard(writer)
            writer.close()


@asynccontextmanager
async def lossy_proxy(port: int) -> AsyncIterator[LossyProxy]:
    """A proxy in front of a Redis on this port."""
    proxy = LossyProxy()
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        for task in (
            asyncio.create_task(proxy.carry(reader, far_writer, answers=False)),
            asyncio.create_task(proxy.carry(far_reader, writer, answers=True)),
        ):
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    proxy.url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    async with server:
        yield proxy
        proxy.cut()
        await asyncio.gather(*tasks, return_exceptions=True)
