"""Which machine we talk to, and who it lets in: unknown, changed and revoked keys are refused before anybody logs in."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from provision.box.box import Box
from tests.system.driving import Driver, Said, cursor, log

pytestmark = pytest.mark.box

TIMES = 3
ATTEMPTS = ("Accepted", "Failed", "authenticating", "Invalid user")
"""What sshd writes once somebody tries to log in."""


@pytest.fixture(scope="module")
def talkative(box: Box) -> Box:
    """A box whose sshd writes down each connection."""
    box.succeed("sed -i '1i LogLevel VERBOSE' /etc/ssh/sshd_config; systemctl restart ssh")
    box.wait_until_up()
    return box


@pytest.fixture
def driver(talkative: Box, tmp_path: Path) -> Driver:
    made = Driver(talkative, tmp_path)
    made.role("return\nyield")
    return made


@pytest.fixture
def other_key(tmp_path: Path) -> str:
    """The public half of a key that is not the box's."""
    return public(keygen(tmp_path / "other"))


def keygen(path: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path], check=True)
    return path


def public(key: Path) -> str:
    return " ".join(key.with_suffix(".pub").read_text().split()[:2])


def host_key(driver: Driver) -> str:
    return " ".join(driver.box.known_hosts.read_text().split()[1:3])


def fingerprint(driver: Driver) -> str:
    said = driver.box.succeed(["ssh-keygen", "-lf", "/etc/ssh/ssh_host_ed25519_key.pub"])
    return said.split()[1]


def plan(driver: Driver) -> Said:
    return driver.run("plan", "sample")


def refused(driver: Driver, verb: str = "plan") -> list[Said]:
    """Return what the command line said each time; sshd saw nobody try to log in."""
    since = cursor(driver.box)
    said = [driver.run(verb, *(["sample"] if verb != "runs" else [])) for _ in range(TIMES)]
    lines = log(driver.box, since, " sshd[")
    assert lines.count("Connection from") == TIMES, lines
    assert not [line for line in lines.splitlines() if any(word in line for word in ATTEMPTS)]
    assert [each.code for each in said] == [4] * TIMES
    return said


def test_a_log_in_would_be_seen(driver: Driver) -> None:
    with pytest.raises(AssertionError):
        refused(driver)


@pytest.mark.parametrize("verb", ["plan", "apply", "runs"])
def test_unknown(driver: Driver, verb: str) -> None:
    driver.known_hosts.write_text("")
    for said in refused(driver, verb):
        assert "is not known" in said.error["message"]
        assert fingerprint(driver) in said.error["message"]
        assert f"`provision trust {driver.box.name}`" in said.error["hint"]


def test_known_hosts_is_not_there(driver: Driver) -> None:
    driver.known_hosts.unlink()
    assert "is not known" in refused(driver)[0].error["message"]
    assert not driver.known_hosts.exists()


def test_changed(driver: Driver, other_key: str) -> None:
    driver.known_hosts.write_text(f"[127.0.0.1]:{driver.box.port} {other_key}\n")
    for said in refused(driver):
        assert "has CHANGED" in said.error["message"]
        assert fingerprint(driver) in said.error["message"]
        assert f"`ssh-keygen -R '[127.0.0.1]:{driver.box.port}'`" in said.error["hint"]
    assert driver.run("trust", driver.box.name).code != 0


@pytest.mark.parametrize("pattern", ["*", "[127.0.0.1]:{port}"])
@pytest.mark.parametrize("first", [True, False])
def test_revoked(driver: Driver, pattern: str, first: bool) -> None:  # noqa: FBT001 - a parameter of the test
    trusted = driver.known_hosts.read_text()
    revoked = f"@revoked {pattern.format(port=driver.box.port)} {host_key(driver)}\n"
    driver.known_hosts.write_text(revoked + trusted if first else trusted + revoked)
    for said in refused(driver):
        assert "revoked host key" in said.error["message"]


def trust(driver: Driver, *words: str) -> Said:
    argv = driver.argv("trust", driver.box.name, *words, as_json=False)
    del argv[argv.index("--host") : argv.index("--host") + 2]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=driver.env, timeout=60, check=False)
    return Said(code=done.returncode, stdout=done.stdout, stderr=done.stderr)


def test_trust_shows_the_fingerprint_records_the_key_and_then_it_works(driver: Driver) -> None:
    driver.known_hosts.write_text("# kept")
    asked = trust(driver)
    assert asked.code == 3
    assert "no terminal" in asked.stderr
    assert driver.known_hosts.read_text() == "# kept"
    said = trust(driver, "--yes")
    assert said.code == 0, said.stderr
    assert fingerprint(driver) in said.stderr
    assert driver.known_hosts.read_text() == f"# kept\n[127.0.0.1]:{driver.box.port} {host_key(driver)}\n"
    assert plan(driver).code == 0
    assert "known already" in trust(driver).stderr
    assert driver.box.ssh("true").returncode == 0
    same = subprocess.run(["ssh", "-F", driver.ssh_config, driver.box.name, "true"], capture_output=True, timeout=60, check=False)
    assert same.returncode == 0, "OpenSSH reads what we wrote"


