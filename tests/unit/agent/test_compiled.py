"""The compiled agent an apply leaves on a machine: it fits exactly, or it is as if it were not there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from provision.agent import compiled
from provision.run import payload


class Memory:
    """Holds one module, as the loader does."""

    def __init__(self, kept: dict[str, Any], name: str = "v2-magic") -> None:
        self.sources = {"json": (False, "")}
        self.made = {"json": b"code"}
        self.kept = kept
        self.name = name


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(compiled, "CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def session(cache: Path) -> list[str]:
    """Return the modules a session finds compiled in `cache`."""
    loader = payload._LOADER.replace("/var/lib/provision/cache", str(cache)).partition("memory = Memory(")[0]
    code = f"{loader}\nprint(*sorted(Memory({{}}, '', 'v2').kept))"
    return subprocess.run([sys.executable, "-ISc", code], capture_output=True, text=True, check=True).stdout.split()


def name_of_session() -> str:
    from importlib.util import MAGIC_NUMBER  # noqa: PLC0415 - only here

    return f"v2-{MAGIC_NUMBER.hex()}"


def test_it_is_for_root_alone_and_replaces_older_ones(cache: Path) -> None:
    compiled.keep(Memory({}, "v1-magic"))
    compiled.keep(Memory({}))
    assert [path.name for path in cache.iterdir()] == ["v2-magic"]
    assert cache.stat().st_mode & 0o777 == 0o700
    assert (cache / "v2-magic").stat().st_mode & 0o777 == 0o600


def test_it_is_not_written_again(cache: Path) -> None:
    compiled.keep(Memory({"json": b"code"}))
    assert not cache.exists()


def test_a_disk_that_is_full_is_done_without(cache: Path) -> None:
    cache.write_text("no folder")
    compiled.keep(Memory({}))


def test_modules_from_files_are_not_kept(cache: Path) -> None:
    compiled.keep(object())
    assert not cache.exists()


def test_a_session_finds_what_an_apply_kept(cache: Path) -> None:
    assert session(cache) == []
    compiled.keep(Memory({}, name_of_session()))
    assert session(cache) == ["json"]


@pytest.mark.parametrize(
    "damage", [lambda _: b"", lambda data: data[:-5], lambda data: data[:9] + b"\0" + data[10:], lambda data: data[:4]]
)
def test_what_is_damaged_is_compiled_anew(cache: Path, damage: Any) -> None:  # noqa: ANN401 - a function of bytes
    compiled.keep(Memory({}, name_of_session()))
    file = cache / name_of_session()
    file.write_bytes(damage(file.read_bytes()))
    assert session(cache) == []
