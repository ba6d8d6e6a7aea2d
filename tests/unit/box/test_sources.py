"""Which releases there are, and where this machine gets their packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from provision.box import release as releases
from provision.box.release import Release, release, sources, translate
from provision.box.sources import Source, deb822, host_sources, one_line
from provision.errors import InputError, ProvisionError

ONE_LINE = """\
# deb http://mirror.test/debian old main
deb [arch=amd64 signed-by=/k.gpg] http://mirror.test/debian bookworm main contrib # ours
deb-src http://mirror.test/debian bookworm main
deb http://mirror.test/flat ./
"""
DEB822 = """\
Types: deb deb-src
# a comment inside
URIs: http://mirror.test/debian http://second.test/debian
Suites: bookworm
 bookworm-updates
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQ

Enabled: no
Types: deb
URIs: http://off.test/
Suites: bookworm
Components: main

Types: deb-src
URIs: http://source.test/
Suites: bookworm
Components: main
"""


def test_one_line_sources() -> None:
    assert list(one_line(ONE_LINE)) == [
        Source(uri="http://mirror.test/debian", suite="bookworm", components=("main", "contrib")),
    ]


def test_deb822_sources() -> None:
    assert [(source.uri, source.suite) for source in deb822(DEB822)] == [
        ("http://mirror.test/debian", "bookworm"),
        ("http://mirror.test/debian", "bookworm-updates"),
        ("http://second.test/debian", "bookworm"),
        ("http://second.test/debian", "bookworm-updates"),
    ]


def test_a_list_of_mirrors_stands_for_its_first(tmp_path: Path) -> None:
    (tmp_path / "mirrors").write_text("# fastest\nhttp://near.test/debian priority:1\nhttp://far.test/debian\n")
    found = list(one_line(f"deb mirror+file:{tmp_path}/mirrors bookworm main"))
    assert found[0].uri == "http://near.test/debian"


def test_files_of_this_machine_are_read_in_order_without_repeats(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text(ONE_LINE)
    (tmp_path / "sources.list.d" / "a.list").write_text(ONE_LINE)
    (tmp_path / "sources.list.d" / "b.sources").write_text(DEB822)
    (tmp_path / "sources.list.d" / "c.sources.disabled").write_text(DEB822)
    assert len(host_sources(tmp_path)) == 5


@pytest.fixture
def on_bookworm(monkeypatch: pytest.MonkeyPatch) -> None:
    def available() -> tuple[Source, ...]:
        suites = ("bookworm", "bookworm-updates", "bookworm-security", "bookworm-backports", "nodistro")
        return tuple(Source(uri="http://mirror.test/debian", suite=suite, components=("main",)) for suite in suites)

    monkeypatch.delenv(releases.MIRROR_VARIABLE, raising=False)
    monkeypatch.setattr(releases, "host_release", lambda: Release(name="debian-12", codename="bookworm"))
    monkeypatch.setattr(releases, "host_sources", available)


@pytest.mark.usefixtures("on_bookworm")
def test_another_release_of_the_same_distribution_comes_from_the_same_mirror() -> None:
    assert [source.line() for source in sources(release("debian-13"))] == [
        "deb http://mirror.test/debian trixie main",
        "deb http://mirror.test/debian trixie-updates main",
        "deb http://mirror.test/debian trixie-security main",
    ]


@pytest.mark.usefixtures("on_bookworm")
def test_another_distribution_needs_a_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ProvisionError, match="no apt source") as caught:
        sources(release("ubuntu-24.04"))
    assert releases.MIRROR_VARIABLE in caught.value.hint
    monkeypatch.setenv(releases.MIRROR_VARIABLE, "http://mirror.test/ubuntu")
    assert [source.suite for source in sources(release("ubuntu-24.04"))] == ["noble", "noble-updates", "noble-security"]


@pytest.mark.usefixtures("on_bookworm")
@pytest.mark.parametrize("mirror", ["mirror.test", "http://mirror.test/ x", "http://mirror.test/\ndeb http://evil.test x main"])
def test_a_mirror_that_is_no_url_is_refused(monkeypatch: pytest.MonkeyPatch, mirror: str) -> None:
    monkeypatch.setenv(releases.MIRROR_VARIABLE, mirror)
    with pytest.raises(InputError):
        sources(release("debian-13"))


@pytest.mark.usefixtures("on_bookworm")
def test_no_source_of_the_own_release_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releases, "host_sources", lambda: ())
    with pytest.raises(ProvisionError, match="carries `bookworm`"):
        sources(release("host"))


def test_unknown_releases() -> None:
    with pytest.raises(InputError, match="unknown release `debian-99`"):
        release("debian-99")


def test_this_machine_must_be_debian_or_ubuntu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distro.id", lambda: "fedora")
    monkeypatch.setattr("distro.version", lambda: "44")
    with pytest.raises(ProvisionError, match="`fedora-44`"):
        release("host")


def test_translate_leaves_other_archives_out() -> None:
    third = Source(uri="http://third.test", suite="stable", components=("main",))
    assert translate((third,), "bookworm", "trixie") == ()
