"""The scripts of the checks: each passes on what is right and fails, with the reason, on what is not."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from provision.catalog.templates import template

TOKEN = "0123456789abcdef0123456789abcdef"  # noqa: S105 - made for the tests


def run(script: str, *words: str, tools: Path | None = None, paths: Path | None = None) -> tuple[int, str]:
    """Run a check's script as a probe does, with `tools` found before the machine's own; return its code and evidence."""
    token = (paths or Path.cwd()) / "token"
    environment = {"PATH": f"{tools}:/usr/bin:/bin" if tools else "/usr/bin:/bin", "TOKEN_FILE": str(token)}
    if paths:
        token.write_text(f"{TOKEN}\n")
        environment["PYTHONPATH"] = str(paths)
    done = subprocess.run(
        [sys.executable, "-", *words],
        input=template(f"checks/{script}.py"),
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
        check=False,
    )
    assert TOKEN not in done.stdout + done.stderr
    assert done.stdout, done.stderr
    return done.returncode, str(json.loads(done.stdout.splitlines()[-1])["evidence"])


def tool(folder: Path, name: str, text: str) -> Path:
    """Put a program that prints `text` into `folder`."""
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\n")
    file.chmod(0o755)
    return folder


# environment


def test_an_environment_computes() -> None:
    code, evidence = run("environment", sys.prefix)
    assert code == 0
    assert "48 by 48 product, largest error" in evidence


def test_another_environments_python_is_found_out() -> None:
    assert run("environment", "/home/me/envs/torch")[0] == 1


def test_a_numpy_that_multiplies_wrongly_is_found_out(tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text(
        "__version__ = '0'\n"
        "class array(list):\n"
        "    def __matmul__(self, other): return self\n"
        "    def tolist(self): return list(self)\n"
    )
    code, evidence = run("environment", sys.prefix, paths=tmp_path)
    assert (code, "NumPy 0" in evidence) == (1, True)


# listeners

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
ROWS = {
    "127.0.0.1": "0100007F:22B8 00000000:0000 0A",
    "0.0.0.0": "00000000:22B8 00000000:0000 0A",  # noqa: S104 - what is to be found
    "10.0.0.7": "0700000A:22B8 00000000:0000 0A",
    "other port": "00000000:22B9 00000000:0000 0A",
    "a client": "0700000A:22B8 0800000A:D431 01",
}


@pytest.mark.skipif(sys.byteorder != "little", reason="the rows are of a little-endian machine")
@pytest.mark.parametrize(
    ("rows", "six", "code"),
    [
        (["127.0.0.1"], [], 0),
        (["127.0.0.1", "other port", "a client"], ["00000000000000000000000001000000:22B8 0:0 0A"], 0),
        (["127.0.0.1", "10.0.0.7"], [], 1),
        (["0.0.0.0"], [], 1),  # noqa: S104 - as above
        (["127.0.0.1"], ["00000000000000000000000000000000:22B8 0:0 0A"], 1),
        (["other port", "a client"], [], 1),
    ],
    ids=["loopback", "both loopbacks", "the LAN too", "everywhere", "everywhere over IPv6", "nothing"],
)
def test_who_listens(tmp_path: Path, rows: list[str], six: list[str], code: int) -> None:
    (tmp_path / "tcp").write_text(HEAD + "".join(f"   0: {ROWS[row]} 00000000:00000000\n" for row in rows))
    (tmp_path / "tcp6").write_text(HEAD + "".join(f"   0: {row} 00000000:00000000\n" for row in six))
    assert run("listeners", "8888", str(tmp_path))[0] == code


def test_a_real_listener_is_seen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert run("listeners", str(port)) == (0, f"listens on 127.0.0.1, port {port}")
    assert run("listeners", str(port)) == (1, f"nothing listens on port {port}")


# JupyterLab, and servers that only look like it


@contextmanager
def serving(answers: Callable[[str, str, bool], tuple[int, str]]) -> Iterator[str]:
    """Serve `answers(method, path, whether the token is right)` on a port of 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers.get("Authorization") == f"token {TOKEN}"
            status, text = answers(self.command, self.path, known)
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        do_POST = do_DELETE = do_GET  # noqa: N815 - http.server's names

        def log_message(self, *_words: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield str(server.server_port)
    finally:
        server.shutdown()
        thread.join(timeout=10)
        server.server_close()


def lab(method: str, path: str, known: bool) -> tuple[int, str]:  # noqa: FBT001 - the shape `serving` wants
    if path == "/api":
        return 200, '{"version": "2.21.1"}'
    if not known:
        return 403, "{}"
    if path == "/lab":
        return 200, '<script id="jupyter-config-data">'
    return (201, '{"id": "k1"}') if method == "POST" else (200, '{"kernelspecs": {"torch": {}}}')


def test_a_lab_that_answers(tmp_path: Path) -> None:
    with serving(lab) as port:
        assert run("jupyter_answers", port, paths=tmp_path) == (
            0,
            "jupyter_server 2.21.1, kernels torch; the Lab page opens",
        )


def test_a_lab_that_refuses_its_token(tmp_path: Path) -> None:
    with serving(lambda method, path, _known: lab(method, path, known=False)) as port:
        assert run("jupyter_answers", port, paths=tmp_path) == (1, "jupyter_server 2.21.1 refuses the token: 403")


def test_a_lab_without_its_page(tmp_path: Path) -> None:
    with serving(lambda method, path, known: (500, "") if path == "/lab" else lab(method, path, known)) as port:
        code, evidence = run("jupyter_answers", port, paths=tmp_path)
    assert (code, evidence.endswith("the Lab page answers 500")) == (1, True)


def test_strangers_are_refused(tmp_path: Path) -> None:
    with serving(lab) as port:
        assert run("jupyter_refuses", port, paths=tmp_path)[0] == 0


@pytest.mark.parametrize("path", ["/api/contents", "/api/terminals", "/files/.bashrc"])
def test_one_open_door_is_found_and_named(tmp_path: Path, path: str) -> None:
    with serving(lambda method, at, known: lab(method, at, known or at == path)) as port:
        assert run("jupyter_refuses", port, paths=tmp_path) == (1, f"open to everybody: {path}")


def test_a_server_that_refuses_everybody_is_not_taken_for_a_careful_one(tmp_path: Path) -> None:
    with serving(lambda method, path, _known: lab(method, path, known=False)) as port:
        assert run("jupyter_refuses", port, paths=tmp_path) == (1, "refuses its own token too: 403")


CHANNEL = """
import json
WebSocketException = RuntimeError
def create_connection(url, header, timeout, http_no_proxy):
    return Channel()
class Channel:
    def send(self, text):
        asked = json.loads(text)
        out = []
        exec(asked["content"]["code"].replace("print(", "out.append("), {"out": out})
        said = SAID or out[0]
        parent = {"parent_header": asked["header"]}
        self.queue = [
            {"msg_type": "stream", "parent_header": {"msg_id": "other"}, "content": {"text": "noise"}},
            {"msg_type": "stream", "content": {"text": said}, **parent},
            {"msg_type": "status", "content": {"execution_state": "idle"}, **parent},
        ]
        if ERROR:
            self.queue.insert(0, {"msg_type": "error", "content": {"ename": "E", "evalue": ERROR}, **parent})
    def recv(self):
        return json.dumps(self.queue.pop(0))
    def close(self):
        pass
"""


@pytest.mark.parametrize(
    ("said", "error", "code", "evidence"),
    [
        ("", "", 0, "right"),
        ('["/e", "NumPy", 1, 2]', "", 1, "wrong: [1, 2]"),
        ("", "no module", 1, "kernel `torch`: E: no module"),
        ("nonsense", "", 1, "kernel `torch`:"),
    ],
)
def test_a_cell(tmp_path: Path, said: str, error: str, code: int, evidence: str) -> None:
    (tmp_path / "websocket.py").write_text(f"SAID, ERROR = {said!r}, {error!r}\n{CHANNEL}")
    with serving(lab) as port:
        found = run("jupyter_cell", port, "torch", paths=tmp_path)
    assert (found[0], evidence in found[1]) == (code, True), found


def test_a_kernel_that_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "websocket.py").write_text("")
    with serving(lambda method, path, known: (500, "no such kernel") if method == "POST" else lab(method, path, known)) as port:
        assert run("jupyter_cell", port, "torch", paths=tmp_path) == (
            1,
            "the server starts no kernel `torch`: 500 no such kernel",
        )


