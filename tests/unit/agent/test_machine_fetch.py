from __future__ import annotations

import hashlib
import os
import socket
import stat
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from provision.agent.fetch import shown
from provision.agent.steps import Fetch
from provision.errors import StepError
from tests.unit.agent.machine_tree import Tree

DATA = bytes(range(256)) * 3000
SHA = hashlib.sha256(DATA).hexdigest()


@dataclass
class Site:
    """A server that behaves as `mood` says; `asked` holds the headers of each request."""

    port: int = 0
    mood: str = "good"
    ranges: bool = True
    etag: str = '"one"'
    asked: list[dict[str, str]] = field(default_factory=list)

    def url(self, path: str = "/file.bin", credentials: str = "") -> str:
        return f"http://{credentials}127.0.0.1:{self.port}{path}"


class Handler(BaseHTTPRequestHandler):
    """Answers as the mood of `site` has it."""

    site: Site

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        mood = self.site.mood
        self.site.asked.append(dict(self.headers))
        if mood == "missing":
            self.send_error(404, "Not Found")
        elif mood == "elsewhere" and self.path == "/file.bin":
            self.send_response(302)
            self.send_header("Location", self.site.url("/other").replace("127.0.0.1", "localhost"))
            self.end_headers()
        else:
            self._answer({"html": b"<html>please log in</html>", "flipped": bytes([DATA[0] ^ 1]) + DATA[1:]}.get(mood, DATA))

    def _answer(self, body: bytes) -> None:
        start = self._start(len(body))
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        if self.site.mood != "lengthless":
            self.send_header("Content-Length", str(len(body) - start))
        self.send_header("ETag", self.site.etag)
        self.end_headers()
        broken = self.site.mood in {"truncates", "stalls"}
        self.wfile.write(body[start : len(body) // 2 if broken else None])
        self.wfile.flush()
        if self.site.mood == "stalls":
            time.sleep(1.5)

    def _start(self, size: int) -> int:
        asked = self.headers.get("Range", "")
        if not self.site.ranges or not asked or self.headers.get("If-Range", self.site.etag) != self.site.etag:
            return 0
        return min(int(asked.removeprefix("bytes=").rstrip("-")), size - 1)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    made = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Handler,), {"site": made}))
    made.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


def step(tree: Tree, site: Site, *, url: str = "", size: int = len(DATA), sha256: str = SHA) -> Fetch:
    return Fetch(url=url or site.url(), path="/opt/file.bin", sha256=sha256, size=size, mode=0o640, owner=tree.me, group="")


def refused(tree: Tree, site: Site, **more: object) -> StepError:
    with pytest.raises(StepError) as caught:
        tree.writer(stall=0.4).perform(step(tree, site, **more))  # type: ignore[arg-type] # fields of the step
    return caught.value


@pytest.fixture(autouse=True)
def _opt(tree: Tree) -> None:
    tree.at("/opt").mkdir()


@pytest.mark.parametrize("mood", ["good", "lengthless", "elsewhere"])
@pytest.mark.parametrize("size", [0, len(DATA)])
def test_a_file_arrives_whole_with_progress(tree: Tree, site: Site, mood: str, size: int) -> None:
    site.mood = mood
    writer, said = tree.writer(), []
    writer.on_progress = lambda *what: said.append(what)
    writer.perform(step(tree, site, size=size))
    file = tree.at("/opt/file.bin")
    assert file.read_bytes() == DATA
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [path.name for path in tree.at("/opt").iterdir()] == ["file.bin"]
    if size or mood != "lengthless":
        assert said[-1] == ("downloading file.bin", 1.0, len(DATA), len(DATA))


def test_a_broken_download_is_kept_and_resumed(tree: Tree, site: Site) -> None:
    site.mood = "truncates"
    error = refused(tree, site)
    assert f"ended after {len(DATA) // 2} of {len(DATA)} bytes" in error.message
    assert tree.at("/opt/file.bin.part").stat().st_size == len(DATA) // 2
    kept = os.listxattr(tree.at("/opt/file.bin.part"))
    assert not tree.at("/opt/file.bin").exists()
    site.mood = "good"
    tree.writer().perform(step(tree, site))
    assert site.asked[-1]["Range"] == f"bytes={len(DATA) // 2}-"
    if kept:
        assert site.asked[-1]["If-Range"] == '"one"'
    assert tree.at("/opt/file.bin").read_bytes() == DATA


