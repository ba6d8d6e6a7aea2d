"""Components, fetched keys and alternatives on a real machine: what is there is changed, and nothing around it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from provision.box.box import Box
from provision.box.snapshot import differences, take
from tests.keys import OTHER, OTHER_FINGERPRINT
from tests.system.archive import Archive
from tests.system.driving import Driver, Said, undone

pytestmark = pytest.mark.box

TREES = ("/etc", "/usr/local", "/var/lib/dpkg", "/var/lib/apt/lists")
SOURCES = "find /etc/apt/sources.list /etc/apt/sources.list.d -name '*.list' -o -name '*.sources' | sort | xargs cat"


@pytest.fixture
def driver(box: Box, tmp_path: Path) -> Driver:
    return Driver(box, tmp_path)


def converged(driver: Driver) -> Said:
    """Apply what the plan shows; then a plan is empty and an apply changes nothing."""
    plan = driver.run("plan", "sample")
    first = driver.apply(timeout=300)
    assert (plan.code, first.code) == (0, 0), first
    assert first.changed == list(plan.pending)
    before = take(driver.box, trees=TREES)
    again = driver.apply()
    assert (again.code, again.pending, again.changed) == (0, {}, [])
    assert differences(before, take(driver.box, trees=TREES)) == ()
    return first


@pytest.fixture
def archive(driver: Driver, tmp_path: Path) -> Iterator[Archive]:
    """An archive in the box, and its key and others on a web server of the box's own."""
    made = Archive(tmp_path / "archive")
    (made.folder / "key.asc").write_text(made.key)
    (made.folder / "other.asc").write_text(OTHER)
    (made.folder / "login.html").write_text("<!DOCTYPE html>\n<html>please log in</html>")
    box = driver.box
    box.copy_to(made.folder, "/srv/archive")
    serve = ["systemd-run", "--unit=web", "--collect", "--quiet", "python3", "-m", "http.server"]
    box.succeed([*serve, "--bind", "127.0.0.1", "--directory", "/srv/archive", "8098"])
    files = "/srv/archive /etc/apt/sources.list.d/fetched.sources /etc/apt/keyrings/fetched.asc"
    with undone(box, f"systemctl stop web || true; rm -rf {files} && apt-get -qq update"):
        box.wait_for_port(8098)
        yield made


def source(archive: Archive, file: str = "key.asc") -> str:
    where = f'key_url="http://127.0.0.1:8098/{file}", fingerprint="{archive.fingerprint}"'
    return f'yield AptSource(name="fetched", uris=("file:/srv/archive",), suites=("./",), {where})'


def test_a_key_is_fetched_once_and_only_the_promised_one(driver: Driver, archive: Archive) -> None:
    box = driver.box
    for file, said in {
        "other.asc": f"has the fingerprint {OTHER_FINGERPRINT}, {archive.fingerprint} is expected",
        "login.html": "a web page came instead of a key",
        "none.asc": "the server answers 404",
    }.items():
        before = take(box, trees=TREES)
        driver.role(source(archive, file))
        refused = driver.apply()
        assert (refused.code, said in refused.events[-2]["message"]) == (1, True), refused
        assert differences(before, take(box, trees=TREES)) == ()
    driver.role(f'{source(archive)}\nyield Packages(names=("tiny",), recommends=False)')
    converged(driver)
    assert box.succeed(["cat", "/etc/apt/keyrings/fetched.asc"]).strip() == archive.key.strip()
    box.succeed("systemctl stop web; dpkg --purge tiny")
    driver.role(f'{source(archive)}\nyield Packages(names=("tiny",), recommends=False)')
    assert driver.apply().changed == ["packages:tiny"], "nobody asks for a key that is there"
    box.succeed("dpkg --purge tiny")


def test_components_are_added_to_the_sources_that_are_there(driver: Driver) -> None:
    box = driver.box
    box.succeed("cp -a /etc/apt /srv/apt")
    box.succeed("echo '# deb x y main' >> /etc/apt/sources.list")
    with undone(box, "rm -rf /etc/apt && mv /srv/apt /etc/apt && apt-get -qq update"):
        before = box.succeed(SOURCES)
        driver.role('yield AptComponents(components=("contrib", "non-free"))')
        first = converged(driver)
        assert first.changed == ["apt_components:contrib non-free"]
        after = box.succeed(SOURCES)
        words = ("contrib", "non-free")
        assert [_without(line, words) for line in after.split("\n")] == [_without(line, words) for line in before.split("\n")]
        assert after.count("contrib") > 0
        said = box.succeed("apt-cache policy nvidia-driver nvidia-open-kernel-dkms")
        assert said.count("Candidate: 5") == 2, said
        assert "configured multiple times" not in box.execute("apt-get update").stderr


def _without(line: str, words: tuple[str, ...]) -> list[str]:
    return [word for word in line.split() if word not in words]


def test_an_alternative_is_chosen_and_a_persons_link_taken_back(driver: Driver) -> None:
    box = driver.box
    install = "update-alternatives --quiet --install /usr/local/tool tool"
    box.succeed(f"mkdir /opt/tool-1 /opt/tool-2; {install} /opt/tool-1 1; {install} /opt/tool-2 2")
    with undone(box, "update-alternatives --remove-all tool; rm -rf /opt/tool-1 /opt/tool-2 /usr/local/tool"):
        driver.role('yield Alternative(name="tool", link="/usr/local/tool", path="/opt/tool-1")')
        for damage in ("true", "ln -sfn /opt/tool-2 /usr/local/tool", "rm /usr/local/tool", "rm /etc/alternatives/tool"):
            box.succeed(damage)
            converged(driver)
            assert box.succeed("readlink /usr/local/tool; readlink -f /usr/local/tool") == "/etc/alternatives/tool\n/opt/tool-1\n"
        box.succeed("rm /usr/local/tool; mkdir /usr/local/tool")
        refused = driver.run("plan", "sample")
        assert (refused.code, "is a directory" in refused.error["message"]) == (1, True)
        box.succeed("rmdir /usr/local/tool")
        driver.role('yield Alternative(name="tool", link="/usr/local/tool", path="/opt/tool-3")')
        refused = driver.run("plan", "sample")
        assert "is not registered as an alternative for `tool`" in refused.error["message"]