# The token


def test_a_token_nobody_sees(tmp_path: Path) -> None:
    code, evidence = run(
        "token_hidden", "jupyter@me.service", tools=tool(tmp_path / "bin", "journalctl", "started"), paths=tmp_path
    )
    assert (code, evidence.startswith("0 hits in 1 lines of log")) == (0, True)


def test_a_token_in_the_log(tmp_path: Path) -> None:
    tools = tool(tmp_path / "bin", "journalctl", f"http://127.0.0.1/?token={TOKEN}")
    code, evidence = run("token_hidden", "jupyter@me.service", tools=tools, paths=tmp_path)
    assert (code, evidence) == (1, "shown 1 times in the log of jupyter@me.service")


def test_a_token_in_somebodys_arguments(tmp_path: Path) -> None:
    tools = tool(tmp_path / "bin", "journalctl", "started")
    with subprocess.Popen([sys.executable, "-c", "input()", TOKEN], stdin=subprocess.PIPE) as shown:
        code, evidence = run("token_hidden", "jupyter@me.service", tools=tools, paths=tmp_path)
        assert (code, evidence) == (1, f"shown in the arguments of process {shown.pid}")


def test_a_log_that_cannot_be_read(tmp_path: Path) -> None:
    tools = tool(tmp_path / "bin", "journalctl", "")
    (tools / "journalctl").write_text("#!/bin/sh\necho no permission >&2; exit 1\n")
    assert run("token_hidden", "jupyter@me.service", tools=tools, paths=tmp_path)[0] == 1


