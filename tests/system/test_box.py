"""Boxes themselves: they boot, they answer, and they leave nothing behind."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from provision.box import root, state
from provision.box.box import Box
from provision.box.process import Process, process
from provision.box.snapshot import differences, take
from provision.errors import ProvisionError
from tests.system.conftest import FreshBox

pytestmark = pytest.mark.box


def host() -> dict[str, str]:
    """What a box must never change on this machine."""

    def said(*argv: str) -> str:
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    return {
        "routes": said("ip", "route", "show", "table", "all"),
        "links": said("ip", "-brief", "link"),
        "addresses": said("ip", "-brief", "address"),
        "resolver": Path("/etc/resolv.conf").read_text(),
        "forwarding": Path("/proc/sys/net/ipv4/ip_forward").read_text(),
        "hostname": Path("/proc/sys/kernel/hostname").read_text(),
        "mounts": "\n".join(sorted(Path("/proc/self/mounts").read_text().splitlines())),
        "netns": "\n".join(sorted(path.name for path in Path("/run/netns").glob("*"))),
    }


def left_behind(name: str) -> list[str]:
    """Return whatever on this machine carries the name of a box."""
    found = [str(path) for top in (state.STATES, root.cache_home() / "boxes") if top.is_dir() for path in top.glob(f"*{name}*")]
    found += [str(path) for path in Path("/sys/fs/cgroup").glob(f"*/*{name}*")]
    found += [str(path) for path in Path("/run/systemd").glob(f"**/*{name}*")] if Path("/run/systemd").is_dir() else []
    found += [line for line in Path("/proc/self/mounts").read_text().splitlines() if name in line]
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if name in words:
                found.append(f"{entry.name}: {words}")
    return found


def test_boots_to_running_and_lets_our_key_in(box: Box) -> None:
    assert box.boot_seconds < 6
    assert box.succeed(["systemctl", "is-system-running"]).strip() == "running"
    assert box.succeed(["ps", "-p", "1", "-o", "comm="]).strip() == "systemd"
    assert box.ssh("sudo", "--non-interactive", "id", "--user").stdout.strip() == "0"
    assert box.ssh("id", "--user", "--name", user="root").stdout.strip() == "root"


def test_each_box_is_a_machine_of_its_own(fresh_box: FreshBox) -> None:
    first, second = fresh_box(), fresh_box()
    identity = "cat /etc/machine-id /etc/ssh/ssh_host_ed25519_key.pub /etc/hostname /proc/sys/kernel/random/boot_id"
    assert not set(first.succeed(identity).splitlines()) & set(second.succeed(identity).splitlines())
    first.succeed("echo first > /etc/mark")
    second.fail(["test", "-e", "/etc/mark"])
    first.succeed(["systemctl", "stop", "ssh"])
    assert second.ssh("true").returncode == 0


def test_another_host_key_is_refused(box: Box) -> None:
    known = box.known_hosts.read_text()
    other = box.folder / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True)
    try:
        box.known_hosts.write_text(f"[127.0.0.1]:{box.port} {other.with_suffix('.pub').read_text()}")
        done = box.ssh("true", check=False)
    finally:
        box.known_hosts.write_text(known)
    assert done.returncode == 255
    assert "HOST IDENTIFICATION HAS CHANGED" in done.stderr


def test_commands_run_as_who_is_asked_for_and_say_how_they_ended(box: Box) -> None:
    assert box.succeed("id -un; pwd; cat", user="demo", stdin="in") == "demo\n/home/demo\nin"
    assert box.succeed(["printf", "%s", "a b;$HOME"]) == "a b;$HOME"
    assert "gone wrong" in box.fail("echo gone wrong >&2; exit 3")
    with pytest.raises(ProvisionError) as caught:
        box.succeed("echo evidence; exit 3")
    assert "ended with 3" in caught.value.message
    assert caught.value.evidence == "evidence"
    with pytest.raises(ProvisionError, match="was to fail"):
        box.fail(["true"])
    with pytest.raises(ProvisionError, match="longer than"):
        box.succeed(["sleep", "30"], timeout=0.3)


def test_waits_for_units_and_ports(box: Box) -> None:
    box.wait_for_unit("ssh.service")
    box.wait_for_port(22)
    box.succeed(["systemd-run", "--unit=broken", "--property=Type=oneshot", "--no-block", "sh", "-c", "echo because; exit 1"])
    with pytest.raises(ProvisionError, match="is failed") as caught:
        box.wait_for_unit("broken.service", timeout=20)
    assert "because" in caught.value.evidence
    with pytest.raises(ProvisionError, match="nothing listens"):
        box.wait_for_port(9, timeout=0.2)
    box.succeed(["systemctl", "reset-failed", "broken.service"])


def test_files_are_copied_with_their_modes(box: Box, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "program").write_text("#!/bin/sh\necho hello\n")
    (tmp_path / "tree" / "program").chmod(0o750)
    box.copy_to(tmp_path / "tree", "/srv/deep/copy", owner="demo")
    assert box.succeed(["stat", "--format=%U:%G %a", "/srv/deep/copy/program"]).strip() == "demo:demo 750"
    assert box.succeed(["/srv/deep/copy/program"], user="demo") == "hello\n"


def test_its_network_is_its_own(box: Box) -> None:
    before = host()
    box.succeed(["sysctl", "-w", "net.ipv4.ip_forward=1"])
    box.succeed(["ip", "link", "add", "name", "dummy7", "type", "bridge"])
    assert host() == before
    address = box.succeed("ip -4 -oneline address show tap0").split()[3].partition("/")[0]
    box.succeed(["systemd-run", "--unit=web", "--collect", "python3", "-m", "http.server", "--bind", address, "8001"])
    box.wait_for_port(8001, address=address)
    port = box.forward(8001)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/")
    assert connection.getresponse().status == 200


def test_this_machines_loopback_is_out_of_reach(box: Box) -> None:
    gateway = box.succeed("ip -4 route show default").split()[2]
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        box.fail(["python3", "-c", f"import socket; socket.create_connection(({gateway!r}, {port}), 2)"])


@pytest.mark.slow
def test_apt_and_pip_reach_what_this_machine_reaches(box: Box) -> None:
    box.succeed(["apt-get", "-qq", "update"], timeout=300)
    box.succeed("DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends --yes python3-venv", timeout=300)
    box.succeed(["python3", "-m", "venv", "venv"], user="demo")
    box.succeed(["venv/bin/pip", "download", "--quiet", "--no-deps", "distro"], user="demo", timeout=300)


def test_reboots_and_powers_off(fresh_box: FreshBox) -> None:
    box = fresh_box()
    boot = box.succeed(["cat", "/proc/sys/kernel/random/boot_id"])
    leader = box.leader
    box.succeed("echo kept > /etc/mark; systemctl reboot")
    deadline = time.monotonic() + 30
    while process(leader) is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    box.wait_until_up(30)
    assert box.succeed(["cat", "/proc/sys/kernel/random/boot_id"]) != boot
    assert box.ssh("cat", "/etc/mark").stdout == "kept\n"
    box.shutdown()
    with pytest.raises(ProvisionError):
        box.succeed(["true"])
    assert "Reached target" in box.console()
    assert "Power" in box.console()


def test_debian_13_boots_too(fresh_box: FreshBox) -> None:
    box = fresh_box("debian-13", packages=("sudo-rs",))
    assert "VERSION_CODENAME=trixie" in box.succeed(["cat", "/etc/os-release"])
    assert box.ssh("sudo-rs", "id", "--user").stdout.strip() == "0"


def test_a_closed_box_leaves_nothing(fresh_box: FreshBox) -> None:
    before = host()
    box = fresh_box()
    leader = process(box.leader)
    assert leader
    assert left_behind(box.name)
    box.close()
    assert left_behind(box.name) == []
    assert not leader.alive()
    assert host() == before
    box.close()  # harmless


@pytest.mark.usefixtures("_boxes")
def test_a_box_that_cannot_boot_leaves_nothing_and_shows_its_console(monkeypatch: pytest.MonkeyPatch) -> None:
    before = host()
    box = Box()
    monkeypatch.setattr("provision.box.holder.SCRIPT", "echo no such machine >&2; exit 7")
    with pytest.raises(ProvisionError) as caught:
        box.__enter__()
    assert "no such machine" in caught.value.evidence
    assert left_behind(box.name) == []
    assert host() == before


OWNER = """
import sys, time
from provision.box.box import Box
from provision.box.signals import ending_raises
with ending_raises(), Box() as box:
    print(box.name, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def owner(_boxes: None) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process that owns a box."""
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        yield child, child.stdout.readline().strip()
        child.kill()


def test_a_terminated_owner_closes_its_box(owner: tuple[subprocess.Popen[str], str]) -> None:
    child, name = owner
    assert left_behind(name)
    child.send_signal(signal.SIGTERM)
    assert child.wait(20) == 128 + signal.SIGTERM
    assert left_behind(name) == []


def test_what_a_killed_owner_leaves_is_swept_and_nothing_else(
    owner: tuple[subprocess.Popen[str], str], fresh_box: FreshBox
) -> None:
    child, name = owner
    ours = fresh_box()
    assert state.sweep() == ()
    child.kill()
    child.wait()
    assert left_behind(name)
    assert name in state.sweep()
    assert left_behind(name) == []
    assert ours.ssh("true").returncode == 0


def test_a_kept_box_outlives_its_owner_until_it_is_removed(fresh_box: FreshBox) -> None:
    box = fresh_box()
    box.leave()
    found = state.load(box.name)
    assert found
    assert found.kept
    gone = replace(found, owner=Process(pid=found.owner.pid, start=found.owner.start + 1))
    assert not gone.stale
    assert box.name not in state.sweep()
    state.remove(found)
    assert left_behind(box.name) == []


def test_a_snapshot_sees_every_kind_of_change(fresh_box: FreshBox) -> None:
    box = fresh_box()
    trees = ("/etc", "/srv")
    before = take(box, trees=trees)
    assert differences(before, take(box, trees=trees)) == ()
    box.succeed("chmod 600 /etc/fstab; touch /etc/new; rm /etc/motd; chown demo /etc/hosts; systemctl stop ssh")
    seen = [line.split(": ")[0] for line in differences(before, take(box, trees=trees))]
    assert seen == ["~ /etc", "~ /etc/fstab", "~ /etc/hosts", "- /etc/motd", "+ /etc/new", "~ unit ssh.service"]
    box.succeed("touch --reference=/etc/passwd /etc/group")
    assert any(line.startswith("~ /etc/group: mtime") for line in differences(before, take(box, trees=trees)))
