"""A key from the network: only the one that was promised is ever written, whatever the server does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from provision.agent import key
from provision.agent.steps import FetchKey
from provision.errors import StepError
from tests.keys import ARCHIVE, ARCHIVE_FINGERPRINT, OTHER, OTHER_FINGERPRINT
from tests.unit.agent.machine_tree import Tree

PLACE = "/etc/apt/keyrings/x.asc"
BODIES = {
    "good": f"words before\n{ARCHIVE}and after\n".encode(),
    "another's": OTHER.encode(),
    "two keys": (ARCHIVE + OTHER).encode(),
    "html": b"\n <!DOCTYPE html>\n<html><body>please log in</body></html>",
    "binary": bytes(range(256)),
    "cut": ARCHIVE[:300].encode(),
    "empty": b"",
    "endless": b"x" * (key.LARGEST + (1 << 17)),
}


@dataclass
class Site:
    """A server that behaves as `mood` says; `asked` holds the paths and headers of the requests."""

    port: int = 0
    mood: str = "good"
    asked: list[tuple[str, str]] = field(default_factory=list)

    def url(self, credentials: str = "") -> str:
        return f"http://{credentials}127.0.0.1:{self.port}/key.pub"


class Handler(BaseHTTPRequestHandler):
    """Answers as the mood of `site` has it."""

    site: Site
    gone: threading.Event

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        mood = self.site.mood
        self.site.asked.append((self.path, self.headers.get("Authorization", "")))
        if mood == "missing":
            self.send_error(404, "Not Found")
            return
        body = BODIES.get(mood, BODIES["good"])
        self.send_response(200)
        if mood not in {"lengthless", "cut"}:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if mood in {"truncates", "stalls"} else body)
        self.wfile.flush()
        if mood == "stalls":
            self.gone.wait(5)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    made, gone = Site(), threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Handler,), {"site": made, "gone": gone}))
    made.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield made
    gone.set()
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def _keyrings(tree: Tree) -> None:
    tree.at("/etc/apt/keyrings").mkdir(parents=True)


def fetch(tree: Tree, site: Site, fingerprint: str = ARCHIVE_FINGERPRINT, url: str = "") -> None:
    tree.writer(stall=0.4).perform(FetchKey(url=url or site.url(), path=PLACE, fingerprint=fingerprint))


@pytest.mark.parametrize("mood", ["good", "lengthless"])
def test_the_key_is_written_and_nothing_around_it(tree: Tree, site: Site, mood: str) -> None:
    site.mood = mood
    fetch(tree, site)
    assert tree.at(PLACE).read_text() == ARCHIVE
    assert tree.at(PLACE).stat().st_mode & 0o7777 == 0o644
    assert [path.name for path in tree.at("/etc/apt/keyrings").iterdir()] == ["x.asc"]


@pytest.mark.parametrize(
    ("mood", "said"),
    [
        ("another's", f"has the fingerprint {OTHER_FINGERPRINT}, {ARCHIVE_FINGERPRINT} is expected"),
        ("two keys", "one armoured block is expected"),
        ("html", "a web page came instead of a key"),
        ("binary", "not an OpenPGP public key"),
        ("cut", "no complete public key block"),
        ("empty", "one armoured block is expected"),
        ("endless", f"more than {key.LARGEST} bytes came"),
        ("missing", "the server answers 404 Not Found"),
        ("truncates", "ended after"),
        ("stalls", "no byte came for 0.4 s"),
    ],
)
@pytest.mark.parametrize("before", ["", "old key\n"])
def test_all_else_leaves_the_old_key(tree: Tree, site: Site, mood: str, said: str, before: str) -> None:
    if before:
        tree.put(PLACE, before)
    site.mood = mood
    with pytest.raises(StepError) as caught:
        fetch(tree, site)
    assert said in caught.value.message
    assert "127.0.0.1" in caught.value.message
    assert caught.value.hint
    assert [path.read_text() for path in tree.at("/etc/apt/keyrings").iterdir()] == ([before] if before else [])


def test_a_key_that_drips_is_given_up(tree: Tree, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key, "LONGEST", -1.0)
    with pytest.raises(StepError, match="did not come whole within"):
        fetch(tree, site)
    assert list(tree.at("/etc/apt/keyrings").iterdir()) == []


def test_nobody_answers(tree: Tree, site: Site) -> None:
    with pytest.raises(StepError, match="the connection failed"):
        fetch(tree, site, url="http://127.0.0.1:1/key.pub")


def test_credentials_are_used_and_not_told(tree: Tree, site: Site) -> None:
    site.mood = "missing"
    with pytest.raises(StepError) as caught:
        fetch(tree, site, url=site.url("me:canary@"))
    assert "canary" not in f"{caught.value.message}{caught.value.hint}"
    assert site.asked[0][1].startswith("Basic ")


def test_the_machines_proxy_is_asked(tree: Tree, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{site.port}")
    monkeypatch.setenv("no_proxy", "")
    fetch(tree, site, url="http://keys.test/key.pub")
    assert site.asked[0][0] == "http://keys.test/key.pub"
