"""Packages: every wanted state over every prior one, one transaction, an honest plan."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provision.agent.host import Output
from provision.agent.provider import Pending
from provision.agent.providers.packages import provider
from provision.agent.steps import Run, Step
from provision.errors import InputError, ProvisionError, StepError
from provision.plan.model import Status
from provision.resources import AptSource, Packages
from tests.converge import converge, look, outcome, plan
from tests.fake_apt import Apt, Candidate
from tests.fake_host import FakeHost
from tests.prior import machine

WANTED = {
    "installed": Packages(names=("tool",)),
    "held": Packages(names=("tool",), hold=True),
    "lean": Packages(names=("tool",), recommends=False),
    "absent": Packages(names=("tool",), absent=True),
}


def box() -> tuple[FakeHost, Apt]:
    host = machine()
    apt = Apt(host, archive={"tool": Candidate(depends=("lib",)), "lib": Candidate(size=500), "other": Candidate()})
    apt.fresh()
    return host, apt


PRIORS = {
    "unknown": "",
    "removed": "config-files",
    "not installed": "not-installed",
    "removed but held": "config-files",
    "installed": "installed",
    "installed and held": "installed",
    "half configured": "half-configured",
    "unpacked and held": "unpacked",
}

INSTALL, REPAIR = "install", "configure install"
EXPECTED = {
    "installed": {
        **dict.fromkeys(("unknown", "removed", "not installed"), INSTALL),
        "removed but held": "unhold install hold",
        "installed": "= installed",
        "installed and held": "= installed and held",
        "half configured": REPAIR,
        "unpacked and held": "configure unhold install hold",
    },
    "held": {
        **dict.fromkeys(("unknown", "removed", "not installed"), "install hold"),
        "removed but held": "unhold install hold",
        "installed": "hold",
        "installed and held": "= installed and held",
        "half configured": "configure install hold",
        "unpacked and held": "configure unhold install hold",
    },
    "absent": {
        **dict.fromkeys(("unknown", "removed", "not installed", "removed but held"), "= not installed"),
        "installed": "install",
        "installed and held": "unhold install",
        "half configured": REPAIR,
        "unpacked and held": "configure unhold install",
    },
}
EXPECTED["lean"] = EXPECTED["installed"]


def verb(step: Step) -> str:
    assert isinstance(step, Run)
    names = {"dpkg": "configure", "debconf-set-selections": "answer"}
    return names.get(step.argv[0]) or step.argv[1]


def verbs(steps: tuple[Step, ...]) -> list[str]:
    return [verb(step) for step in steps if isinstance(step, Run)]


@pytest.mark.parametrize(("wanted", "prior"), [(wanted, prior) for wanted in WANTED for prior in PRIORS])
def test_every_wanted_over_every_prior(wanted: str, prior: str) -> None:
    host, apt = box()
    if PRIORS[prior]:
        host.add_deb("tool", status=PRIORS[prior], held="held" in prior)
    expected = EXPECTED[wanted][prior]
    first, steps = converge(WANTED[wanted], host)
    assert (f"= {first.why}" if first.ok else " ".join(verbs(steps))) == expected
    if expected.startswith("="):
        assert host.calls["query"] == 0
    lean = [argv for argv in apt.installed if "--no-install-recommends" in argv]
    assert bool(lean) == (wanted == "lean" and bool(apt.installed))
    if wanted != "absent":
        assert host.packages["tool"].held == (wanted == "held" or "held" in prior)


def test_the_plan_shows_versions_dependencies_and_bytes() -> None:
    host, _ = box()
    diff = plan(WANTED["installed"], host)
    assert [(each.field, each.before, each.after) for each in diff.changes] == [("tool", "absent", "2.0")]
    assert diff.text == "+ lib 2.0\n+ tool 2.0"
    assert diff.download_bytes == 1500
    assert diff.status is Status.CHANGE
    assert diff.why == ""


def test_apt_is_always_called_so_that_it_never_asks() -> None:
    host, apt = box()
    _, steps = converge(WANTED["installed"], host)
    argv = apt.installed[0]
    for option in (
        "-y",
        "APT::Cmd::Pattern-Only=true",
        "Dpkg::Use-Pty=0",
        "--no-remove",
        "Dpkg::Options::=--force-confdef",
        "Dpkg::Options::=--force-confold",
    ):
        assert option in argv
    assert any(word.startswith("DPkg::Lock::Timeout=") for word in argv)
    for step in steps:
        assert isinstance(step, Run)
        assert {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1"}.items() <= dict(step.environment).items()
    converge(WANTED["absent"], host)
    assert "tool-" in apt.installed[1]
    assert "--no-remove" not in apt.installed[1]


@pytest.mark.parametrize(
    ("age", "limit", "updated"), [(None, 86400, True), (86401, 86400, True), (86400, 86400, False), (10, 5, True), (0, 0, False)]
)
def test_an_old_index_is_fetched_before_an_install(age: int | None, limit: int, *, updated: bool) -> None:
    host, apt = box()
    host.tree.drop("/var/lib/apt/lists")
    host.state.clear()
    if age is not None:
        apt.fresh(age)
    want = Packages(names=("tool",), max_index_age=limit)
    first, steps = converge(want, host)
    assert verbs(steps) == (["update", "install"] if updated else ["install"])
    assert ("fetched first" in first.why) == updated
    assert [each.after for each in first.changes] == ["installed" if updated else "2.0"]


def test_an_old_index_alone_is_no_change_and_repairs_and_removals_fetch_none() -> None:
    host, _ = box()
    host.tree.drop("/var/lib/apt/lists")
    host.add_deb("tool")
    assert outcome(WANTED["installed"], host) == "= installed"
    host.add_deb("tool", status="half-configured")
    assert verbs(converge(WANTED["installed"], host)[1]) == ["configure", "install"]
    assert verbs(converge(WANTED["absent"], host)[1]) == ["install"]


def test_a_package_no_source_has() -> None:
    host, _ = box()
    want = Packages(names=("tool", "nosuch"))
    assert outcome(want, host) == "! no apt source has the package `nosuch`"
    pending = Pending()
    pending.add(AptSource(name="x", uris=("http://mirror.test",), suites=("s",), signed_by="/k"))
    diff = plan(want, host, pending)
    assert diff.status is Status.KNOWN_AFTER_APPLY
    assert "no candidate for nosuch; a source that is still to be added may have one" in diff.why
    assert [(each.field, each.after) for each in diff.changes] == [("tool", "installed"), ("nosuch", "no candidate")]


def test_a_package_that_only_the_next_index_has() -> None:
    host, apt = box()
    apt.fresh(100_000)
    apt.published["new"] = Candidate()
    want = Packages(names=("new",))
    assert plan(want, host).status is Status.KNOWN_AFTER_APPLY
    assert verbs(converge(want, host)[1]) == ["update", "install"]


def test_a_fresh_machine_without_any_index() -> None:
    host, apt = box()
    host.tree.drop("/var/lib/apt/lists")
    apt.published, apt.archive = apt.archive, {}
    first, steps = converge(WANTED["installed"], host)
    assert first.status is Status.KNOWN_AFTER_APPLY
    assert verbs(steps) == ["update", "install"]


def test_what_apt_refuses_and_virtual_packages_are_errors() -> None:
    host, apt = box()
    refusal = Output(code=100, stdout=" tool : Depends: gone\n", stderr="E: Unable to correct problems\n")
    host.answer(("apt-get", "install", "--print-uris"), refusal)
    with pytest.raises(ProvisionError, match="apt cannot install tool") as caught:
        plan(WANTED["installed"], host)
    assert "tool : Depends: gone" in caught.value.evidence
    apt.fresh(100_000)
    assert plan(WANTED["installed"], host).status is Status.KNOWN_AFTER_APPLY
    apt.fresh()
    host.add_deb("broken", status="half-configured")
    assert plan(WANTED["installed"], host).status is Status.KNOWN_AFTER_APPLY
    del host.packages["broken"]
    host.answer(("apt-get", "install", "--print-uris"), "The following NEW packages will be installed:\n   mawk (1.3)\n")
    with pytest.raises(ProvisionError, match="`tool` is a virtual package") as caught:
        plan(WANTED["installed"], host)
    assert caught.value.evidence == "+ mawk 1.3"
    host.answer(("apt-get", "install", "--print-uris"), "mawk is already the newest version (1.3).\n")
    with pytest.raises(ProvisionError, match="`tool` is a virtual package"):
        plan(WANTED["installed"], host)


def test_a_failing_transaction_is_an_error() -> None:
    host, _ = box()
    host.on(("apt-get", "install"), 100)
    with pytest.raises(StepError):
        converge(WANTED["installed"], host)


def test_a_package_that_cannot_be_configured_can_be_removed() -> None:
    host, _ = box()
    host.add_deb("tool", status="half-configured")
    host.on(("dpkg",), 1)
    assert verbs(converge(WANTED["absent"], host)[1]) == ["configure", "install"]


def test_removals_nobody_asked_for_are_refused() -> None:
    host, apt = box()
    apt.archive["new"] = Candidate(replaces=("old",))
    host.add_deb("old")
    want, gone = Packages(names=("new",)), Packages(names=("old",), absent=True)
    with pytest.raises(ProvisionError, match="apt would have to remove old, which nobody asked for"):
        plan(want, host, Pending())
    with pytest.raises(ProvisionError, match="which nobody asked for"):
        list(provider.steps(want, look(want, host)[0]))
    pending = Pending()
    pending.add(gone)
    assert "- old" in plan(want, host, pending).text
    steps = batch(host, gone, want)
    assert len(apt.installed) == 1
    assert verbs(steps) == ["install"]
    assert plan(want, host).ok
    assert plan(gone, host).ok


def batch(host: FakeHost, *wants: Packages) -> tuple[Step, ...]:
    steps = tuple(provider.batch_steps([(want, look(want, host)[0]) for want in wants]))
    for step in steps:
        host.perform(step)
    return steps


def test_what_is_replaced_goes_in_the_same_transaction_held_or_not() -> None:
    host, apt = box()
    apt.archive["tool"] = Candidate(replaces=("old", "older"))
    host.add_deb("old", held=True)
    host.add_deb("older")
    want = Packages(names=("tool",), hold=True, replaces=("old", "older", "never-there"))
    shown = plan(want, host)
    changes = [(each.field, each.before, each.after) for each in shown.changes]
    assert changes[:3] == [("tool", "absent", "2.0"), ("old", "installed", "absent"), ("older", "installed", "absent")]
    first, steps = converge(want, host)
    assert not first.ok
    assert verbs(steps) == ["unhold", "install", "hold"]
    assert [word for word in apt.installed[0] if word.endswith("-")] == ["old-", "older-"]
    assert "--no-remove" not in apt.installed[0]


def test_what_is_replaced_goes_although_its_successor_is_there() -> None:
    host, _ = box()
    host.add_deb("tool")
    host.add_deb("old", held=True)
    want = Packages(names=("tool",), replaces=("old",))
    first, steps = converge(want, host)
    assert [(each.field, each.after) for each in first.changes] == [("old", "absent")]
    assert verbs(steps) == ["unhold", "install"]


def test_a_removal_takes_no_replacement() -> None:
    with pytest.raises(InputError, match="only what is installed"):
        Packages(names=("tool",), absent=True, replaces=("old",))


def test_neighbours_are_one_transaction() -> None:
    host, apt = box()
    apt.fresh(100_000)
    host.add_deb("old")
    steps = batch(
        host,
        Packages(names=("tool",), hold=True),
        Packages(names=("other", "tool")),
        Packages(names=("old",), absent=True, recommends=False),
    )
    assert verbs(steps) == ["update", "install", "hold"]
    assert apt.installed[0][:5] == ("apt-get", "install", "tool", "other", "old-")


def test_neighbours_that_differ_in_recommends_are_two() -> None:
    host, apt = box()
    steps = batch(host, Packages(names=("tool",)), Packages(names=("other",), recommends=False))
    assert verbs(steps) == ["install", "install"]
    assert ["--no-install-recommends" in argv for argv in apt.installed] == [False, True]


def test_nothing_to_do_is_no_step() -> None:
    host, _ = box()
    host.add_deb("tool")
    assert batch(host, Packages(names=("tool",)), Packages(names=("gone",), absent=True)) == ()


def test_answers_are_given_before_an_install_and_not_for_what_is_there() -> None:
    host, apt = box()
    want = Packages(names=("tool",), answers=(("tool", "tool/eula", "boolean", "true"), ("tool", "tool/x", "string", "a b")))
    _, steps = converge(want, host)
    assert verbs(steps) == ["answer", "install"]
    assert apt.answers == "tool tool/eula boolean true\ntool tool/x string a b\n"
    assert outcome(replace(want), host) == "= installed"


def test_a_foreign_architecture() -> None:
    host, _ = box()
    host.add_deb("tool")
    assert outcome(Packages(names=("tool:amd64",)), host) == "= installed"
    assert plan(Packages(names=("tool:i386",), absent=True), host).ok
