"""The tables, typed: read once, checked row by row, so that a mistake in one names its file and row."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, fields
from functools import cache
from typing import Any, TypeVar

from provision.errors import ProvisionError
from provision.knowledge import model, table

NVIDIA = "10de"
"""The PCI vendor id of NVIDIA."""
FRAMEWORKS = ("torch", "tensorflow", "jax", "fastai")
MARKS = {
    "P": "seen in the artefact itself",
    "D": "the vendor's documentation",
    "G": "a repository or an issue",
    "S": "somebody else who quotes the vendor",
    "I": "not confirmed",
}

Row = TypeVar("Row")
_DATE = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")
_ID = re.compile(r"[0-9a-f]{4}")
_DATES = frozenset({"date", "end_of_life", "support_ends", "extended_ends"})


class TableError(ProvisionError):
    """A table of our own is malformed."""


@cache
def knowledge() -> model.Knowledge:
    """Return all tables; raises `TableError`, which names file and row."""
    sources = rows(model.Source, "sources")
    known = frozenset(source.source for source in sources)
    toolkits = table("toolkits")
    return model.Knowledge(
        sources=sources,
        architectures=tuple(_architectures().values()),
        chips=tuple(_chips().values()),
        gpus=tuple(_gpu(device) for device in _devices()),
        branches=rows(model.Branch, "branches", known=known),
        drivers=rows(model.DriverOffer, "drivers", known=known),
        packages=rows(model.DriverPackages, "driver_packages", known=known),
        toolkits=rows(model.Toolkit, "toolkits", key="toolkits", data=toolkits, known=known),
        runtimes=rows(model.Runtime, "toolkits", key="runtimes", data=toolkits, known=known),
        toolkit_offers=rows(model.ToolkitOffer, "toolkits", key="offers", data=toolkits, known=known),
        systems=rows(model.System, "systems", known=known),
        repositories=rows(model.Repository, "repositories", known=known),
        builds=tuple(build for name in FRAMEWORKS for build in rows(model.Build, name, known=known)),
        cudnn=rows(model.Cudnn, "cudnn", known=known),
        pythons=rows(model.PythonRelease, "pythons", known=known),
    )


def gpu(pci: str) -> model.Gpu | None:
    """Return the GPU with the PCI id `pci` (`10de:1e84`), or None when it is another maker's or not in the tables."""
    vendor, _, device = pci.lower().partition(":")
    return _gpu(device) if vendor == NVIDIA and device in _devices() else None


def rows(
    cls: type[Row],
    name: str,
    *,
    key: str = "rows",
    data: Mapping[str, Any] | None = None,
    known: frozenset[str] | None = None,
) -> tuple[Row, ...]:
    """Return the rows of `NAME.toml` as `cls`; `known` are the sources there are. Raises `TableError`.

    What stands at the top of the file holds for each row that does not say otherwise. A release's `builds` take over what the
    release says, and `systems` stands for one row each where a row has one `system`.
    """
    data = table(name) if data is None else data
    common = {field: value for field, value in data.items() if not isinstance(value, list | dict)}
    columns = {field.name: (_KINDS[str(field.type)], field.default is MISSING) for field in fields(cls)}  # type: ignore[arg-type]  # rows are dataclasses
    made = []
    for index, row in enumerate(_spread(data, key, cls), 1):
        try:
            made.append(cls(**_row(columns, {**common, **row}, known)))
        except ValueError as error:
            told = ", ".join(f"{field} = {value!r}" for field, value in list(row.items())[:3])
            raise TableError(f"`knowledge/{name}.toml`, {key} {index} ({told}): {error}") from None
    return tuple(made)


def _spread(data: Mapping[str, Any], key: str, cls: type) -> Iterator[dict[str, Any]]:
    """Yield each row as it is meant: builds with what their release says, one row for each of several systems."""
    one_system = "system" in {field.name for field in fields(cls)}
    for release in data.get("releases", ()) if key == "rows" else ():
        shared = {field: value for field, value in release.items() if field != "builds"}
        yield from ({**shared, **build} for build in release["builds"])
    for row in data.get(key, ()):
        if one_system and "systems" in row:
            rest = {field: value for field, value in row.items() if field != "systems"}
            yield from ({**rest, "system": system} for system in row["systems"])
        else:
            yield row


