"""What apt prints, and how old its index is."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.agent.apt import Simulation, index_age, parse_simulation, simulation_argv, update
from provision.agent.host import Output
from provision.agent.steps import Remember, Run
from tests.fake_host import EPOCH, SECOND, FakeHost

# Printed by apt-get 2.6 (Debian 12).
RECORDED = """Reading package lists...
Building dependency tree...
Reading state information...
The following additional packages will be installed:
   libtext-charwidth-perl (0.04-11)
   libcurl4 (7.88.1-10+deb12u15)
Suggested packages:
   filters (2.55-3)
The following packages will be REMOVED:
   mawk* (1.3.4.20200120-3.1)
   gone
The following NEW packages will be installed:
   cowsay (3.03+dfsg2-8)
   libtext-charwidth-perl (0.04-11)
   libc6:i386 (2.36-9)
The following packages will be upgraded:
   libcurl4 (7.88.1-10+deb12u14 => 7.88.1-10+deb12u15)
1 upgraded, 3 newly installed, 1 to remove and 124 not upgraded.
Need to get 44.0 kB/131 kB of archives.
After this operation, 119 kB of additional disk space will be used.
'http://mirror.test/debian/pool/main/libt/a_0.04-11_amd64.deb' libtext-charwidth-perl_0.04-11_amd64.deb 9496 MD5Sum:c73f
'http://mirror.test/debian/pool/main/c/cowsay/c%2bdfsg2-8_all.deb' cowsay_3.03+dfsg2-8_all.deb 21372 SHA256:331c
"""


def answer(stdout: str = "", stderr: str = "", code: int = 0) -> Simulation:
    return parse_simulation(Output(code=code, stdout=stdout, stderr=stderr))


def test_a_recorded_answer() -> None:
    found = answer(RECORDED)
    assert found.installs == (
        ("cowsay", "3.03+dfsg2-8"),
        ("libtext-charwidth-perl", "0.04-11"),
        ("libc6:i386", "2.36-9"),
    )
    assert found.upgrades == (("libcurl4", "7.88.1-10+deb12u14 => 7.88.1-10+deb12u15"),)
    assert found.removes == (("mawk", "1.3.4.20200120-3.1"), ("gone", ""))
    assert found.download_bytes == 30868
    assert (found.missing, found.error) == ((), "")
    assert found.versions["libcurl4"] == "7.88.1-10+deb12u15"


def test_nothing_to_do() -> None:
    assert answer("curl is already the newest version (7.88).\n0 upgraded, 0 newly installed.\n") == Simulation()


@pytest.mark.parametrize(
    ("stderr", "missing"),
    [
        ("E: Unable to locate package nosuch\n", ("nosuch",)),
        ("E: Package 'awk' has no installation candidate\n", ("awk",)),
        ("E: Package \u2018awk\u2019 has no installation candidate\n", ("awk",)),
        ("E: Unable to locate package a\nE: Package 'b' has no installation candidate\n", ("a", "b")),
        ("E: Unable to locate package a1.2\nE: Couldn't find any package by glob 'a1.2'\n", ("a1.2",)),
    ],
)
def test_names_without_a_candidate(stderr: str, missing: tuple[str, ...]) -> None:
    found = answer(stderr=stderr, code=100)
    assert (found.missing, found.error) == (missing, "")


def test_a_refusal_is_kept_in_apts_words() -> None:
    stdout = (
        "Reading package lists...\nThe following packages have unmet dependencies:\n a : Depends: b but it is not installable\n"
    )
    found = answer(stdout, "E: Unable to correct problems, you have held broken packages.\n", code=100)
    assert "a : Depends: b" in found.error
    assert "held broken packages" in found.error
    assert "Reading" not in found.error
    assert answer(code=100).error == "apt-get exited with 100"


name = st.text(string.ascii_lowercase + string.digits + "+-.:", min_size=2, max_size=20)
version = st.text(string.ascii_letters + string.digits + "+-.:~", min_size=1, max_size=20)
packages = st.lists(st.tuples(name, version), max_size=6).map(tuple)


@given(packages, packages, packages, st.lists(st.integers(min_value=0, max_value=1 << 40), max_size=5))
def test_what_apt_would_print_is_read_back(
    installs: tuple[tuple[str, str], ...],
    upgrades: tuple[tuple[str, str], ...],
    removes: tuple[tuple[str, str], ...],
    sizes: list[int],
) -> None:
    upgraded = tuple((each, f"{new} => {new}1") for each, new in upgrades)
    sections = (("NEW packages will be installed", installs), ("packages will be upgraded", upgraded))
    lines = ["Building dependency tree...", "The following packages will be REMOVED:", *(f"   {n}* ({v})" for n, v in removes)]
    for heading, items in sections:
        lines += [f"The following {heading}:", *(f"   {n} ({v})" for n, v in items)]
    lines += ["1 upgraded.", *(f"'http://mirror.test/{size}' x.deb {size} SHA256:00" for size in sizes)]
    found = answer("\n".join(lines))
    assert (found.installs, found.upgrades, found.removes) == (installs, upgraded, removes)
    assert found.download_bytes == sum(sizes)


@given(st.text(), st.text(), st.integers(min_value=0, max_value=255))
def test_anything_is_read_without_an_error(stdout: str, stderr: str, code: int) -> None:
    found = answer(stdout, stderr, code)
    assert bool(code) == bool(found.error) or found.missing


def test_the_question() -> None:
    plain = simulation_argv(("a", "b-"), recommends=True, held=False)
    assert plain == ("apt-get", "install", "--print-uris", "-y", "-V", "-o", "APT::Cmd::Pattern-Only=true", "a", "b-")
    words = simulation_argv(("a",), recommends=False, held=True)
    assert {"--no-install-recommends", "--allow-change-held-packages"} < set(words)


def listed(host: FakeHost) -> FakeHost:
    host.put_file("/var/lib/apt/lists/mirror.test_dists_stable_InRelease")
    return host


def test_an_index_without_lists_has_no_age() -> None:
    host = FakeHost()
    host.state["apt-index"] = str(EPOCH // SECOND)
    assert index_age(host) is None
    host.put_file("/var/lib/apt/lists/lock")
    assert index_age(host) is None
    assert index_age(listed(host)) == 0


def test_the_newest_of_our_stamp_and_apts_own_counts() -> None:
    host = listed(FakeHost())
    assert index_age(host) is None
    host.put_file("/var/lib/apt/periodic/update-success-stamp")
    host.tick(500)
    assert index_age(host) == 500
    host.state["apt-index"] = str(host.now // SECOND - 60)
    assert index_age(host) == 60
    host.state["apt-index"] = "garbage"
    assert index_age(host) == 500


def test_an_index_from_the_future_has_no_age() -> None:
    host = listed(FakeHost())
    host.state["apt-index"] = str(host.now // SECOND + 1000)
    assert index_age(host) is None


def test_an_update_fails_with_any_of_its_sources_and_is_remembered_only_then() -> None:
    run, remember = update(1_800_000_000_123_456_789)
    assert isinstance(run, Run)
    assert "APT::Update::Error-Mode=any" in run.argv
    assert run.progress == "apt"
    assert ("DEBIAN_FRONTEND", "noninteractive") in run.environment
    assert remember == Remember(name="apt-index", value="1800000000")
