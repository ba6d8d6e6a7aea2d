"""Why a machine cannot boot a box, in one line that says what mends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from provision.box import support
from provision.box.command import last_lines, run
from provision.box.support import why_not
from provision.errors import ProvisionError


@pytest.fixture
def able(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda program, path: f"/usr/bin/{program}")
    monkeypatch.setattr(Path, "exists", lambda _: True)
    monkeypatch.setattr(support, "_namespaces", str)
    monkeypatch.setattr(support, "_cgroups", str)


@pytest.mark.usefixtures("able")
def test_an_able_machine() -> None:
    assert why_not() == ""


@pytest.mark.usefixtures("able")
def test_without_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert "needs root" in why_not()


@pytest.mark.usefixtures("able")
def test_missing_programs_name_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda program, path: None if program.startswith(("ssh", "slirp")) else "/x")
    assert "`apt-get install openssh-client slirp4netns`" in why_not()


@pytest.mark.usefixtures("able")
def test_a_container_without_tun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "exists", lambda path: str(path) != "/dev/net/tun")
    assert "/dev/net/tun" in why_not()


def test_refused_namespaces_say_what_the_kernel_said(monkeypatch: pytest.MonkeyPatch) -> None:
    class Done:
        returncode = 1
        stderr = "unshare: unshare failed: Operation not permitted\n"

    monkeypatch.setattr("subprocess.run", lambda *_, **__: Done)
    assert "Operation not permitted" in support._namespaces()
    Done.returncode = 0
    assert support._namespaces() == ""


def test_cgroups_need_a_writable_tree_where_systemd_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(support, "cgroup_roots", tuple)
    monkeypatch.setattr(Path, "is_dir", lambda _: False)
    assert "cgroup" in support._cgroups()
    monkeypatch.setattr(Path, "is_dir", lambda _: True)
    assert support._cgroups() == ""


def test_programs_that_fail_hang_or_are_absent() -> None:
    with pytest.raises(ProvisionError, match="`sh` ended with 3") as caught:
        run(["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert caught.value.evidence == "out\nerr"
    with pytest.raises(ProvisionError, match="`no-such-program` is not installed"):
        run(["no-such-program"])
    with pytest.raises(ProvisionError, match=r"longer than 0\.2 s") as slow:
        run(["sh", "-c", "echo begun; sleep 5"], timeout=0.2)
    assert slow.value.evidence == "begun"
    assert run(["sh", "-c", "exit 3"], check=False).returncode == 3
    assert last_lines("\n".join(map(str, range(99))), 2) == "97\n98"
