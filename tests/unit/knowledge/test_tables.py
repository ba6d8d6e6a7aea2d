"""The tables: each row is whole, and says where it is from; a malformed one is named."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator

import pytest

from provision.knowledge import model, table, tables
from provision.knowledge.tables import TableError, gpu, knowledge, rows


def facts() -> Iterator[model.Fact]:
    tables_ = knowledge()
    for field in tables_.__dataclass_fields__:
        yield from (row for row in getattr(tables_, field) if isinstance(row, model.Fact))


def test_each_row_has_a_known_source_a_past_date_and_a_mark() -> None:
    known = {source.source for source in knowledge().sources}
    for row in facts():
        assert row.source in known, row
        assert dt.date(2020, 1, 1) <= dt.date.fromisoformat(row.date) <= dt.datetime.now(dt.timezone.utc).date(), row
        assert row.mark in tables.MARKS, row


def test_the_table_of_gpus_has_its_own_sources() -> None:
    data = table("gpus")
    known = {source.source for source in knowledge().sources}
    for row in (data, *data["flavours"]):
        assert row["source"] in known
        assert dt.date.fromisoformat(row["date"])
        assert row["mark"] in tables.MARKS
    assert {device for row in data["flavours"] for device in row["pci"]} <= {card.pci[5:] for card in knowledge().gpus}


def test_no_two_rows_say_the_same_thing() -> None:
    all_ = knowledge()
    keys: list[tuple[object, ...]] = [
        *(("source", row.source) for row in all_.sources),
        *(("architecture", row.name) for row in all_.architectures),
        *(("chip", row.code) for row in all_.chips),
        *(("gpu", row.pci) for row in all_.gpus),
        *(("branch", row.number) for row in all_.branches),
        *(("driver", row.origin, row.system, row.branch) for row in all_.drivers),
        *(("toolkit", row.version) for row in all_.toolkits),
        *(("runtime", row.major) for row in all_.runtimes),
        *(("offer", row.origin, row.system, row.version) for row in all_.toolkit_offers),
        *(("system", row.id) for row in all_.systems),
        *(("codename", row.codename) for row in all_.systems),
        *(("repository", row.origin) for row in all_.repositories),
        *(("build", row.framework, row.version, row.build, row.architecture) for row in all_.builds),
        *(("cudnn", row.major) for row in all_.cudnn),
        *(("python", row.version) for row in all_.pythons),
        *(("rank", row.rank) for row in all_.pythons),
    ]
    assert [key for key, count in Counter(keys).items() if count > 1] == []


def test_dates_are_dates() -> None:
    systems = [row.support_ends for row in knowledge().systems]
    pythons = [row.support_ends for row in knowledge().pythons]
    branches = [row.end_of_life for row in knowledge().branches]
    extended = [row.extended_ends for row in knowledge().systems]
    assert all((*systems, *pythons))
    assert all(dt.date.fromisoformat(end).year >= 2022 for end in (*systems, *pythons, *branches, *extended) if end)


# --- mistakes ---

WHOLE = {
    "number": 600,
    "kind": "PB",
    "newest": "600.1",
    "flavours": ["open"],
    "source": "EOLD",
    "date": "2026-08-22",
    "mark": "G",
}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"number": "600"}, "`number` cannot be '600'"),
        ({"number": True}, "`number` cannot be True"),
        ({"flavours": "open"}, "`flavours` cannot be 'open'"),
        ({"flavours": [1]}, r"`flavours` cannot be \[1\]"),
        ({"colour": "green"}, "there is no column `colour`"),
        ({"source": "HEARSAY"}, "`sources.toml` does not have 'HEARSAY'"),
        ({"date": "today"}, "`date` is no date: 'today'"),
        ({"end_of_life": "2026-13-01"}, "`end_of_life` is no date"),
        ({"mark": "Q"}, "there is no mark 'Q'"),
        ({"kind": None}, "`kind` is missing"),
    ],
)
def test_a_malformed_row_is_named(change: dict[str, object], told: str) -> None:
    wrong = {name: value for name, value in {**WHOLE, **change}.items() if value is not None}
    data = {"rows": [WHOLE, wrong]}
    with pytest.raises(TableError, match=rf"`knowledge/branches.toml`, rows 2 \(number = .*\): {told}"):
        rows(model.Branch, "branches", data=data, known=frozenset({"EOLD"}))


def test_what_stands_at_the_top_holds_for_all_rows() -> None:
    bare = {name: value for name, value in WHOLE.items() if name not in {"source", "date", "mark"}}
    data = {"source": "EOLD", "date": "2026-08-22", "mark": "G", "rows": [bare, {**bare, "mark": "I"}]}
    assert [row.mark for row in rows(model.Branch, "branches", data=data)] == ["G", "I"]


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Lines that stand in for those of `gpus.toml`."""
    lines: list[str] = []
    cached = (tables._gpu_table, tables._devices, tables._flavours, tables._gpu)
    data = table("gpus")
    for function in cached:
        function.cache_clear()
    monkeypatch.setattr(tables, "table", lambda name: {**data, "devices": "\n".join(lines)} if name == "gpus" else {})
    yield lines
    for function in cached:
        function.cache_clear()


@pytest.mark.parametrize("line", ["1e84 TU999 - X", "1e84", "1E84 TU104 - X", "1e84 TU104 newest X", "1e84 TU104"])
def test_a_malformed_gpu_is_named(devices: list[str], line: str) -> None:
    devices.append(line)
    with pytest.raises(TableError, match=f"`knowledge/gpus.toml`: '{line}'"):
        tables._gpu(line[:4])


def test_a_gpu_that_is_there_twice_is_named(devices: list[str]) -> None:
    devices += ["1e84 TU104 - A", "1e87 TU104 - B", "1e84 TU104 - C"]
    with pytest.raises(TableError, match="'1e84' is there twice"):
        gpu("10de:1e84")
