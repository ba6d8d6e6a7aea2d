from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.agent import dpkg, systemctl
from provision.agent.host import Output
from provision.agent.queries import READS, allowed
from provision.agent.reader import MachineReader
from provision.errors import UnreadableError
from tests.unit.agent.machine_tree import Tree

_NAMES = st.from_regex(r"[a-z0-9][a-z0-9+.-]{1,20}", fullmatch=True)
_VERSIONS = st.from_regex(r"[0-9][A-Za-z0-9.+~:-]{0,12}", fullmatch=True)
_WANTS = st.sampled_from(["install", "hold", "deinstall", "purge"])
_STATES = st.sampled_from(["installed", "config-files", "half-configured", "unpacked", "not-installed"])
_NOISE = st.sampled_from(
    [
        "Priority: optional\nMaintainer: Status: install ok installed <a@b>",
        "Description: short\n Status: purge ok not-installed\n .\n Package: other",
        "Conffiles:\n /etc/x 0123\n /etc/Version: 9 4567",
    ]
)


def _stanza(name: str, version: str, want: str, state: str, noise: str, *, architecture: str = "amd64") -> str:
    return f"Package: {name}\nStatus: {want} ok {state}\n{noise}\nArchitecture: {architecture}\nVersion: {version}\n"


@given(st.lists(st.tuples(_NAMES, _VERSIONS, _WANTS, _STATES, _NOISE), unique_by=lambda row: row[0], max_size=20))
def test_every_record_of_a_status_file_is_found_with_its_own_fields(rows: list[tuple[str, str, str, str, str]]) -> None:
    data = "\n".join(_stanza(*row) for row in rows).encode()
    found = dpkg.debs(data)
    assert set(found) == {row[0] for row in rows}
    for name, version, want, state, _ in rows:
        deb = found[name]
        assert (deb.version, deb.status, deb.held, deb.architecture) == (version, state, want == "hold", "amd64")


@given(st.binary(max_size=200))
def test_garbage_is_empty_or_unreadable_never_a_package_without_a_name(data: bytes) -> None:
    try:
        found = dpkg.debs(data)
    except UnreadableError:
        return
    assert all(deb.name and deb.status for deb in found.values())


def test_a_truncated_status_is_unreadable_and_says_where_copies_are() -> None:
    with pytest.raises(UnreadableError, match="Package: lib") as caught:
        dpkg.debs(b"Package: libc6\nStat")
    assert "/var/backups" in caught.value.hint


def test_foreign_architectures_have_their_own_name() -> None:
    text = "\n".join(
        (
            _stanza("dpkg", "1", "install", "installed", "Section: admin"),
            _stanza("libc6", "2", "hold", "installed", "Section: libs"),
            _stanza("libc6", "2", "install", "unpacked", "Section: libs", architecture="i386"),
        )
    )
    found = dpkg.debs(text.encode())
    assert sorted(found) == ["dpkg", "libc6", "libc6:i386"]
    assert found["libc6:amd64"] is found["libc6"]
    assert found["libc6"].held
    assert not found["libc6:i386"].held
    assert found.get("libc6:arm64") is None
    assert found.get("absent:amd64") is None


def test_records_a_killed_dpkg_left_behind_win(tree: Tree) -> None:
    tree.put("/var/lib/dpkg/status", _stanza("hello", "1", "install", "installed", "Section: x"))
    tree.put("/var/lib/dpkg/updates/0000", _stanza("hello", "2", "install", "half-configured", "Section: x"))
    tree.put("/var/lib/dpkg/updates/0001", _stanza("hello", "2", "install", "unpacked", "Section: x"))
    tree.put("/var/lib/dpkg/updates/tmp.i", "half a reco")
    assert tree.reader().debs()["hello"].status == "unpacked"


def test_a_large_status_file_is_parsed() -> None:
    noise = "Depends: " + ", ".join(f"lib{n} (>= 1.{n})" for n in range(50)) + "\nDescription: x\n" + " text\n" * 5
    data = "\n".join(_stanza(f"package-{n}", "1.0-1", "install", "installed", noise.strip()) for n in range(5000)).encode()
    assert len(data) > 4_000_000
    assert len(dpkg.debs(data)) == 5000


EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
SHOWN = """\
Names=ssh.service sshd.service
LoadState=loaded
ActiveState=active
UnitFileState=enabled
ActiveEnterTimestamp=Sun 2026-11-22 01:02:03.000004 UTC
NeedDaemonReload=yes

Names=gone.service
LoadState=not-found
ActiveState=inactive
UnitFileState=
ActiveEnterTimestamp=
NeedDaemonReload=no
"""


