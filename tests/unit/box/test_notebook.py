"""The notebook client against servers that refuse, fail and let strangers in."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from provision.box.notebook import Notebook, product, tunnel
from provision.errors import ProvisionError

TOKEN = "t0ken"  # noqa: S105 - of a server of this test


class Lab(BaseHTTPRequestHandler):
    """Answers as JupyterLab does; `open_door` lets everybody in."""

    open_door = False
    kernels = 201

    def _answer(self, status: int, text: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_GET(self) -> None:
        known = self.headers["Authorization"] == f"token {TOKEN}" or self.open_door
        if self.path == "/lab":
            self._answer(200 if known else 302, '<script id="jupyter-config-data">' if known else "")
        else:
            self._answer(200 if known else 403, "{}")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(self.kernels, "no such kernel" if self.kernels != 201 else '{"id": "k"}')

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    monkeypatch.setattr(Lab, "open_door", False)
    monkeypatch.setattr(Lab, "kernels", 201)
    with ThreadingHTTPServer(("127.0.0.1", 0), Lab) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield Notebook(server.server_port, TOKEN)
        server.shutdown()
        thread.join(5)


def test_a_closed_door(lab: Notebook) -> None:
    assert lab.serves_lab()
    assert lab.refusal() == 403


def test_an_open_door_is_an_error(lab: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lab, "open_door", True)
    with pytest.raises(ProvisionError, match="lets strangers in"):
        lab.refusal()


def test_a_kernel_that_does_not_start(lab: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lab, "kernels", 404)
    with pytest.raises(ProvisionError, match="starts no kernel `demo`") as caught:
        lab.run_cell("demo")
    assert "404 no such kernel" in caught.value.evidence


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(ProvisionError, match="does not answer"):
        Notebook(1, TOKEN).serves_lab()


def test_a_tunnel_that_cannot_be_opened_says_what_ssh_said(tmp_path: Path) -> None:
    config = tmp_path / "ssh_config"
    config.write_text("Host box-1\n  HostName 127.0.0.1\n  Port 1\n  UserKnownHostsFile /dev/null\n  BatchMode yes\n")
    with pytest.raises(ProvisionError, match="tunnel") as caught, tunnel(config, "box-1", 8888):
        raise AssertionError
    assert "refused" in caught.value.evidence


def test_the_product_is_that_of_matrices() -> None:
    found = product()
    assert found[0][0] == sum((j * 3 % 11) * (j * 5 % 13) for j in range(60))
    assert len(found) == len(found[0]) == 60
