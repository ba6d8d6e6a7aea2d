"""Packages bound to an index of their own: what uv is asked, and that uv itself then takes them from there and nowhere else."""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
import http.server
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from provision.agent import pylock, uv_request
from provision.agent.steps import Remove, Run, Step, Write
from provision.errors import InputError
from tests.converge import converge, plan
from tests.providers.fake_uv import machine
from tests.providers.test_uv_environment import LOCKED, PATH, WANT, runs

INDEXES = (("torch-cu126", "https://mirror.test/whl/cu126", ("numpy",)),)
BOUND = dataclasses.replace(WANT, indexes=INDEXES)


def test_it_is_solved_from_a_project_that_is_gone_again_and_fetched_before_the_rest() -> None:
    host = machine()
    _, steps = converge(BOUND, host)
    assert runs(steps) == ["venv", "compile", "install", "sync"]
    written = next(step for step in steps if isinstance(step, Write) and step.path.endswith("pyproject.toml"))
    assert written.path == f"{PATH}/pyproject.toml"
    assert Remove(path=written.path, sensitive=True) in steps
    assert host.lstat(written.path) is None
    install = next(step for step in steps if isinstance(step, Run) and "install" in step.argv)
    assert install.argv[3:] == (
        *("--python", f"{PATH}/bin/python", "--no-deps", "--index", INDEXES[0][1], "--constraints", f"{PATH}/provision.lock"),
        "numpy",
    )
    assert plan(BOUND, host).why == "matches its lock on the machine, 2 packages"


def test_constraints_are_for_one_question() -> None:
    host = machine()
    want = dataclasses.replace(WANT, constraints=("numpy<3",))
    _, steps = converge(want, host)
    compiling = next(step for step in steps if isinstance(step, Run) and "compile" in step.argv)
    assert compiling.argv[-3:] == ("--constraints", f"{PATH}/constraints.txt", "-")
    assert host.lstat(f"{PATH}/constraints.txt") is None


def test_the_names_of_indexes_are_part_of_what_is_asked_for_and_their_addresses_are_not() -> None:
    mirrored = dataclasses.replace(BOUND, indexes=((*INDEXES[0][:1], "http://lab.test/x", INDEXES[0][2]),))
    other = dataclasses.replace(BOUND, indexes=(("torch-cu130", *INDEXES[0][1:]),))
    assert BOUND.request == mirrored.request
    assert len({WANT.request, BOUND.request, other.request, dataclasses.replace(WANT, constraints=("numpy<3",)).request}) == 4


@pytest.mark.parametrize(
    "index",
    [
        ("Torch", "https://a.test", ("torch",)),
        ("torch", "a.test/whl", ("torch",)),
        ("torch", "https://me:secret@a.test/whl", ("torch",)),
        ("torch", "https://a.test/whl\nx", ("torch",)),
        ("torch", "https://a.test/whl", ("--index",)),
    ],
)
def test_indexes_that_are_none(index: tuple[str, str, tuple[str, ...]]) -> None:
    with pytest.raises(InputError) as caught:
        dataclasses.replace(WANT, indexes=(index,))
    assert "secret" not in str(caught.value)


def test_without_indexes_uv_is_asked_as_ever() -> None:
    host = machine()
    assert runs(converge(WANT, host)[1]) == ["venv", "compile", "sync"]
    assert not [step for step in converge(LOCKED, machine())[1] if isinstance(step, Remove)]


# uv itself

UV = next((path for path in (Path(sys.executable).with_name("uv"), Path(shutil.which("uv") or "-")) if path.exists()), None)
real = pytest.mark.skipif(UV is None, reason="there is no uv beside this Python")


