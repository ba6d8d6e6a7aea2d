"""Toolkits, systems and framework builds, and how they agree."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from provision.knowledge import tables
from provision.knowledge.model import number
from provision.knowledge.tables import knowledge


def test_newer_toolkits_ask_for_no_less() -> None:
    known = [row for row in knowledge().toolkits if row.driver]
    for older, newer in pairwise(known):
        assert number(older.version) < number(newer.version)
        assert number(older.driver) < number(newer.driver)
        assert older.gcc <= newer.gcc


def test_each_toolkit_runs_from_its_major_floor_on() -> None:
    floors = {row.major: row.driver for row in knowledge().runtimes}
    for row in knowledge().toolkits:
        assert not row.driver or number(floors[row.major])[0] <= number(row.driver)[0], row
        assert list(row.capabilities) == sorted(set(row.capabilities), key=number)


@pytest.mark.parametrize(
    ("version", "has", "lacks", "gcc"),
    [
        ("11.8", "3.5 5.0 9.0", "10.0", 11),
        ("12.0", "5.0 9.0", "3.7 10.0", 12),
        ("12.4", "5.0 9.0", "3.7 10.0", 13),
        ("12.8", "5.0 7.0 12.0", "12.1 10.3", 14),
        ("12.9", "5.0 12.1 10.3", "11.0", 14),
        ("13.0", "7.5 11.0 12.1", "5.0 6.1 7.0 7.2 10.1", 15),
        ("13.5", "7.5 10.7", "7.0", 16),
    ],
)
def test_what_toolkits_compile_for(version: str, has: str, lacks: str, gcc: int) -> None:
    row = next(row for row in knowledge().toolkits if row.version == version)
    assert set(has.split()) <= set(row.capabilities)
    assert not set(lacks.split()) & set(row.capabilities)
    assert row.gcc == gcc


def test_offers_of_toolkits_name_known_ones() -> None:
    systems = {system.id: system for system in knowledge().systems}
    versions = {row.version for row in knowledge().toolkits}
    for offer in knowledge().toolkit_offers:
        assert offer.version in versions
        assert offer.origin in systems[offer.system].origins
        assert offer.packages
        if offer.origin == "nvidia":
            assert offer.packages == (f"cuda-toolkit-{offer.version.replace('.', '-')}",)
            assert offer.cudnn in {(), (f"cudnn9-cuda-{number(offer.version)[0]}",)}


def test_each_system_has_a_toolkit_that_a_compiler_of_it_suits() -> None:
    gcc = {row.version: row.gcc for row in knowledge().toolkits}
    for system in knowledge().systems:
        offered = [gcc[offer.version] for offer in knowledge().toolkit_offers if offer.system == system.id]
        assert any(compiler <= limit for limit in offered for compiler in system.compilers), system
        assert system.gcc in system.compilers


def test_each_system_s_key_is_in_the_repository() -> None:
    repository = next(row for row in knowledge().repositories if row.origin == "nvidia")
    files = dict(repository.keys)
    assert repository.uri.format(system="debian13", architecture="x86_64").endswith("/repos/debian13/x86_64/")
    for system in knowledge().systems:
        assert len(system.key) == 40
        assert files[system.key].removesuffix(".pub").upper() == system.key[-8:]


def test_builds_agree_with_the_other_tables() -> None:
    pythons = {row.version for row in knowledge().pythons}
    majors = {row.major for row in knowledge().runtimes}
    names = {row.framework for row in knowledge().builds}
    assert names == set(tables.FRAMEWORKS)
    for row in knowledge().builds:
        assert set(row.pythons) <= pythons
        assert row.pythons
        assert row.requirement.startswith(row.framework)
        assert list(row.capabilities) == sorted(set(row.capabilities), key=number), row
        assert bool(row.cuda) == bool(row.capabilities) == (row.build not in {"cpu", "any"}), row
        assert not row.cuda or number(row.cuda)[0] in majors
        assert {want[0] for want in row.wants} <= names
        assert not row.index or row.index == f"https://download.pytorch.org/whl/{row.build}"


def test_each_release_also_runs_without_a_gpu() -> None:
    releases = {(row.framework, row.version) for row in knowledge().builds}
    assert releases == {(row.framework, row.version) for row in knowledge().builds if row.build in {"cpu", "any"}}


def test_one_build_of_each_torch_is_the_one_the_usual_index_has() -> None:
    usual = Counter(row.version for row in knowledge().builds if row.framework == "torch" and not row.index)
    assert set(usual.values()) == {1}
    assert set(usual) == {row.version for row in knowledge().builds if row.framework == "torch"}


@pytest.mark.parametrize(
    ("version", "builds", "usual"),
    [
        ("2.5", "cu118 cu121 cu124", "cu124"),
        ("2.8", "cu126 cu128 cu129", "cu128"),
        ("2.14", "cu126 cu130 cu132", "cu130"),
        ("2.15", "cu130 cu132", "cu132"),
    ],
)
def test_which_builds_torch_has(version: str, builds: str, usual: str) -> None:
    ours = [
        row
        for row in knowledge().builds
        if (row.framework, row.version, row.architecture) == ("torch", version, "amd64") and row.cuda
    ]
    assert [row.build for row in ours] == builds.split()
    assert [row.build for row in ours if not row.index] == [usual]
    assert all(row.cuda.replace(".", "") == row.build[2:] for row in ours)


def test_pinned_cudnn_is_none_that_came_later() -> None:
    newest = {row.major: row.newest for row in knowledge().cudnn}
    for row in knowledge().builds:
        if row.cudnn and row.cudnn[0].isdigit():
            assert number(row.cudnn) <= number(newest[number(row.cuda)[0]]), row
