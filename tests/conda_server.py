"""Serves a folder over HTTP, and lies on demand: truncates, stalls, slows down, denies or corrupts single files; counts requests.

Standard library only and no imports of our own: it is also a program, for a box, bounded in time:
`python3 conda_server.py FOLDER PORT SECONDS`. What it does wrong is told to it by `POST /faults` with JSON, pattern to fault, or
with `python3 conda_server.py tell PORT JSON`; `GET /requests` says what was asked for. Patterns are those of `fnmatch`, over the
path from the folder.
"""

from __future__ import annotations

import contextlib
import fnmatch
import hashlib
import http.client
import http.server
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypedDict
from urllib.parse import unquote, urlsplit

STALL = 60.0
"""Seconds after which a stalled answer is given up, whoever waits for it."""
_ANSWERS = 32
_CHUNK = 1 << 16
_BLOCK = 1 << 17


class Fault(TypedDict, total=False):
    """What goes wrong with a file; one of them, and `times`: with how many requests (left out: all)."""

    status: int
    """Answered with this instead."""
    truncate: int
    """Bytes after which the connection is closed."""
    stall: int
    """Bytes after which nothing more comes."""
    rate: int
    """Bytes a second."""
    corrupt: int
    """Offset of the one byte that is wrong."""
    hidden: list[str]
    """Of an index (`repodata.json*`): the packages that are not in it yet, by file name."""
    times: int


class Server(http.server.ThreadingHTTPServer):
    """The server; `faults` may be changed at any time, `requests` counts what was asked for, by path."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, folder: Path, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Answer)
        self.folder = folder
        self.faults: dict[str, Fault] = {}
        self.requests: Counter[str] = Counter()
        self.ending = threading.Event()
        self.answers = threading.BoundedSemaphore(_ANSWERS)

    @property
    def url(self) -> str:
        """The address of the folder, without a slash at its end."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def fault(self, path: str) -> Fault:
        """Return what is to go wrong with this request, and count it."""
        for pattern, found in list(self.faults.items()):
            if not fnmatch.fnmatch(path, pattern):
                continue
            left = found.get("times")
            if left is not None:
                if left <= 0:
                    continue
                found["times"] = left - 1
            return found
        return {}

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that went away."""

    def close(self) -> None:
        """End it; whoever still waits is let go."""
        self.ending.set()
        self.shutdown()
        self.server_close()


class _Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    server: Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's
        """Say nothing."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.server.faults = json.loads(body)
        self._send(b"{}", {})

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path).lstrip("/")
        if path == "requests":
            self._send(json.dumps(self.server.requests).encode(), {})
            return
        with self.server.answers:
            self._file(path)

    def _file(self, path: str) -> None:
        self.server.requests[path] += 1
        fault = self.server.fault(path)
        file = self.server.folder / path
        inside = file.resolve().is_relative_to(self.server.folder.resolve())
        if "status" in fault or not (inside and file.is_file()):
            self._send(b"no\n", {}, fault.get("status", 404))
            return
        content = file.read_bytes()
        if "hidden" in fault:
            content = _without(file, fault["hidden"])
        if "corrupt" in fault:
            at = fault["corrupt"] % max(len(content), 1)
            content = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        self._send(content, fault)

    def _send(self, content: bytes, fault: Fault, status: int = 200) -> None:
        tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        if status == http.HTTPStatus.OK and self.headers.get("If-None-Match") == tag:
            status, content = http.HTTPStatus.NOT_MODIFIED, b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Type", "application/octet-stream")
        if status < http.HTTPStatus.BAD_REQUEST:
            self.send_header("ETag", tag)
            self.send_header("Cache-Control", "no-cache")
        self.end_headers()
        if self.command == "HEAD":
            return
        with contextlib.suppress(OSError):
            self._body(content, fault)

    def _body(self, content: bytes, fault: Fault) -> None:
        cut = fault.get("truncate", fault.get("stall", len(content)))
        rate = fault.get("rate", 0)
        step = max(rate // 10, 1) if rate else _CHUNK
        for start in range(0, cut, step):
            self.wfile.write(content[start : min(start + step, cut)])
            if rate and self.server.ending.wait(0.1):
                break
        self.wfile.flush()
        if "stall" in fault:
            self.server.ending.wait(STALL)
        if cut < len(content):
            self.close_connection = True


def _without(file: Path, hidden: list[str]) -> bytes:
    """Return an index without some packages; of a compressed one the index beside it, for this server's zstd is a plain one."""
    plain = file.with_name("repodata.json")
    index: dict[str, Any] = json.loads(plain.read_bytes())
    for kind in ("packages", "packages.conda"):
        index[kind] = {name: record for name, record in index[kind].items() if name not in hidden}
    text = json.dumps(index, sort_keys=True).encode()
    return text if file.name == plain.name else zstd(text)


def zstd(content: bytes) -> bytes:
    """Return `content` as a zstd frame of uncompressed blocks (RFC 8878)."""
    # Its header: one segment, its size in eight bytes; of a block: its size, its kind (0: as it is), whether it is the last.
    parts = [b"\x28\xb5\x2f\xfd\xe0", len(content).to_bytes(8, "little")]
    for start in range(0, max(len(content), 1), _BLOCK):
        block = content[start : start + _BLOCK]
        parts += [(len(block) << 3 | (start + _BLOCK >= len(content))).to_bytes(3, "little"), block]
    return b"".join(parts)


@contextmanager
def serving(folder: Path, faults: Mapping[str, Fault] | None = None) -> Iterator[Server]:
    """Serve `folder` on a free port of 127.0.0.1 until the block ends."""
    server = Server(folder)
    server.faults = dict(faults or {})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join(10)


def tell(url: str, faults: Mapping[str, Fault]) -> None:
    """Say to a server what is to go wrong from now on."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    with contextlib.closing(connection):
        connection.request("POST", "/faults", json.dumps(faults))
        connection.getresponse().read()


def main() -> None:
    """Serve for a while, or tell a server what is to go wrong."""
    folder, port, seconds = sys.argv[1:]
    if folder == "tell":
        tell(f"http://127.0.0.1:{port}", json.loads(seconds))
        return
    server = Server(Path(folder), int(port))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    time.sleep(float(seconds))
    server.close()


if __name__ == "__main__":
    main()
