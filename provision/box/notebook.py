"""A remote JupyterLab, used as a browser uses it: through an SSH tunnel, its REST API and its websocket."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from provision.box.command import last_lines
from provision.errors import ProvisionError

SIZE = 60
ANSWER_SECONDS = 90
CODE = f"""
import json, numpy
one = numpy.array([[(i * 7 + j * 3) % 11 for j in range({SIZE})] for i in range({SIZE})])
other = numpy.array([[(i * 5 + j * 2) % 13 for j in range({SIZE})] for i in range({SIZE})])
print(json.dumps({{"numpy": numpy.__version__, "product": (one @ other).tolist()}}))
"""


def product() -> list[list[int]]:
    """Return what the cell is to compute, by pure Python."""
    one = [[(i * 7 + j * 3) % 11 for j in range(SIZE)] for i in range(SIZE)]
    columns = [[(i * 5 + j * 2) % 13 for i in range(SIZE)] for j in range(SIZE)]
    return [[sum(a * b for a, b in zip(row, column, strict=True)) for column in columns] for row in one]


class Tunnel:
    """A port of 127.0.0.1 that leads, through `ssh -L`, to a port of the other machine's 127.0.0.1."""

    def __init__(self, ssh_config: Path, host: str, port: int) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        argv = ["ssh", "-F", str(ssh_config), "-N", "-o", "ExitOnForwardFailure=yes", "-o", "ServerAliveInterval=15"]
        argv += ["-L", f"127.0.0.1:{self.port}:127.0.0.1:{port}", host]
        self._child = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    def wait(self, timeout: float = 15) -> None:
        """Wait until the tunnel is open; raises `ProvisionError` with what ssh said."""
        deadline = time.monotonic() + timeout
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            if self._child.poll() is not None or time.monotonic() > deadline:
                self._child.kill()
                said = self._child.stderr.read() if self._child.stderr else ""
                raise ProvisionError("the tunnel could not be opened", evidence=last_lines(said))
            time.sleep(0.05)

    def close(self) -> None:
        """Close the tunnel."""
        self._child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(5)


@contextlib.contextmanager
def tunnel(ssh_config: Path, host: str, port: int) -> Iterator[Tunnel]:
    """Open a tunnel for as long as the block runs."""
    opened = Tunnel(ssh_config, host, port)
    try:
        opened.wait()
        yield opened
    finally:
        opened.close()


class Notebook:
    """JupyterLab on 127.0.0.1:`port`, let in by `token`."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._token = token

    def serves_lab(self) -> bool:
        """Whether the Lab page comes with the token."""
        status, text = self._ask("GET", "/lab")
        return status == http.client.OK and "jupyter-config-data" in text

    def refusal(self) -> int:
        """Return the status with which a request without the token is turned away; raises `ProvisionError` if it is let in."""
        status, _ = self._ask("GET", "/api/contents", authorised=False)
        page, _ = self._ask("GET", "/lab", authorised=False)
        refused = {http.client.FOUND, http.client.UNAUTHORIZED, http.client.FORBIDDEN}
        if status not in refused or page not in refused:
            raise ProvisionError(f"JupyterLab lets strangers in: it answers {status} and {page} without the token")
        return status

    def run_cell(self, kernel: str) -> str:
        """Multiply two matrices with NumPy in `kernel` and compare with pure Python; return NumPy's version."""
        status, text = self._ask("POST", "/api/kernels", {"name": kernel})
        if status != http.client.CREATED:
            raise ProvisionError(f"JupyterLab starts no kernel `{kernel}`", evidence=f"{status} {text[:300]}")
        started = json.loads(text)["id"]
        try:
            found = json.loads(self._execute(started))
        finally:
            self._ask("DELETE", f"/api/kernels/{started}")
        if found["product"] != product():
            raise ProvisionError("the cell computed a wrong product")
        return str(found["numpy"])

    def _ask(self, method: str, path: str, body: dict[str, str] | None = None, *, authorised: bool = True) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        headers = {"Content-Type": "application/json"}
        if authorised:
            headers["Authorization"] = f"token {self._token}"
        try:
            connection.request(method, path, body=None if body is None else json.dumps(body), headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            raise ProvisionError(f"JupyterLab does not answer through the tunnel: {error or type(error).__name__}") from error
        finally:
            connection.close()

    def _execute(self, kernel: str) -> str:
        import websocket  # noqa: PLC0415 - only the demo has this package

        message = uuid.uuid4().hex
        content: dict[str, Any] = {"code": CODE, "silent": False, "store_history": False, "allow_stdin": False}
        header = {"msg_id": message, "msg_type": "execute_request", "username": "", "session": uuid.uuid4().hex, "version": "5.4"}
        request = {"channel": "shell", "header": header, "parent_header": {}, "metadata": {}, "content": content}
        channel = websocket.create_connection(
            f"ws://127.0.0.1:{self._port}/api/kernels/{kernel}/channels",
            header=[f"Authorization: token {self._token}"],
            timeout=ANSWER_SECONDS,
            http_no_proxy=["127.0.0.1"],
        )
        try:
            channel.send(json.dumps(request))
            return _printed(channel, message)
        except (OSError, websocket.WebSocketException) as error:
            raise ProvisionError(f"the kernel does not answer: {error or type(error).__name__}") from error
        finally:
            channel.close()


def _printed(channel: Any, message: str) -> str:  # noqa: ANN401 - a websocket, which has no types
    """Return what the cell `message` prints until the kernel is idle again."""
    printed = ""
    deadline = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < deadline:
        said = json.loads(channel.recv())
        if said.get("parent_header", {}).get("msg_id") != message:
            continue
        content = said["content"]
        if said["msg_type"] == "error":
            raise ProvisionError(f"the cell failed: {content['ename']}: {content['evalue']}")
        if said["msg_type"] == "stream":
            printed += content["text"]
        if said["msg_type"] == "status" and content["execution_state"] == "idle":
            return printed
    raise ProvisionError(f"the cell did not end within {ANSWER_SECONDS} s")
