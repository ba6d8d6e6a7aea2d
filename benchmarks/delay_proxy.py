"""A TCP proxy on 127.0.0.1 that makes a link slow and counts its turns.

Each chunk is held for `delay` seconds in each direction. A turn is a switch from server→client to client→server: what a
conversation costs in round trips, whatever the processor.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any


class DelayProxy:
    """A context manager; `port` leads to `target_port` on 127.0.0.1. Counters are of all connections together."""

    def __init__(self, target_port: int, *, delay: float = 0.025) -> None:
        self._target_port = target_port
        self._delay = delay
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.reset()

    def reset(self) -> None:
        """Start counting anew."""
        self.turns = self.bytes_up = self.bytes_down = self.connections = 0

    def __enter__(self) -> DelayProxy:  # noqa: PYI034 - `Self` needs Python 3.11
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def cut(self) -> None:
        """Drop every connection, as a link does that is lost."""
        self._call(self._drop())

    def _call(self, work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - whatever the coroutine returns
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _stop(self) -> None:
        if self._server is not None:
            self._server.close()
        await self._drop()

    async def _drop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.close()
            return
        last = ["down"]
        for source, sink, direction in ((reader, up_writer, "up"), (up_reader, writer, "down")):
            task = asyncio.ensure_future(self._carry(source, sink, direction, last))
            self._tasks.add(task)

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, direction: str, last: list[str]) -> None:
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def deliver() -> None:
            while True:
                due, data = await queue.get()
                await asyncio.sleep(max(0.0, due - self._loop.time()))
                if not data:
                    break
                if direction == "up" and last[0] == "down":
                    self.turns += 1
                last[0] = direction
                sink.write(data)

        delivering = asyncio.ensure_future(deliver())
        try:
            while data := await source.read(1 << 16):
                if direction == "up":
                    self.bytes_up += len(data)
                else:
                    self.bytes_down += len(data)
                queue.put_nowait((self._loop.time() + self._delay, data))
            queue.put_nowait((self._loop.time() + self._delay, b""))
            await delivering
        except (ConnectionError, asyncio.CancelledError):
            delivering.cancel()
        finally:
            sink.close()
