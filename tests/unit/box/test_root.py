"""Roots: what decides about one, and that a half-made one is never used."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from provision.box import root as roots
from provision.box.release import Release
from provision.box.root import Recipe, recipe, root
from provision.box.sources import Source
from provision.errors import ProvisionError

DEBIAN = Release(name="debian-12", codename="bookworm")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(roots, "release", lambda _: DEBIAN)
    monkeypatch.setattr(roots, "sources", lambda _: (Source(uri="http://mirror.test", suite="bookworm", components=("main",)),))
    return tmp_path / "provision" / "roots"


def test_what_is_in_a_root_decides_about_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = recipe(DEBIAN)
    assert plain.name == recipe(DEBIAN).name
    assert plain.name.startswith("debian-12-")
    assert recipe(DEBIAN, ["sudo-rs"]).name != plain.name
    assert recipe(DEBIAN, ["sudo"]).name == plain.name
    monkeypatch.setattr(roots, "sources", lambda _: ())
    assert recipe(DEBIAN).name != plain.name


def test_a_root_is_made_once_by_several_at_a_time(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def build(wanted: Recipe, building: Path, say: roots.Say) -> None:
        made.append(wanted.name)
        say("working")
        building.mkdir()

    monkeypatch.setattr(roots, "_mmdebstrap", build)
    said: list[str] = []
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(root(say=said.append))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(made) == 1
    assert set(found) == {here / made[0]}
    assert "working" in said


def test_what_a_power_cut_left_is_made_anew(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(_wanted: Recipe, building: Path, _say: roots.Say) -> None:
        building.mkdir()

    left = here / f".{recipe(DEBIAN).name}.building"
    left.mkdir(parents=True)
    (left / "half").write_text("")
    monkeypatch.setattr(roots, "_mmdebstrap", build)
    assert list(root().iterdir()) == []
    assert not left.exists()


def test_a_failed_making_leaves_nothing(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(_wanted: Recipe, building: Path, _say: roots.Say) -> None:
        building.mkdir()
        raise ProvisionError("no mirror")

    monkeypatch.setattr(roots, "_mmdebstrap", build)
    with pytest.raises(ProvisionError, match="no mirror"):
        root()
    assert [path.name for path in here.iterdir()] == [f".{recipe(DEBIAN).name}.lock"]


def fake_mmdebstrap(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    folder.mkdir(exist_ok=True)
    program = folder / "mmdebstrap"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/sbin:/usr/bin:/sbin:/bin")


def test_mmdebstrap_gets_sources_on_stdin_and_its_progress_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = 'printf "%s\\n" "$@" > "$0.argv"; cat > "$0.stdin"; echo "I: extracting archives..." >&2; echo "I: done" >&2'
    fake_mmdebstrap(tmp_path / "bin", monkeypatch, script)
    said: list[str] = []
    roots._mmdebstrap(recipe(DEBIAN), tmp_path / "target", said.append)
    argv = (tmp_path / "bin/mmdebstrap.argv").read_text().splitlines()
    assert argv[-3:] == ["bookworm", str(tmp_path / "target"), "-"]
    assert (tmp_path / "bin/mmdebstrap.stdin").read_text() == "deb http://mirror.test bookworm main\n"
    assert said == ["extracting archives"]


@pytest.mark.parametrize(
    ("printed", "hint"), [("E: 404", "apt-get update"), ("W: NO_PUBKEY 0E98404D386FA1D9", "debian-archive-keyring")]
)
def test_its_failure_shows_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: str, hint: str) -> None:
    fake_mmdebstrap(tmp_path / "bin", monkeypatch, f'cat > /dev/null; echo "{printed}" >&2; exit 3')
    with pytest.raises(ProvisionError, match="root of debian-12") as caught:
        roots._mmdebstrap(recipe(DEBIAN), tmp_path / "target", lambda _: None)
    assert printed in caught.value.evidence
    assert hint in caught.value.hint