@pytest.mark.parametrize("change", ["no ranges", "another file"])
def test_resuming_where_it_cannot_be_starts_anew(tree: Tree, site: Site, change: str) -> None:
    site.mood = "truncates"
    refused(tree, site)
    site.mood = "good"
    if change == "no ranges":
        site.ranges = False
    else:
        site.etag = '"two"'
    tree.writer().perform(step(tree, site))
    assert tree.at("/opt/file.bin").read_bytes() == DATA


def test_a_leftover_of_something_else_is_fetched_again(tree: Tree, site: Site) -> None:
    tree.put("/opt/file.bin.part", "something else", mode=0o600)
    tree.writer().perform(step(tree, site))
    assert tree.at("/opt/file.bin").read_bytes() == DATA
    assert ["Range" in headers for headers in site.asked] == [True, False]


def test_a_stalled_server_is_given_up(tree: Tree, site: Site) -> None:
    site.mood = "stalls"
    began = time.monotonic()
    error = refused(tree, site)
    assert time.monotonic() - began < 3
    assert "no byte came for 0.4 s" in error.message
    assert site.url() in error.message


@pytest.mark.parametrize(("mood", "size"), [("flipped", len(DATA)), ("html", 0), ("flipped", 0)])
def test_one_flipped_byte_is_refused_and_thrown_away(tree: Tree, site: Site, mood: str, size: int) -> None:
    tree.put("/opt/file.bin", "old")
    site.mood = mood
    error = refused(tree, site, size=size)
    assert "is not what was promised" in error.message
    assert SHA in error.message
    assert [(path.name, path.read_text()) for path in tree.at("/opt").iterdir()] == [("file.bin", "old")]


def test_a_page_in_place_of_the_file_is_refused_by_its_length(tree: Tree, site: Site) -> None:
    site.mood = "html"
    assert f"offers 26 bytes, expected {len(DATA)}" in refused(tree, site).message


def test_statuses_and_dead_servers_are_named_without_credentials(tree: Tree, site: Site) -> None:
    site.mood = "missing"
    error = refused(tree, site, url=site.url(credentials="me:hunter2@"))
    assert error.message == f"http://***@127.0.0.1:{site.port}/file.bin: the server answers 404 Not Found"
    assert "curl -fIL" in error.hint
    assert "hunter2" not in error.hint
    assert site.asked[-1]["Authorization"].startswith("Basic ")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert "refused" in refused(tree, site, url=f"http://127.0.0.1:{port}/x").message.lower()


def test_credentials_are_not_handed_to_another_host(tree: Tree, site: Site) -> None:
    site.mood = "elsewhere"
    tree.writer().perform(step(tree, site, url=site.url(credentials="me:hunter2@")))
    assert ["Authorization" in headers for headers in site.asked] == [True, False]


def test_other_schemes_are_refused(tree: Tree, site: Site) -> None:
    assert "neither http nor https" in refused(tree, site, url="file:///etc/passwd").message
    assert shown("https://u:p@h/x@y") == "https://***@h/x@y"


def test_a_full_disk_is_seen_before_the_first_byte(tree: Tree, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("provision.agent.fetch.os.fstatvfs", lambda _fd: type("Full", (), {"f_bavail": 1, "f_frsize": 512}))
    error = refused(tree, site)
    assert error.message == f"no room for `/opt/file.bin`: {len(DATA)} bytes needed, 512 free"


def test_a_link_in_place_of_the_part_is_not_written_through(tree: Tree, site: Site) -> None:
    victim = tree.put("/etc/victim", "precious", mode=0o600)
    tree.at("/opt/file.bin.part").symlink_to(victim)
    tree.writer().perform(step(tree, site))
    assert victim.read_text() == "precious"
    assert tree.at("/opt/file.bin").read_bytes() == DATA
    tree.at("/opt/file.bin.part").hardlink_to(victim)
    tree.writer().perform(step(tree, site))
    assert victim.read_text() == "precious"


def test_the_machines_proxy_is_used(tree: Tree, site: Site) -> None:
    tree.put("/etc/environment", f"http_proxy=http://127.0.0.1:{site.port}\n")
    tree.writer().perform(step(tree, site, url="http://mirror.test/file.bin"))
    assert site.asked[-1]["Host"] == "mirror.test"
