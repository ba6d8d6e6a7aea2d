"""Users: every wanted state over every prior one."""

# ruff: noqa: S604 - `shell` is a login shell here

from __future__ import annotations

from dataclasses import replace

import pytest

from provision.agent.host import Account
from provision.agent.provider import Pending
from provision.agent.steps import Run
from provision.errors import ProvisionError
from provision.plan.model import Status
from provision.resources import Group, Packages, Resource, User
from tests.converge import converge, outcome, plan
from tests.fake_host import FakeHost

WANTED = {
    "plain": User(name="ann"),
    "in groups": User(name="ann", groups=("video", "render")),
    "with a shell": User(name="ann", shell="/bin/zsh"),
    "at home": User(name="ann", home="/srv/ann", comment="Ann O."),
    "system": User(name="ann", system=True),
    "all": User(name="ann", groups=("video",), shell="/bin/zsh", home="/srv/ann", system=True),
}
PRIORS: dict[str, Account | None] = {
    "absent": None,
    "group only": None,
    "there": Account(name="ann", uid=1000, gid=1000, group="ann", home="/home/ann", shell="/bin/bash"),
    "in video": Account(name="ann", uid=1, gid=2, group="ann", home="/home/ann", shell="/bin/bash", groups=("video", "x")),
    "video first": Account(name="ann", uid=1, gid=44, group="video", home="/srv/ann", shell="/bin/zsh"),
}
NEW = {
    "plain": "useradd --create-home {group} --shell /bin/bash -- ann",
    "in groups": "useradd --create-home {group} --shell /bin/bash --groups video,render -- ann",
    "with a shell": "useradd --create-home {group} --shell /bin/zsh -- ann",
    "at home": "useradd --create-home {group} --shell /bin/bash --home-dir /srv/ann --comment Ann O. -- ann",
    "system": "useradd --system --no-create-home {group} --shell /usr/sbin/nologin -- ann",
    "all": "useradd --system --no-create-home {group} --shell /bin/zsh --home-dir /srv/ann --groups video -- ann",
}
MOVED = "! user ann has the home /home/ann, /srv/ann is wanted, and a home is never moved"
THERE = "= there is a user ann"
CHANGED = {
    "plain": dict.fromkeys(PRIORS, THERE),
    "in groups": {
        "there": "usermod --append --groups video,render -- ann",
        "in video": "usermod --append --groups render -- ann",
        "video first": "usermod --append --groups render -- ann",
    },
    "with a shell": {
        "there": "usermod --shell /bin/zsh -- ann",
        "in video": "usermod --shell /bin/zsh -- ann",
        "video first": THERE,
    },
    "at home": {"there": MOVED, "in video": MOVED, "video first": THERE},
    "system": dict.fromkeys(PRIORS, THERE),
    "all": {"there": MOVED, "in video": MOVED, "video first": "= there is a user ann, in video"},
}


def useradd(step: Run, host: FakeHost) -> None:
    options = dict(zip(step.argv, step.argv[1:], strict=False))
    name = step.argv[-1]
    groups = tuple(filter(None, options.get("--groups", "").split(",")))
    home = options.get("--home-dir", f"/home/{name}")
    host.add_user(name, group=options.get("--gid", name), home=home, shell=options["--shell"], groups=groups)


def usermod(step: Run, host: FakeHost) -> None:
    options = dict(zip(step.argv, step.argv[1:], strict=False))
    account = host.users[step.argv[-1]]
    if "--groups" in options:
        assert "--append" in options
        account = replace(account, groups=(*account.groups, *options["--groups"].split(",")))
    host.users[account.name] = replace(account, shell=options.get("--shell", account.shell))


@pytest.fixture
def host() -> FakeHost:
    host = FakeHost()
    host.put_file("/etc/shells", b"# shells\n/bin/sh\n/bin/bash\n/bin/zsh\n")
    host.add_group("video", 44)
    host.add_group("render", 105)
    host.on(("useradd",), useradd)
    host.on(("usermod",), usermod)
    return host


@pytest.mark.parametrize(("wanted", "prior"), [(wanted, prior) for wanted in WANTED for prior in PRIORS])
def test_every_wanted_over_every_prior(wanted: str, prior: str, host: FakeHost) -> None:
    account = PRIORS[prior]
    if account is not None:
        host.users["ann"] = account
        host.add_group("ann", 1000)
    if prior == "group only":
        host.add_group("ann", 1000)
    group = "--gid ann" if prior == "group only" else "--user-group"
    expected = (NEW[wanted] if account is None else CHANGED[wanted][prior]).format(group=group)
    if expected.startswith(("=", "!")):
        assert outcome(WANTED[wanted], host) == expected
        return
    _, steps = converge(WANTED[wanted], host)
    assert [" ".join(step.argv) for step in steps if isinstance(step, Run)] == [expected]


@pytest.mark.parametrize(
    ("want", "message"),
    [
        (User(name="ann", groups=("video", "docker")), "there is no group `docker` for user ann"),
        (User(name="ann", shell="/bin/fish"), "the shell `/bin/fish` of user ann is not in /etc/shells"),
    ],
)
def test_what_is_not_there_is_an_error_unless_a_package_may_bring_it(want: User, message: str, host: FakeHost) -> None:
    assert outcome(want, host) == f"! {message}"
    pending = Pending()
    pending.add(Packages(names=("docker.io",)))
    diff = plan(want, host, pending)
    assert diff.status is Status.KNOWN_AFTER_APPLY
    assert "expected from the packages" in diff.why


def test_a_group_that_comes_before(host: FakeHost) -> None:
    pending = Pending()
    before: Resource = Group(name="docker")
    pending.add(before)
    assert plan(User(name="ann", groups=("docker",)), host, pending).status is Status.CHANGE


@pytest.mark.parametrize("shell", ["/usr/sbin/nologin", "/bin/false"])
def test_shells_that_let_nobody_in_need_not_be_listed(shell: str, host: FakeHost) -> None:
    host.tree.drop("/etc/shells")
    converge(User(name="ann", shell=shell), host)


def test_the_own_group_of_a_new_user_is_none_that_lacks(host: FakeHost) -> None:
    converge(User(name="ann", groups=("ann",)), host)
    with pytest.raises(ProvisionError, match="there is no group `bob`"):
        plan(User(name="ann", groups=("bob",)), host)
