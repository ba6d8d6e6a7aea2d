"""Which rows of the tables are said to be stale, against recorded indexes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from provision.errors import UnreadableError
from provision.knowledge.apt_index import AptIndex
from provision.knowledge.model import Build, DriverOffer, Knowledge, ToolkitOffer
from provision.knowledge.stale import Comparison, compare
from provision.knowledge.stale_row import Stale
from provision.knowledge.tables import knowledge
from tests.unit.knowledge.recorded_apt import RecordedApt

CODENAMES = {"debian-12": "bookworm", "ubuntu-24.04": "noble"}


@dataclass
class Releases:
    """A package index that has what the tables have, but for `other`; it answers `answers` times."""

    other: dict[str, str] = field(default_factory=dict)
    places: tuple[str, ...] = ("http://mirror.test/simple",)
    answers: int = 99

    def newest(self, project: str) -> str:
        self.answers -= 1
        if self.answers < 0:
            raise UnreadableError("http://mirror.test/simple does not answer: timed out")
        if project in self.other:
            return self.other[project]
        if project.startswith("nvidia-cudnn-cu"):
            return next(row.newest for row in knowledge().cudnn if project.endswith(str(row.major)))
        return [row.version for row in knowledge().builds if row.framework == project][-1]


def compared(system: str, apt: RecordedApt, *, tables: Knowledge | None = None, pip: Releases | None = None) -> Comparison:
    return compare(tables or knowledge(), system, lambda codename: AptIndex(codename, apt), lambda: pip or Releases())


def apt_only(found: Comparison) -> list[tuple[str, str, str]]:
    return [(row.row, row.tables_say, row.index_says) for row in found.stale]


@pytest.fixture
def debian() -> RecordedApt:
    return RecordedApt("debian-12")


@pytest.fixture
def ubuntu() -> RecordedApt:
    return RecordedApt("ubuntu-24.04")


def test_a_recorded_debian_agrees_with_the_tables(debian: RecordedApt) -> None:
    found = compared("debian-12", debian)
    assert found.stale == ()
    assert [row.what for row in found.unasked] == ["drivers and toolkits from NVIDIA"]
    assert found.asked == ("apt's sources, for debian-12", "http://mirror.test/simple")


def test_an_ubuntu_with_nvidia_s_repository_agrees_with_the_tables(ubuntu: RecordedApt) -> None:
    found = compared("ubuntu-24.04", ubuntu)
    assert found.stale == ()
    assert found.unasked == ()


# --- drivers ---


def test_a_newer_build_of_a_branch(debian: RecordedApt) -> None:
    debian.replace("535.261.03-1", "535.400.01-1")
    assert apt_only(compared("debian-12", debian)) == [("debian-12 debian 535", "535.309.01", "535.400.01")]


def test_an_older_mirror_is_no_news(debian: RecordedApt) -> None:
    debian.replace("535.261.03-1", "535.216.03-1")
    assert apt_only(compared("debian-12", debian)) == []


def test_a_branch_that_went_away(debian: RecordedApt) -> None:
    debian.without("tesla-470")
    assert ("debian-12 debian 470", "470.256.02", "nothing") in apt_only(compared("debian-12", debian))


def test_an_archive_that_moved_on_to_another_branch(debian: RecordedApt) -> None:
    debian.replace("535.261.03-1", "580.95.05-1")
    assert ("debian-12 debian 535", "535.309.01", "580.95.05") in apt_only(compared("debian-12", debian))


def test_packages_that_have_become_another_branch(ubuntu: RecordedApt) -> None:
    ubuntu.replace("535.309.01-0ubuntu0.24.04.1", "580.173.02-0ubuntu0.24.04.1")
    assert apt_only(compared("ubuntu-24.04", ubuntu)) == [("ubuntu-24.04 ubuntu 535", "535.309.01", "580.173.02")]


def test_a_newer_build_is_told_once_not_for_each_name_that_turns_into_it(ubuntu: RecordedApt) -> None:
    ubuntu.replace("580.173.02", "580.178.04")
    assert apt_only(compared("ubuntu-24.04", ubuntu)) == [("ubuntu-24.04 ubuntu 580", "580.173.02", "580.178.04")]


def test_a_branch_that_the_tables_do_not_have_yet(ubuntu: RecordedApt) -> None:
    ubuntu.madison += (
        "nvidia-driver-625-open | 625.10-0ubuntu0.24.04.1 | http://mirror.test/ubuntu noble-updates/multiverse amd64 Packages\n"
        "nvidia-driver-pinning-630 | 630-1 | http://mirror.test/compute/cuda/repos/ubuntu2404/x86_64  Packages\n"
    )
    assert apt_only(compared("ubuntu-24.04", ubuntu)) == [
        ("ubuntu-24.04 ubuntu 625", "nothing", "625.10"),
        ("ubuntu-24.04 nvidia 630", "nothing", "630"),
    ]


def test_a_branch_that_nvidia_took_away_among_names_that_all_branches_share(ubuntu: RecordedApt) -> None:
    ubuntu.without("590.48.01")
    assert apt_only(compared("ubuntu-24.04", ubuntu)) == [("ubuntu-24.04 nvidia 590", "590.48.01", "nothing")]


def test_others_packages_and_backports_do_not_count(ubuntu: RecordedApt) -> None:
    assert "595.99" in ubuntu.madison  # the PPA's
    assert "gcc-15" in ubuntu.madison  # a backport
    assert compared("ubuntu-24.04", ubuntu).stale == ()


# --- toolkits and compilers ---


def test_a_toolkit_that_the_tables_do_not_have_yet(ubuntu: RecordedApt) -> None:
    line = "cuda-toolkit-13-6 | 13.6.0-1 | http://mirror.test/compute/cuda/repos/ubuntu2404/x86_64  Packages\n"
    ubuntu.madison += line + line.replace("13-6 ", "11-8 ").replace("13.6", "11.8")
    assert apt_only(compared("ubuntu-24.04", ubuntu)) == [("ubuntu-24.04 nvidia 13.6", "nothing", "13.6")]


def test_toolkits_and_libraries_that_went_away(ubuntu: RecordedApt) -> None:
    ubuntu.without("cuda-toolkit-13-0", "cudnn9-cuda-12")
    assert apt_only(compared("ubuntu-24.04", ubuntu)) == [
        ("ubuntu-24.04 nvidia 13.0", "13.0", "nothing"),
        ("ubuntu-24.04 nvidia", "cudnn9-cuda-12", "nothing"),
    ]


def test_an_archive_whose_toolkit_is_another(debian: RecordedApt) -> None:
    debian.replace("11.8.89~11.8.0", "12.4.131~12.4.1")
    assert apt_only(compared("debian-12", debian)) == [("debian-12 debian 11.8", "11.8", "12.4")]


def test_compilers_and_python_that_differ(ubuntu: RecordedApt) -> None:
    ubuntu.replace("4:13.2.0-7ubuntu1", "4:14.2.0-1ubuntu1")
    ubuntu.replace("3.12.3-0ubuntu2", "3.13.1-0ubuntu1")
    ubuntu.without("gcc-9 ")
    assert apt_only(compared("ubuntu-24.04", ubuntu)) == [
        ("ubuntu-24.04 gcc", "13", "14"),
        ("ubuntu-24.04 python", "3.12", "3.13"),
        ("ubuntu-24.04 compilers", "9 10 11 12 13 14", "10 11 12 13 14"),
    ]


# --- what cannot be asked ---


def test_a_system_that_is_not_in_the_tables(debian: RecordedApt) -> None:
    found = compared("fedora-44", debian)
    assert found.asked == ("http://mirror.test/simple",)
    assert "`fedora-44`" in found.unasked[0].because


def test_a_machine_without_apt() -> None:
    def nothing(_codename: str) -> AptIndex:
        raise FileNotFoundError(2, "No such file or directory", "apt-cache")

    found = compare(knowledge(), "debian-12", nothing, Releases)
    assert found.unasked[0].because == "`apt-cache` does not answer: No such file or directory"


def test_sources_without_non_free(debian: RecordedApt) -> None:
    debian.policy = debian.policy.replace("o=Debian,a=oldstable,n=bookworm,l=Debian,c=non-free,", "o=Somebody,c=non-free,")
    found = compared("debian-12", debian)
    assert found.stale == ()
    assert [(row.what, row.because) for row in found.unasked][1:] == [
        ("drivers and toolkits from Debian", "non-free is not among apt's sources")
    ]


def test_nothing_was_ever_fetched(debian: RecordedApt) -> None:
    debian.policy = "Package files:\n 100 /var/lib/dpkg/status\n     release a=now\n"
    found = compared("debian-12", debian)
    assert found.stale == ()
    assert [row.what for row in found.unasked] == [
        "compilers and Python",
        "drivers and toolkits from NVIDIA",
        "drivers and toolkits from Debian",
    ]


# --- pip ---


@pytest.mark.parametrize(
    ("project", "newest", "table", "ours"),
    [
        ("torch", "2.16.0", "torch.toml", "2.15"),
        ("tensorflow", "2.22.0", "tensorflow.toml", "2.21"),
        ("jax", "0.13.0.1", "jax.toml", "0.12"),
        ("fastai", "2.8.13", "fastai.toml", "2.8.12"),
        ("nvidia-cudnn-cu12", "9.29.0.1", "cudnn.toml", "9.28.0.42"),
    ],
)
def test_a_newer_release(debian: RecordedApt, project: str, newest: str, table: str, ours: str) -> None:
    found = compared("debian-12", debian, pip=Releases(other={project: newest}))
    assert found.stale == (Stale(table=table, row=project, tables_say=ours, index_says=newest),)


@pytest.mark.parametrize(("project", "newest"), [("torch", "2.15.1"), ("jax", "0.12.0.1"), ("torch", "2.9.0")])
def test_patches_and_older_mirrors_are_no_news(debian: RecordedApt, project: str, newest: str) -> None:
    assert compared("debian-12", debian, pip=Releases(other={project: newest})).stale == ()


def test_a_project_that_the_index_does_not_have(debian: RecordedApt) -> None:
    found = compared("debian-12", debian, pip=Releases(other={"fastai": ""}))
    assert [(row.what, row.because) for row in found.unasked][1:] == [("fastai", "the index does not have it")]


def test_an_index_that_stops_answering_is_not_asked_again(debian: RecordedApt) -> None:
    index = Releases(other={"torch": "3.0"}, answers=1)
    found = compared("debian-12", debian, pip=index)
    assert [row.row for row in found.stale] == ["torch"]
    last = found.unasked[-1]
    assert last.what.startswith("tensorflow, jax, fastai, nvidia-cudnn-cu11")
    assert "timed out" in last.because
    assert index.answers == -1


def test_no_index_at_all(debian: RecordedApt) -> None:
    found = compared("debian-12", debian, pip=Releases(places=()))
    assert found.unasked[-1].what == "frameworks and cuDNN"
    assert found.asked == ("apt's sources, for debian-12",)


def test_rows_that_are_wrong_are_found(debian: RecordedApt) -> None:
    tables = knowledge()
    offers: tuple[DriverOffer, ...] = tuple(
        replace(row, version="535.100") if (row.origin, row.system, row.branch) == ("debian", "debian-12", 535) else row
        for row in tables.drivers
    )
    kits: tuple[ToolkitOffer, ...] = tuple(
        replace(row, version="12.0") if (row.origin, row.system) == ("debian", "debian-12") else row
        for row in tables.toolkit_offers
    )
    builds: tuple[Build, ...] = tuple(row for row in tables.builds if (row.framework, row.version) != ("torch", "2.15"))
    wrong = replace(tables, drivers=offers, toolkit_offers=kits, builds=builds)
    assert [row.table for row in compared("debian-12", debian, tables=wrong).stale] == [
        "drivers.toml",
        "toolkits.toml",
        "torch.toml",
    ]
