"""The newest release in an index, a folder, or both."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from provision.box.pip_settings import PipSettings
from provision.errors import UnreadableError
from provision.knowledge import pip_index
from provision.knowledge.pip_index import PipIndex, release, shown

JSON = "application/vnd.pypi.simple.v1+json"


class Simple(ThreadingHTTPServer):
    """A simple index: pages by path, as (status, content type, body); remembers what was asked with which credentials."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages: dict[str, tuple[int, str, bytes]] = {}
        self.asked: list[tuple[str, str, str]] = []

    def url(self, path: str = "/simple", login: str = "") -> str:
        return f"http://{login}127.0.0.1:{self.server_address[1]}{path}"

    def files(self, project: str, *names: str, yanked: str = "") -> None:
        files = [{"filename": name, "yanked": name == yanked} for name in names]
        self.pages[f"/simple/{project}/"] = (200, JSON, json.dumps({"files": files}).encode())


class Handler(BaseHTTPRequestHandler):
    server: Simple

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Authorization", ""), self.headers.get("Accept", "")))
        status, kind, body = self.server.pages.get(self.path, (404, "text/plain", b"no"))
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - as its base names it


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simple]:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pip_index, "default_index", lambda: "")
    with Simple() as simple:
        thread = threading.Thread(target=simple.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield simple
        simple.shutdown()
        thread.join()


def test_the_newest_final_release_that_was_not_withdrawn(server: Simple) -> None:
    server.files(
        "torch",
        "torch-2.9.1-cp311-cp311-manylinux_2_28_x86_64.whl",
        "torch-2.15.0-cp312-cp312-manylinux_2_28_x86_64.whl",
        "torch-2.16.0rc1-cp312-cp312-manylinux_2_28_x86_64.whl",
        "torch-2.17.0-cp312-cp312-manylinux_2_28_x86_64.whl",
        "torchvision-3.0-py3-none-any.whl",
        yanked="torch-2.17.0-cp312-cp312-manylinux_2_28_x86_64.whl",
    )
    index = PipIndex(PipSettings(index_url=server.url()))
    assert index.newest("torch") == "2.15.0"
    assert server.asked[0][0] == "/simple/torch/"
    assert JSON in server.asked[0][2]


def test_a_page_of_links(server: Simple) -> None:
    page = b"""<!DOCTYPE html><a href="../../p/fastai-2.8.12-py3-none-any.whl#sha256=0">fastai-2.8.12-py3-none-any.whl</a>
    <a href="../../p/fastai-2.9.0.tar.gz" data-yanked="broken">fastai-2.9.0.tar.gz</a><a>nothing</a>"""
    server.pages["/simple/fastai/"] = (200, "text/html; charset=utf-8", page)
    assert PipIndex(PipSettings(index_url=server.url("/simple/"))).newest("fastai") == "2.8.12"


def test_extra_indexes_and_folders_count_too(server: Simple, tmp_path: Path) -> None:
    server.files("jax", "jax-0.12.0-py3-none-any.whl")
    (tmp_path / "simple/jax").mkdir(parents=True)
    (tmp_path / "simple/jax/jax-0.13.0.1-py3-none-any.whl").touch()
    (tmp_path / "simple/torch").mkdir()
    (tmp_path / "simple/torch/index.html").write_text('<a href="torch-2.13.0%2Bcpu-cp311-cp311-linux_x86_64.whl">x</a>')
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels/nvidia_cudnn_cu12-9.28.0.42-py3-none-manylinux_2_27_x86_64.whl").touch()
    index = PipIndex(
        PipSettings(
            index_url=server.url(),
            extra_index_urls=((tmp_path / "simple").as_uri(),),
            find_links=(str(tmp_path / "wheels"), str(tmp_path / "nothing")),
        )
    )
    assert index.newest("jax") == "0.13.0.1"
    assert index.newest("torch") == "2.13.0"
    assert index.newest("nvidia-cudnn-cu12") == "9.28.0.42"
    assert index.newest("tensorflow") == ""
    assert index.places == (server.url(), (tmp_path / "simple").as_uri())


def test_credentials_are_sent_and_not_shown(server: Simple) -> None:
    server.files("torch", "torch-2.15.0-py3-none-any.whl")
    index = PipIndex(PipSettings(index_url=server.url(login="me:s%40cret@")))
    assert index.newest("torch") == "2.15.0"
    assert server.asked[0][1] == "Basic bWU6c0BjcmV0"
    assert index.places == (server.url(),)
    server.pages["/simple/torch/"] = (403, "text/plain", b"no")
    with pytest.raises(UnreadableError, match="answers 403") as raised:
        index.newest("torch")
    assert "cret" not in str(raised.value)


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"files": [{}]}', b'{"files": null}'])
def test_an_answer_that_is_none(server: Simple, body: bytes) -> None:
    server.pages["/simple/torch/"] = (200, JSON, body)
    with pytest.raises(UnreadableError, match="no list of files"):
        PipIndex(PipSettings(index_url=server.url())).newest("torch")


def test_nobody_listens(server: Simple) -> None:
    server.server_close()
    index = PipIndex(PipSettings(index_url=server.url()))
    with pytest.raises(UnreadableError, match="does not answer"):
        index.newest("torch")


def test_without_an_index_of_its_own_pip_s_is_taken(server: Simple, monkeypatch: pytest.MonkeyPatch) -> None:
    assert PipIndex(PipSettings()).places == ()
    monkeypatch.setattr(pip_index, "default_index", server.url)
    server.files("torch", "torch-2.15.0-py3-none-any.whl")
    assert PipIndex(PipSettings()).newest("torch") == "2.15.0"


def test_pip_says_which_index_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "python"
    python.write_text(
        "#!/bin/sh\n"
        "cat <<'EOF'\n"
        "  -i, --index-url <url>       Base URL of the Python Package Index (default\n"
        "                              http://mirror.test/simple). This should point to\n"
        "EOF\n"
    )
    python.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(python))
    assert pip_index.default_index() == "http://mirror.test/simple"


@pytest.mark.parametrize(
    ("file", "version"),
    [
        ("torch-2.15.0-cp312-cp312-linux_x86_64.whl", "2.15.0"),
        ("torch-2.14.1+cu126-cp312-cp312-linux_x86_64.whl", "2.14.1"),
        ("torch-2.15.0.tar.gz", "2.15.0"),
        ("torch-2.15.0.dev1-cp312-cp312-linux_x86_64.whl", ""),
        ("torch-2.15.0a0.tar.gz", ""),
        ("torch_geometric-2.6.tar.gz", ""),
        ("torch-2.15.0-cp312-cp312-linux_x86_64.whl.metadata", ""),
        ("torch.whl", ""),
        ("", ""),
    ],
)
def test_versions_in_file_names(file: str, version: str) -> None:
    assert release(file, "torch") == version


def test_what_is_secret_in_an_address_is_not_shown() -> None:
    assert shown("https://me:secret@mirror.test:8443/simple/?token=x#y") == "https://mirror.test:8443/simple/"