def wheel(folder: Path, name: str, version: str, *needs: str) -> None:
    """Put a package that says where it is from into an index at `folder`."""
    about, place = f"{name}-{version}.dist-info", folder / name.replace("_", "-")
    texts = {
        f"{name}.py": f"FROM = {folder.name!r}\n",
        f"{about}/METADATA": "\n".join(
            ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {n}" for n in needs), ""]
        ),
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = [f"{path},sha256={_digest(text)},{len(text)}\n" for path, text in texts.items()]
    place.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(place / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in {**texts, f"{about}/RECORD": "".join([*lines, f"{about}/RECORD,,\n"])}.items():
            archive.writestr(path, text)
    (place / "index.html").write_text("".join(f'<a href="{each.name}">{each.name}</a>' for each in sorted(place.glob("*.whl"))))


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_words: object) -> None:
        """Stay silent."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Two indexes: the usual one with newer builds, and that of one build, which has old copies and other bytes of the rest."""
    usual, own = tmp_path / "served/simple", tmp_path / "served/cu126"
    for version in ("2.14.2", "2.15.0"):
        wheel(usual, "torch", version, "numpy", "jinja2", "nvidia-cudnn")
    wheel(usual, "torchvision", "0.29.2", "torch>=2.14")
    wheel(usual, "fastai", "2.8.12", "torch>=2,<3", "torchvision")
    wheel(usual, "jinja2", "3.1")
    for version in ("2.3.0", "3.0"):
        wheel(usual, "numpy", version)
    for version in ("9.10", "9.28"):
        wheel(usual, "nvidia_cudnn", version)
    for version in ("2.14.1+cu126", "2.16.0+cu126"):
        wheel(own, "torch", version, "numpy", "jinja2", "nvidia-cudnn")
    wheel(own, "torchvision", "0.29.1+cu126", "torch==2.14.1")
    for name, version in (("jinja2", "2.0"), ("numpy", "9.9"), ("numpy", "2.3.0"), ("nvidia_cudnn", "9.10")):
        wheel(own, name, version)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(tmp_path / "served")))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield tmp_path, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(timeout=10)
        server.server_close()


def perform(steps: Iterator[Step]) -> None:
    """Do what the steps say, as this user; raises `CalledProcessError` for a program that fails."""
    for step in steps:
        if isinstance(step, Write):
            Path(step.path).write_bytes(step.content)
        elif isinstance(step, Remove):
            Path(step.path).unlink()
        elif isinstance(step, Run):
            environment = {"PATH": os.environ["PATH"], "UV_NO_CACHE": "1", **dict(step.environment)}
            subprocess.run(step.argv, input=step.stdin, text=True, check=True, capture_output=True, env=environment, cwd="/")


@real
def test_uv_takes_exactly_the_chosen_build_and_all_else_from_the_usual_index(served: tuple[Path, str]) -> None:
    folder, base = served
    settings = (("UV_DEFAULT_INDEX", f"{base}/simple"),)
    indexes = (("torch-cu126", f"{base}/cu126", ("torch", "torchvision")),)
    want = ("torch==2.14.*", "torchvision", "fastai")
    lock, uv = folder / "provision.lock", str(UV)
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder / "made"], check=True, cwd="/")
    python = ("--python", str(folder / "made/bin/python"))
    compiling = (uv, "pip", "compile", *python, "--generate-hashes", "--no-annotate", "--quiet", "--output-file", str(lock))
    asking = Run(argv=compiling, environment=settings)
    limits = ("nvidia-cudnn==9.10", "numpy<3")
    perform(uv_request.solving(asking, want, indexes=indexes, constraints=limits, folder=str(folder), group=""))
    chosen = {"torch": "2.14.1+cu126", "torchvision": "0.29.1+cu126", "fastai": "2.8.12"}
    assert pylock.pins(lock.read_text()) == {**chosen, "jinja2": "3.1", "numpy": "2.3.0", "nvidia-cudnn": "9.10"}
    assert "://" not in lock.read_text()

    installing = Run(argv=(uv, "pip", "install", *python), environment=settings)
    sync = Run(argv=(uv, "pip", "sync", *python, "--require-hashes", str(lock)), environment=settings)
    perform(iter([*uv_request.fetching(installing, str(lock), indexes), sync]))
    names = ("torch", "torchvision", "fastai", "numpy", "nvidia_cudnn")
    code = f"import {', '.join(names)}; print({', '.join(f'{name}.FROM' for name in names)})"
    said = subprocess.run([*python[1:], "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["cu126", "cu126", "simple", "simple", "simple"]

    shutil.rmtree(folder / "served/cu126")  # what is there as the lock says is not asked for again
    perform(iter([*uv_request.fetching(installing, str(lock), indexes), sync]))


@real
def test_other_bytes_than_the_locks_are_refused(served: tuple[Path, str]) -> None:
    folder, base = served
    indexes = (("torch-cu126", f"{base}/cu126", ("torch",)),)
    lock = folder / "provision.lock"
    lock.write_text(f"torch==2.14.1+cu126 \\\n    --hash=sha256:{'0' * 64}\n")
    subprocess.run([str(UV), "venv", "--quiet", "--python", sys.executable, folder / "made"], check=True, cwd="/")
    installing = Run(argv=(str(UV), "pip", "install", "--python", str(folder / "made/bin/python")))
    with pytest.raises(subprocess.CalledProcessError) as caught:
        perform(uv_request.fetching(installing, str(lock), indexes))
    assert "Hash mismatch" in caught.value.stderr
