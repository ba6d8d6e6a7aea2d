"""Units: every wanted state over every prior one, and a manager that has read them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provision.agent.host import UnitState
from provision.agent.providers.unit import provider
from provision.agent.steps import Run
from provision.errors import InputError
from provision.resources import Unit
from tests.converge import converge, look, outcome, plan
from tests.fake_host import FakeHost
from tests.fake_systemd import Systemd
from tests.prior import machine

TEXT = "[Unit]\nDescription=x\n\n[Service]\nExecStart=/bin/true\n"
DROPIN = "[Service]\nExecStart=\nExecStart=/bin/false\n"
WANTED = {
    "unit": Unit(name="app.service", content=TEXT),
    "template": Unit(name="app@.service", content=TEXT),
    "drop-in": Unit(name="app.service", dropin="mine", content=DROPIN),
    "no unit": Unit(name="app.service", absent=True),
    "no drop-in": Unit(name="app.service", dropin="mine", absent=True),
}
PRIORS = ("nothing", "right", "edited", "wrong mode", "masked", "unread", "unknown", "removed, unread")


def prepare(prior: str, want: Unit, host: FakeHost) -> None:
    host.put_directory("/etc/systemd/system")
    loaded = UnitState(load="loaded", active="inactive", file="disabled")
    content = (want.content or TEXT).encode()
    if prior in {"right", "unread", "unknown"}:
        host.put_file(want.path, content)
    if prior == "edited":
        host.put_file(want.path, b"[Unit]\n")
    if prior == "wrong mode":
        host.put_file(want.path, content, mode=0o600)
    if prior == "masked":
        host.put_link(want.path, "/dev/null")
    if prior not in {"nothing", "unknown"}:
        host.units[want.name] = replace(loaded, needs_reload="unread" in prior)


WRITTEN = {
    "nothing": "~ file > Write Run",
    "right": "= {path} says so, and systemd has read it",
    "edited": "~ content > Write Run",
    "wrong mode": "~ mode > SetAttributes Run",
    "masked": "~ file > Write Run",
    "unread": "~ systemd > Run",
    "unknown": "~ systemd > Run",
    "removed, unread": "~ file systemd > Write Run",
}
REMOVED = {
    "nothing": "= {path} is absent",
    **dict.fromkeys(("right", "edited", "wrong mode", "unknown"), "~ file > Remove Run"),
    "masked": "~ link > Remove Run",
    "unread": "~ file systemd > Remove Run",
    "removed, unread": "~ systemd > Run",
}
EXPECTED = {
    "unit": WRITTEN,
    # A template has no state of its own: what its instances have not read shows in their services.
    "template": {
        **WRITTEN,
        **dict.fromkeys(("right", "unread", "unknown"), "= {path} says so"),
        "removed, unread": "~ file > Write Run",
    },
    "drop-in": {
        **WRITTEN,
        "nothing": "~ parent file > MakeDirectory Write Run",
        "removed, unread": "~ parent file systemd > MakeDirectory Write Run",
        "unknown": WRITTEN["right"],
    },
    "no unit": REMOVED,
    "no drop-in": {
        prior: text.replace("Remove Run", "Remove Remove Run") if prior != "masked" else "~ link > Remove Remove Run"
        for prior, text in REMOVED.items()
    },
}


@pytest.mark.parametrize(("wanted", "prior"), [(wanted, prior) for wanted in WANTED for prior in PRIORS])
def test_every_wanted_over_every_prior(wanted: str, prior: str) -> None:
    want, host = WANTED[wanted], machine()
    systemd = Systemd(host)
    prepare(prior, want, host)
    expected = EXPECTED[wanted][prior].format(path=want.path)
    assert outcome(want, host) == expected
    assert systemd.verbs == (["daemon-reload"] if expected.startswith("~") else [])
    assert host.lstat(want.path) is None if want.absent else host.text(want.path) == want.content


def test_where_systemd_does_not_run_nothing_is_left_to_be_read() -> None:
    want, host = WANTED["unit"], machine()
    Systemd(host)
    host.tree.drop("/run/systemd")
    host.put_file(want.path, TEXT.encode())
    assert outcome(want, host) == f"= {want.path} says so"


def test_a_drop_in_beside_ours_keeps_the_folder() -> None:
    want, host = WANTED["no drop-in"], machine()
    Systemd(host)
    host.put_file(want.path, b"[Service]\n")
    host.put_file("/etc/systemd/system/app.service.d/theirs.conf", b"[Service]\n")
    assert outcome(want, host) == "~ file > Remove Run"
    assert host.listdir("/etc/systemd/system/app.service.d") == ("theirs.conf",)


def test_neighbours_are_told_to_systemd_once() -> None:
    host = machine()
    Systemd(host)
    pairs = [(want, look(want, host)[0]) for want in (WANTED["template"], WANTED["drop-in"])]
    steps = list(provider.batch_steps(pairs))
    assert [type(step).__name__ for step in steps].count("Run") == 1
    assert isinstance(steps[-1], Run)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.service", "[Service]\nfoo\n", "line 2: neither a section nor `Key=value`: 'foo'"),
        ("a.service", "ExecStart=/x\n", "line 1: neither a section"),
        ("a.service", "[Srvice]\n", r"line 1: section \[Srvice\] is not one of Install, Service, Unit"),
        ("a.service", "[Service\n", "line 1: section"),
        ("a.timer", "[Unit]\n[Service]\n", r"line 2: section \[Service\] is not one of Install, Timer, Unit"),
        ("a.target", "[Timer]\n", "line 1: section"),
        ("a.service", "[Service]\n=x\n", "line 2: neither"),
        ("a.service", "[Service]\nEnvironment=A \\\n  B\nC\n", "line 4: neither"),
        ("a.service", "", "the text has no section"),
    ],
)
def test_lines_that_systemd_would_ignore_are_refused(name: str, content: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        plan(Unit(name=name, content=content), machine())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (
            "a.service",
            "# c\n; c\n\n[Unit]\nDescription=a = b\n[Service]\nExecStart=/bin/sh -c \\\n# why\n  'x y'\n[Install]\nWantedBy=t\n",
        ),
        ("a.socket", "[Socket]\nListenStream = 1\n"),
        ("a.slice", "[Slice]\nCPUWeight=1\n"),
        ("a.service", "[X-Ours]\nanything goes\n[Service]\nX-Key=1\n"),
    ],
)
def test_what_systemd_reads_is_let_through(name: str, content: str) -> None:
    host = machine()
    Systemd(host)
    converge(Unit(name=name, content=content), host)
