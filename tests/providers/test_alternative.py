"""Alternatives: what dpkg has on record, where the name leads, and the link itself."""

from __future__ import annotations

import pytest

from provision.agent.provider import Pending
from provision.agent.providers.alternative import parse
from provision.agent.steps import Run
from provision.errors import ProvisionError
from provision.plan.model import Status
from provision.resources import Alternative, Packages
from tests.converge import outcome, plan
from tests.fake_host import FakeHost

LINK, OWN, RECORD = "/usr/local/cuda", "/etc/alternatives/cuda", "/var/lib/dpkg/alternatives/cuda"
OLD, NEW = "/usr/local/cuda-12.8", "/usr/local/cuda-13.2"
WANT = Alternative(name="cuda", link=LINK, path=OLD)
RECORDED = f"auto\n{LINK}\n\n{OLD}\n128\n{NEW}\n132\n\n"
AWK = """auto
/usr/bin/awk
awk.1.gz
/usr/share/man/man1/awk.1.gz
nawk
/usr/bin/nawk

/usr/bin/gawk
10
/usr/share/man/man1/gawk.1.gz
/usr/bin/gawk
/usr/bin/mawk
5

/usr/bin/mawk

"""
READY = f"= {LINK} leads to {OLD}"


def choose(step: Run, host: FakeHost) -> int:
    """Do as update-alternatives 1.21 does: it mends a broken link, and leaves alone what is none."""
    link, _ = LINK, step
    host.put_link(OWN, step.argv[3])
    there = host.lstat(link)
    if there is None or there.kind == "link":
        host.put_link(link, OWN)
    return 0


@pytest.fixture
def host() -> FakeHost:
    host = FakeHost()
    for path in (OLD, NEW):
        host.put_directory(path)
    host.put_file(RECORD, RECORDED.encode())
    host.put_link(OWN, NEW)
    host.put_link(LINK, OWN)
    host.on(("update-alternatives", "--set"), choose)
    return host


EXPECTED = {
    "another is chosen": "~ alternative > Run",
    "chosen": READY,
    "a link of a person's": "~ alternative link > Run",
    "a link of a person's, chosen": "~ link > Run",
    "no link": "~ alternative link > Run",
    "nothing chosen": "~ alternative > Run",
    "a directory": f"! `{LINK}` is a directory, where the link of the alternative `cuda` belongs",
    "not registered": f"! `{OLD}` is not registered as an alternative for `cuda`",
    "no such alternative": f"! `{OLD}` is not registered as an alternative for `cuda`",
    "registered and gone": f"! `{OLD}` is registered as an alternative for `cuda`, and is not there",
    "another link": "! the alternative `cuda` belongs to `/opt/cuda`, not to `/usr/local/cuda`",
    "damaged": f"! `{OLD}` is not registered as an alternative for `cuda`",
}


def prepare(prior: str, host: FakeHost) -> None:
    if "chosen" in prior.split() and prior != "nothing chosen" and "another" not in prior:
        host.put_link(OWN, OLD)
    if prior.startswith("a link"):
        host.put_link(LINK, NEW)
    if prior in {"no link", "a directory"}:
        host.tree.drop(LINK)
    if prior == "a directory":
        host.put_directory(LINK)
    if prior == "nothing chosen":
        host.tree.drop(OWN)
    if prior == "registered and gone":
        host.tree.drop(OLD)
    if prior == "no such alternative":
        host.tree.drop(RECORD)
    texts = {
        "not registered": RECORDED.replace(f"{OLD}\n128\n", ""),
        "another link": RECORDED.replace(f"auto\n{LINK}", "auto\n/opt/cuda"),
        "damaged": "auto\n\xff",
    }
    if prior in texts:
        host.put_file(RECORD, texts[prior].encode("latin-1"))


@pytest.mark.parametrize("prior", EXPECTED)
def test_every_prior_state(prior: str, host: FakeHost) -> None:
    prepare(prior, host)
    assert outcome(WANT, host) == EXPECTED[prior]
    runs = [step.argv for step in host.steps if isinstance(step, Run)]
    assert runs == ([("update-alternatives", "--set", "cuda", OLD)] if EXPECTED[prior].startswith("~") else [])


def test_the_error_lists_what_is_registered(host: FakeHost) -> None:
    prepare("not registered", host)
    with pytest.raises(ProvisionError) as caught:
        plan(WANT, host)
    assert caught.value.evidence == NEW
    assert caught.value.hint == "`update-alternatives --display cuda` lists those that are"


@pytest.mark.parametrize("prior", ["not registered", "no such alternative", "registered and gone"])
def test_a_package_that_is_still_to_come_may_register_it(prior: str, host: FakeHost) -> None:
    prepare(prior, host)
    pending = Pending()
    pending.add(Packages(names=("cuda-toolkit-12-8",)))
    assert plan(WANT, host, pending).status is Status.KNOWN_AFTER_APPLY


def test_records_with_slaves() -> None:
    assert parse(AWK) == ("/usr/bin/awk", ("/usr/bin/gawk", "/usr/bin/mawk"))
    assert parse("") == ("", ())


def test_the_link_belongs_to_it() -> None:
    assert WANT.claims == ("alternative:cuda", f"path:{LINK}")