def _row(
    columns: Mapping[str, tuple[Callable[[Any], Any], bool]], given: Mapping[str, Any], known: frozenset[str] | None
) -> dict[str, Any]:
    """Return a row's values, checked; raises `ValueError` that says what is wrong with it."""
    unknown = given.keys() - columns.keys()
    if unknown:
        raise ValueError(f"there is no column `{min(unknown)}`")
    values = {}
    for column, (convert, required) in columns.items():
        if column in given:
            try:
                values[column] = convert(given[column])
            except TypeError:
                raise ValueError(f"`{column}` cannot be {given[column]!r}") from None
            if column in _DATES and values[column] and not _DATE.fullmatch(values[column]):
                raise ValueError(f"`{column}` is no date: {values[column]!r}")
        elif required:
            raise ValueError(f"`{column}` is missing")
    if values.get("mark", "P") not in MARKS:
        raise ValueError(f"there is no mark {values['mark']!r}")
    if known is not None and values["source"] not in known:
        raise ValueError(f"`sources.toml` does not have {values['source']!r}")
    return values


def _plain(kind: type) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:  # noqa: ANN401 - whatever TOML has
        if type(value) is not kind:
            raise TypeError
        return value

    return convert


def _many(convert: Callable[[Any], Any], length: int = 0) -> Callable[[Any], Any]:
    def convert_all(value: Any) -> tuple[Any, ...]:  # noqa: ANN401 - whatever TOML has
        if not isinstance(value, list) or (length and len(value) != length):
            raise TypeError
        return tuple(convert(item) for item in value)

    return convert_all


_KINDS = {
    "str": _plain(str),
    "int": _plain(int),
    "bool": _plain(bool),
    "tuple[str, ...]": _many(_plain(str)),
    "tuple[int, ...]": _many(_plain(int)),
    "tuple[tuple[str, str], ...]": _many(_many(_plain(str), 2)),
    "tuple[tuple[str, str, str], ...]": _many(_many(_plain(str), 3)),
}


@cache
def _architectures() -> dict[str, model.Architecture]:
    return {row.name: row for row in rows(model.Architecture, "architectures")}


@cache
def _chips() -> dict[str, model.Chip]:
    chips = {row.code: row for row in rows(model.Chip, "chips")}
    for chip in chips.values():
        if chip.architecture not in _architectures():
            raise TableError(f"`knowledge/chips.toml`, {chip.code}: `architectures.toml` does not have {chip.architecture!r}")
    return chips


@cache
def _gpu_table() -> dict[str, Any]:
    return table("gpus")


@cache
def _devices() -> dict[str, str]:
    """Return the lines of `gpus.toml` by device id."""
    lines = _gpu_table()["devices"].splitlines()
    devices = {line[:4]: line for line in lines}
    if len(devices) != len(lines):
        twice = next(line for line in lines if devices[line[:4]] != line or lines.count(line) > 1)
        raise TableError(f"`knowledge/gpus.toml`: {twice[:4]!r} is there twice")
    return devices


@cache
def _flavours() -> dict[str, tuple[str, ...]]:
    """Return the kernel modules of the GPUs that do not take what their chip takes."""
    return {device: tuple(row["flavours"]) for row in _gpu_table()["flavours"] for device in row["pci"]}


@cache
def _gpu(device: str) -> model.Gpu:
    line = _devices()[device]
    columns = [*line.split(None, 3), "", ""]
    chip = _chips().get(columns[1])
    if not _ID.fullmatch(device) or chip is None or not re.fullmatch(r"-|\d+(\.\d+)*", columns[2]):
        raise TableError(f"`knowledge/gpus.toml`: {line!r} is not an id, a chip of `chips.toml`, a driver or `-`, and a name")
    architecture = _architectures()[chip.architecture]
    return model.Gpu(
        pci=f"{NVIDIA}:{device}",
        chip=chip,
        architecture=architecture,
        name=columns[3],
        first_driver="" if columns[2] == "-" else columns[2],
        flavours=_flavours().get(device) or chip.flavours or architecture.flavours,
    )
