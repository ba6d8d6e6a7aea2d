"""The agent's text: small, nothing of the controller in it, the same meaning, kept until a module changes."""

from __future__ import annotations

import ast
import base64
import json
import os
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import provision
from provision.run import payload
from tests.unit.run.samples import every_kind

HOME = Path(provision.__file__).parent
KINDS = sorted(path.stem for path in (HOME / "agent/providers").glob("*.py") if path.stem != "__init__")
_CACHED = (payload.stage1, payload.agent, payload._modules, payload._paths)


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A cache that is empty, for one test; yields its folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for function in _CACHED:
        function.cache_clear()
    yield tmp_path / "provision"
    for function in _CACHED:
        function.cache_clear()


def everything() -> payload.Modules:
    return {**payload.closure(["provision.agent.entry"]), **payload.for_solve(KINDS), **payload.for_apply()}


def test_samples_hold_every_kind(tmp_path: Path) -> None:
    assert sorted(resource.kind for resource in every_kind(tmp_path, "me")) == KINDS


def test_what_every_session_starts_with_is_small() -> None:
    assert len(payload.agent()) < 64 << 10
    assert len(payload.stage1()) < 4096
    assert payload.stage1().count(b"\n") == 1
    assert payload.stage1().endswith(b"\n")


def test_nothing_of_the_controller_travels() -> None:
    ours = {"provision.profile", "provision.run", "provision.transports", "provision.cli", "provision.render", "provision.box"}
    for name, (_, text) in everything().items():
        assert name.split(".")[0] == "provision"
        assert not any(name == other or name.startswith(f"{other}.") for other in ours), name
        for node in ast.walk(ast.parse(text)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for imported in names:
                assert imported.split(".")[0] in {*sys.stdlib_module_names, "provision", "distro"}, f"{name} imports {imported}"


def test_all_that_a_module_of_ours_imports_is_there_too() -> None:
    carried = everything()
    for name, (_, text) in carried.items():
        tree = ast.parse(text)
        guards = [node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
        guarded = {id(inner) for node in guards for inner in ast.walk(node)}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("provision") and id(node) not in guarded:
                found = {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
                assert found & set(carried), f"{name} needs {node.module}"


def test_kinds_bring_what_sessions_lack_and_nothing_twice() -> None:
    first = payload.closure(["provision.agent.entry"])
    for kind in KINDS:
        more = payload.for_kinds([kind])
        assert f"provision.agent.providers.{kind}" in more
        assert not set(more) & set(first)
    assert payload.for_kinds([]) == {}
    assert not set(payload.for_apply()) & set(first)


def test_what_solves_environments_travels_only_to_solve() -> None:
    solving = payload.for_solve(["uv_environment"])
    assert {"provision.agent.solving", "provision.agent.writer", "provision.agent.providers.uv_environment"} <= set(solving)
    assert "provision.agent.providers.file" not in solving
    for others in (payload.closure(["provision.agent.entry"]), payload.for_kinds(KINDS), payload.for_apply()):
        assert "provision.agent.solving" not in others
    assert not set(solving) & set(payload.closure(["provision.agent.entry"]))


def test_packing_and_unpacking() -> None:
    modules: payload.Modules = {"a": (True, "x = 'é'"), "a.b": (False, "")}
    assert json.loads(zlib.decompress(base64.b64decode(payload.packed(modules)))) == {"a": [True, "x = 'é'"], "a.b": [False, ""]}


def test_the_command_line_is_one_that_any_shell_reads() -> None:
    said = subprocess.run(
        ["/bin/sh", "-c", f"printf '%s\\n' {payload.COMMAND}"], capture_output=True, text=True, check=True
    ).stdout
    assert said.splitlines()[:2] == ["/usr/bin/python3", "-ISc"]
    compile("\n".join(said.splitlines()[2:]), "command", "exec")


# The cache


def test_what_was_made_is_kept(fresh: Path) -> None:
    first = payload.stage1()
    (kept,) = fresh.iterdir()
    assert kept.name.startswith("stage1-")
    assert base64.b64encode(kept.read_bytes()) + b"\n" == first
    kept.write_bytes(b"taken from the cache")
    payload.stage1.cache_clear()
    assert payload.stage1() == base64.b64encode(b"taken from the cache") + b"\n"


def test_a_module_that_changed_is_read_again(fresh: Path, tmp_path: Path) -> None:
    source = tmp_path / "source.py"
    made: list[str] = []

    def make() -> bytes:
        made.append(source.read_text())
        return made[-1].encode()

    source.write_text("one")
    assert [payload._cached("x", [source], make) for _ in range(3)] == [b"one"] * 3
    source.write_text("two and more")
    assert payload._cached("x", [source], make) == b"two and more"
    os.utime(source, ns=(1, 1))
    payload._cached("x", [source], make)
    assert made == ["one", "two and more", "two and more"]
    assert len(list(fresh.glob("x-*"))) == 3
    assert list(fresh.glob(".*")) == []


def test_only_the_newest_versions_are_kept(fresh: Path, tmp_path: Path) -> None:
    source = tmp_path / "source.py"
    for number in range(9):
        source.write_text("x" * number)
        payload._cached("x", [source], source.read_bytes)
    assert len(list(fresh.glob("x-*"))) == payload._KEPT + 1
    assert payload._cached("x", [source], lambda: b"made anew") == b"x" * 8


def test_a_cache_that_cannot_be_written_costs_time_and_nothing_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert payload._cached("x", [], lambda: b"made") == b"made"


def test_without_a_setting_the_cache_is_the_homes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    payload._cached("x", [], lambda: b"made")
    assert len(list((tmp_path / ".cache/provision").iterdir())) == 1