# sshd and the updates


@contextmanager
def greeting(text: bytes) -> Iterator[int]:
    """Greet one connection on 127.0.0.1 with `text`."""
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(20)

    def greet() -> None:
        with server.accept()[0] as connection:
            connection.sendall(text)

    thread = Thread(target=greet)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        thread.join(timeout=20)
        server.close()


@pytest.mark.parametrize(("said", "code"), [(b"SSH-2.0-OpenSSH_9.2\r\n", 0), (b"SSH-1.99-old\r\n", 1), (b"220 mail\r\n", 1)])
def test_what_greets(tmp_path: Path, said: bytes, code: int) -> None:
    with greeting(said) as port:
        tools = tool(tmp_path / "bin", "sshd", f"port {port}\nlistenaddress 0.0.0.0:{port}")
        assert run("sshd", tools=tools)[0] == code


def test_nobody_greets(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    tools = tool(tmp_path / "bin", "sshd", f"listenaddress 0.0.0.0:{port}")
    assert run("sshd", tools=tools) == (1, f"127.0.0.1 port {port}: no answer (Connection refused)")


@pytest.mark.parametrize(
    ("wanted", "found", "code"),
    [
        ("on", ("1", "false", "active"), 0),
        ("on", ("0", "false", "active"), 1),
        ("on", ("1", "true", "active"), 1),
        ("on", ("1", "false", "inactive"), 1),
        ("off", ("0", "false", "inactive"), 0),
        ("off", ("1", "false", "active"), 1),
    ],
)
def test_upgrades(tmp_path: Path, wanted: str, found: tuple[str, str, str], code: int) -> None:
    upgrade, reboot, timer = found
    lines = f"APT::Periodic::Unattended-Upgrade={upgrade}\nUnattended-Upgrade::Automatic-Reboot={reboot}"
    tools = tool(tool(tmp_path / "bin", "apt-config", lines), "systemctl", timer)
    assert run("upgrades", wanted, tools=tools)[0] == code


@pytest.mark.parametrize(
    ("test", "code", "evidence"),
    [("", 0, "port 22, passwordauthentication yes"), ("echo line 3: Bad option >&2; exit 255", 1, "line 3: Bad option")],
)
def test_what_sshd_says_of_its_configuration(tmp_path: Path, test: str, code: int, evidence: str) -> None:
    tools = tool(tmp_path / "bin", "sshd", "port 22\npasswordauthentication yes\nciphers a,b")
    program = tools / "sshd"
    program.write_text(program.read_text().replace("#!/bin/sh\n", f'#!/bin/sh\n[ "$1" = -t ] && {{ {test or ":"}\nexit 0; }}\n'))
    assert run("sshd_config", tools=tools) == (code, evidence)


@pytest.mark.parametrize(
    ("audit", "check", "code", "evidence"),
    [
        ("", "exit 0", 0, "2 packages, none half-done, none without what it depends on"),
        ("half-installed: x", "exit 0", 1, "half-installed: x"),
        ("", "echo E: Unmet dependencies >&2; exit 100", 1, "E: Unmet dependencies"),
    ],
)
def test_sound_packages(tmp_path: Path, audit: str, check: str, *, code: int, evidence: str) -> None:
    tools = tool(tool(tmp_path / "bin", "dpkg", audit), "dpkg-query", "bash\ncurl")
    (tools / "apt-get").write_text(f"#!/bin/sh\n{check}\n")
    (tools / "apt-get").chmod(0o755)
    assert run("packages", tools=tools) == (code, evidence)
