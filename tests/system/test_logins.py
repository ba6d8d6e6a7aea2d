"""Odd logins on the machine: noisy, poor or strange shells get the same result, or a clean refusal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from provision.box.box import Box
from tests.system.driving import Driver, undone, users

pytestmark = pytest.mark.box


@pytest.fixture
def driver(box: Box, tmp_path: Path) -> Iterator[Driver]:
    users(box, "odd", rules=["odd ALL=(ALL:ALL) NOPASSWD: ALL"])
    made = Driver(box, tmp_path, user="odd")
    made.role('yield File(path="/etc/sample", content="made\\n", mode=0o640)')
    with undone(box, "rm -f /etc/sample"):
        yield made


def made(driver: Driver) -> bool:
    return driver.box.execute(["stat", "--format=%a %U", "/etc/sample"]).stdout == "640 root\n"


@contextmanager
def bashrc(box: Box, text: str) -> Iterator[None]:
    """Give the user `odd` these first lines of .bashrc, which bash reads for a command over SSH, too."""
    box.succeed("cp -p /home/odd/.bashrc /home/odd/.bashrc.kept; cat - /home/odd/.bashrc.kept > /home/odd/.bashrc", stdin=text)
    with undone(box, "mv /home/odd/.bashrc.kept /home/odd/.bashrc"):
        yield


BOGUS = "mkdir -p ~/bogus; printf '#!/bin/sh\\necho bogus; exit 1\\n' > ~/bogus/python3; chmod 755 ~/bogus/python3; "
OWN = "mkdir -p ~/own; echo 'raise SystemExit(9)' | tee ~/own/json.py > ~/own/zlib.py;"
LOGINS = {
    "prints on stdout": "echo welcome to this machine; printf '\\0\\377noise without a newline'\n",
    "prints on stderr": "echo a warning >&2\n",
    "prints a lot": "seq 100000\n",
    "umask 077": "umask 077\n",
    "umask 000": "umask 000\n",
    "no HOME": "unset HOME\n",
    "LANG=C": "export LANG=C LC_ALL=C\n",
    "LANG=POSIX": "export LANG=POSIX LC_ALL=POSIX\n",
    "a LANG that is not there": "export LANG=xx_XX.UTF-8 LC_ALL=xx_XX.UTF-8\n",
    "another python3 first": f"{BOGUS} export PATH=$HOME/bogus:$PATH\n",
    "modules of one's own": f"{OWN} cd ~/own; export PYTHONPATH=.\n",
    "no PATH": "unset PATH\n",
    "an unwritable folder": "cd /proc/1/net 2>/dev/null || cd /\n",
    "few open files": "ulimit -n 64\n",
    "a closed stderr": "exec 2>&-\n",
}


@pytest.mark.parametrize("name", LOGINS)
def test_odd_logins(driver: Driver, name: str) -> None:
    with bashrc(driver.box, LOGINS[name]):
        said = driver.apply()
    assert (said.code, said.changed) == (0, ["file:/etc/sample"]), said
    assert made(driver)
    kept = driver.box.succeed(["stat", "--format=%a %U", "/var/lib/provision", "/run/provision"])
    assert kept == "700 root\n700 root\n"


def test_noexec_tmp(driver: Driver) -> None:
    places = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - of the box
    with ExitStack() as mounts:
        for place in places:
            driver.box.succeed(["mount", "-t", "tmpfs", "-o", "noexec,mode=1777", "tmpfs", place])
            mounts.enter_context(undone(driver.box, f"umount {place}"))
        assert driver.apply().code == 0
        assert driver.box.succeed(["find", *places, "-mindepth", "1"]) == ""
    assert made(driver)


@pytest.mark.parametrize("shell", ["/bin/dash", "/bin/rbash"])
def test_other_login_shells(driver: Driver, shell: str) -> None:
    driver.box.succeed(["chsh", "--shell", shell, "odd"])
    with undone(driver.box, "chsh --shell /bin/bash odd"):
        said = driver.apply()
    if shell == "/bin/rbash":  # forbids `/` in a command's name: no way in for us, and none for ssh
        assert said.code == 4
        assert "restricted" in said.error["evidence"]
    else:
        assert said.code == 0
        assert made(driver)


@pytest.mark.slow
def test_login_shells_that_are_no_bourne_shells(driver: Driver) -> None:
    driver.box.succeed(["apt-get", "-qq", "update"], timeout=300)
    driver.box.succeed("DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends --yes csh fish", timeout=300)
    with undone(driver.box, "chsh --shell /bin/bash odd"):
        for shell in ("/bin/csh", "/usr/bin/fish"):
            driver.box.succeed(["chsh", "--shell", shell, "odd"])
            assert driver.apply().code == 0, shell
            assert made(driver)
            driver.box.succeed(["rm", "/etc/sample"])


def test_root_needs_no_sudo(driver: Driver) -> None:
    driver.user = "root"
    driver.configure()
    driver.box.succeed(["mv", "/usr/bin/sudo", "/usr/bin/sudo.away"])
    with undone(driver.box, "mv /usr/bin/sudo.away /usr/bin/sudo"):
        assert driver.apply().code == 0
        driver.user = "demo"
        driver.configure()
        said = driver.apply()
    assert said.code == 4
    assert made(driver)


def test_a_machine_without_python(driver: Driver) -> None:
    driver.box.succeed(["mv", "/usr/bin/python3", "/usr/bin/python3.away"])
    with undone(driver.box, "mv /usr/bin/python3.away /usr/bin/python3"):
        said = driver.apply()
    assert said.code == 4
    assert "has no `python3`" in said.error["message"]
    assert "apt-get install" in said.error["hint"]