def test_trust_does_not_replace_a_changed_key(driver: Driver, other_key: str) -> None:
    text = f"[127.0.0.1]:{driver.box.port} {other_key}\n"
    driver.known_hosts.write_text(text)
    said = trust(driver, "--yes")
    assert said.code == 3
    assert "another key is on record" in " ".join(said.stderr.split())
    assert driver.known_hosts.read_text() == text


def test_trust_refuses_a_revoked_key(driver: Driver) -> None:
    driver.known_hosts.write_text(f"@revoked * {host_key(driver)}\n")
    assert trust(driver, "--yes").code == 4


def test_hashed_names(driver: Driver) -> None:
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", driver.known_hosts], capture_output=True, check=True)
    assert driver.known_hosts.read_text().startswith("|1|")
    assert plan(driver).code == 0


def test_a_key_of_another_type_on_record_is_no_trust_in_this_one(driver: Driver, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", tmp_path / "ecdsa"], check=True)
    driver.known_hosts.write_text(f"[127.0.0.1]:{driver.box.port} {public(tmp_path / 'ecdsa')}\n")
    assert "has CHANGED" in refused(driver)[0].error["message"]


def test_an_alias_with_patterns_and_a_user_of_its_own(driver: Driver) -> None:
    text = driver.ssh_config.read_text().replace(f"Host {driver.box.name}", "Host far-* !far-away").replace("  User demo\n", "")
    driver.ssh_config.write_text(f"{text}Host *\n  User root\n")
    argv = driver.argv("runs")
    argv[argv.index("--host") + 1] = "far-off"
    done = subprocess.run(argv, capture_output=True, text=True, env=driver.env, timeout=60, check=False)
    assert done.returncode == 0, done.stdout


def test_through_a_gateway(driver: Driver) -> None:
    inner = f"Host inner\n  HostName localhost\n  Port 22\n  User demo\n  IdentityFile {driver.box.key}\n  IdentitiesOnly yes\n"
    inner += f"  UserKnownHostsFile {driver.known_hosts}\n  ProxyJump {driver.box.name}\n"
    driver.ssh_config.write_text(driver.ssh_config.read_text() + inner)
    outer = driver.known_hosts.read_text()

    def reach() -> Said:
        argv = driver.argv("plan", "sample")
        argv[argv.index("--host") + 1] = "inner"
        done = subprocess.run(argv, capture_output=True, text=True, env=driver.env, timeout=60, check=False)
        assert "Traceback" not in done.stderr
        return Said(code=done.returncode, stdout=done.stdout, stderr=done.stderr)

    said = reach()
    assert (said.code, "localhost is not known" in said.error["message"]) == (4, True), "each hop is checked"
    driver.known_hosts.write_text(f"localhost {host_key(driver)}\n")
    assert reach().code == 4
    driver.known_hosts.write_text(f"{outer}localhost {host_key(driver)}\n")
    assert reach().code == 0


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An ssh-agent that ends with the test; where it listens, as environment variables."""
    socket = tmp_path / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        try:
            environment = {"SSH_AUTH_SOCK": str(socket)}
            for _ in range(100):
                if socket.exists():
                    break
                subprocess.run(["sleep", "0.02"], check=True)
            yield environment
        finally:
            child.kill()


def test_a_key_in_the_agent(driver: Driver, agent: dict[str, str]) -> None:
    driver.environment = agent
    driver.ssh_config.write_text("".join(line for line in driver.ssh_config.open() if "Identit" not in line))
    said = plan(driver)
    assert said.code == 4
    assert "does not let `demo` in" in said.error["message"]
    subprocess.run(["ssh-add", "-q", driver.box.key], env={**os.environ, **agent}, check=True)
    assert plan(driver).code == 0


def test_no_key_that_is_let_in(driver: Driver, tmp_path: Path) -> None:
    driver.configure(IdentityFile=str(keygen(tmp_path / "wrong")))
    driver.ssh_config.write_text(driver.ssh_config.read_text().replace(f"  IdentityFile {driver.box.key}\n", ""))
    said = plan(driver)
    assert said.code == 4
    assert "with any of our keys" in said.error["message"]
    assert "ssh-copy-id" in said.error["hint"]


def test_a_key_file_that_is_not_there(driver: Driver) -> None:
    text = driver.ssh_config.read_text().replace(str(driver.box.key), "/nonexistent/key")
    driver.ssh_config.write_text(text)
    assert plan(driver).code == 4


def test_nobody_answers(driver: Driver) -> None:
    text = driver.ssh_config.read_text().replace(f"Port {driver.box.port}", "Port 9")
    driver.ssh_config.write_text(text)
    said = plan(driver)
    assert said.code == 4
    assert "port 9" in said.error["message"]


@pytest.mark.parametrize("greeting", [b"", b"HTTP/1.0 400 Bad Request\r\n\r\n", b"SSH-2.0-x\r\n"])
def test_something_else_answers(driver: Driver, greeting: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            for _ in range(2):  # a second time if it is asked again
                with contextlib.suppress(OSError):
                    taken, _ = server.accept()
                    taken.sendall(greeting)
                    taken.close()

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        driver.ssh_config.write_text(
            driver.ssh_config.read_text().replace(f"Port {driver.box.port}", f"Port {server.getsockname()[1]}")
        )
        said = plan(driver)
        assert (said.code, said.stderr) == (4, "")
        assert said.error["message"].startswith(driver.box.name)