def test_units_are_known_by_every_name() -> None:
    states = systemctl.parse(SHOWN)
    assert states["ssh.service"] is states["sshd.service"]
    ssh = states["sshd.service"]
    assert (ssh.load, ssh.active, ssh.file, ssh.needs_reload) == ("loaded", "active", "enabled", True)
    assert ssh.started_us == 1795309323000004
    assert states["gone.service"] == systemctl.NOT_FOUND


@given(st.datetimes(min_value=EPOCH.replace(tzinfo=None), max_value=EPOCH.replace(year=2100, tzinfo=None)))
def test_stamps_are_those_datetime_computes(moment: datetime) -> None:
    text = moment.strftime("%a %Y-%m-%d %H:%M:%S.%f UTC")
    expected = (moment.replace(tzinfo=timezone.utc) - EPOCH) // timedelta(microseconds=1)
    assert systemctl.stamp(text) == expected


@pytest.mark.parametrize("text", ["", "n/a", "Sun 2026-11-22 01:02:03 CET", "Sun x 01:02:03 UTC", "0"])
def test_other_stamps_are_zero(text: str) -> None:
    assert systemctl.stamp(text) == 0


def test_all_units_are_asked_for_once(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.at("/run/systemd/system").mkdir(parents=True)
    host = MachineReader(root=str(tree.root), units=("ssh", "", "gone.service"))
    asked = []

    def answer(argv: tuple[str, ...], **_: object) -> Output:
        asked.append(argv[argv.index("--") + 1 :])
        return Output(code=0, stdout=SHOWN, stderr="")

    monkeypatch.setattr(host, "query", answer)
    assert host.unit("ssh.service").active == "active"
    assert host.unit("gone").load == "not-found"
    assert asked == [("gone.service", "ssh.service")]
    assert host.unit("other.timer").load == "not-found"
    assert host.unit("other.timer").load == "not-found"
    assert asked == [("gone.service", "ssh.service"), ("other.timer",)]


def test_an_older_systemctl_is_asked_without_the_style_of_stamps(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.at("/run/systemd/system").mkdir(parents=True)
    host = tree.reader()
    began = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000

    def answer(argv: tuple[str, ...], **_: object) -> Output:
        if any(word.startswith("--timestamp") for word in argv):
            return Output(code=1, stdout="", stderr="systemctl: unrecognized option '--timestamp=us+utc'")
        text = f"Names=ssh.service\nActiveState=active\nActiveEnterTimestamp=Sun 2026-11-22 01:02:03 CET\n{began=!s}"
        return Output(code=0, stdout=text.replace("began", "ActiveEnterTimestampMonotonic"), stderr="")

    monkeypatch.setattr(host, "query", answer)
    assert abs(host.unit("ssh").started_us - host.now_ns() // 1000) < 5_000_000


def test_a_silent_systemd_is_unreadable(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.at("/run/systemd/system").mkdir(parents=True)
    host = tree.reader()
    monkeypatch.setattr(host, "query", lambda *_, **__: Output(code=1, stdout="", stderr="Failed to connect to bus"))
    with pytest.raises(UnreadableError, match="systemd does not answer") as caught:
        host.unit("ssh")
    assert "Failed to connect" in caught.value.evidence


@pytest.mark.parametrize(
    "line",
    [
        "systemctl restart ssh",
        "systemctl",
        "apt-get install hello",
        "apt-mark hold hello",
        "dpkg -i x.deb",
        "sysctl -w vm.swappiness=1",
        "sysctl -n vm.swappiness=1",
        "sysctl -n -p",
        "hostname evil",
        "./uname",
        "uv pip install torch",
        "timedatectl set-timezone UTC",
        "sh -c true",
    ],
)
def test_programs_that_change_something_are_not_queries(line: str) -> None:
    assert not allowed(line.split())
    with pytest.raises(PermissionError, match="only look"):
        # a folder that is not there: were the list broken, nothing would run on the machine that tests
        MachineReader().query((line if line.startswith(".") else f"/nonexistent/{line}").split())


@pytest.mark.parametrize(
    "line", ["apt-get -s install x", "apt-get install --print-uris -y x", "/opt/x/bin/uv pip list", "uname -r"]
)
def test_programs_that_look_are(line: str) -> None:
    assert allowed(line.split())
    assert not allowed([])


def test_every_query_has_its_reason() -> None:
    assert all(prefix and reason for prefix, reason in READS)


def test_queries_answer() -> None:
    host = MachineReader()
    assert host.query(("uname", "-s")).stdout == "Linux\n"
    assert host.query(("uname", "--no-such-option")).code == 1
