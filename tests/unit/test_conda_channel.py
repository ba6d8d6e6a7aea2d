"""The channel the conda tests lean on: what rattler makes of it, and that its server lies only as told."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conda_channel import Channel, build_channel, serve
from tests.conda_package import Package
from tests.conda_server import Server, serving, tell

rattler = pytest.importorskip("rattler")
exceptions = pytest.importorskip("rattler.exceptions")


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Channel:
    return build_channel(tmp_path_factory.mktemp("channel"))


def test_the_same_bytes_each_time(channel: Channel, tmp_path: Path) -> None:
    again = build_channel(tmp_path)
    assert again.path.name == channel.path.name
    assert digests(again.path) == digests(channel.path)
    made = {path: path.stat().st_ctime_ns for path in again.path.rglob("*")}
    assert build_channel(tmp_path) == again
    assert {path: path.stat().st_ctime_ns for path in again.path.rglob("*")} == made, "it is not made twice"
    fewer = build_channel(tmp_path, channel.packages[:3])
    assert fewer.path != again.path


def digests(folder: Path) -> dict[str, str]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def solved(url: str, cache: Path, *specs: str, **virtual: str) -> list[Any]:
    """Return rattler's records for these specs on a machine with these virtual packages."""
    machine = [
        rattler.GenericVirtualPackage(rattler.PackageName(f"__{name}"), rattler.Version(version), rattler.BuildString("0"))
        for name, version in {"glibc": "2.36", **virtual}.items()
    ]
    found: list[Any] = asyncio.run(
        rattler.solve(
            [rattler.Channel(url)],
            specs,
            gateway=rattler.Gateway(cache_dir=cache),
            platforms=["linux-64", "noarch"],
            virtual_packages=machine,
        )
    )
    return found


def names(records: Sequence[Any]) -> set[str]:
    return {record.file_name for record in records}


def test_rattler_solves_it(channel: Channel, tmp_path: Path) -> None:
    with serve(channel) as server:
        plain = names(solved(server.url, tmp_path, "beta", "tensor"))
        cuda = names(solved(server.url, tmp_path, "tensor", cuda="13.2"))
        server.faults = {"*/repodata.json*": {"hidden": ["alpha-1.1-0.conda"]}}
        earlier = names(solved(server.url, tmp_path, "beta"))
        for impossible in ("gamma", "modern", "cudart"):
            with pytest.raises(exceptions.SolverError):
                solved(server.url, tmp_path, impossible)
    assert plain == {"beta-2.0-0.conda", "alpha-1.1-0.conda", "tensor-2.11.0-cpu_0.conda"}
    assert cuda == {"tensor-2.11.0-cuda130_200.conda", "cudart-13.0.88-0.conda"}
    assert earlier == {"beta-2.0-0.conda", "alpha-1.0-0.conda"}


def test_rattler_installs_it(channel: Channel, tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    with serve(channel) as server:
        records = solved(server.url, tmp_path / "repodata", "python 3.12.*", "hello", "antique", "conda")
        asyncio.run(rattler.install(records, prefix, cache_dir=tmp_path / "packages"))
    assert said(prefix / "bin/hello") == "hello 1.1.0\n"
    assert said(prefix / "bin/python", "-c", "import sys; print(sys.prefix)") == f"{prefix}\n"
    assert (prefix / "share/antique/where.txt").read_text() == f"{prefix}\n"
    assert b"placeholder" not in (prefix / "lib/libantique.so.0.9").read_bytes()
    assert "hello-1.1.0-pyhd8ed1ab_0" in said(prefix / "bin/conda", "list").split()
    written = json.loads((prefix / "conda-meta/hello-1.1.0-pyhd8ed1ab_0.json").read_bytes())
    hello: Package = channel.find("hello", "1.1.0")
    assert written["sha256"] == channel.record(hello)["sha256"] == hashlib.sha256(hello.packed()).hexdigest()


def said(*argv: str | Path) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def got(server: Server, path: str = "file", **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=5)
    try:
        connection.request("GET", f"/{path}", headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        try:
            return answer.status, answer.read()
        except http.client.IncompleteRead as cut:
            return answer.status, cut.partial
    finally:
        connection.close()


def test_the_server_lies_as_told(tmp_path: Path) -> None:
    content = bytes(range(256)) * 16
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "file").write_bytes(content)
    (folder / "other").write_bytes(b"other")
    (tmp_path / "secret").write_bytes(b"secret")
    with serving(folder, {"fi*": {"status": 503, "times": 1}}) as server:
        assert got(server)[0] == 503
        assert got(server) == (200, content)
        server.faults = {"file": {"truncate": 100}}
        assert got(server) == (200, content[:100])
        tell(server.url, {"file": {"corrupt": 7}})
        assert [at for at, byte in enumerate(got(server)[1]) if byte != content[at]] == [7]
        tell(server.url, {"file": {"rate": len(content) * 5}})
        assert got(server) == (200, content)
        assert got(server, "other") == (200, b"other")
        assert got(server, "nothing")[0] == got(server, "../secret")[0] == 404
        assert server.requests["file"] == 5
        assert json.loads(got(server, "requests")[1])["other"] == 1


def test_a_stalled_answer_ends_with_the_server(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 100)
    with serving(tmp_path, {"file": {"stall": 10}}) as server:
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=0.2)
        connection.request("GET", "/file")
        answer = connection.getresponse()
        assert answer.read(10) == b"x" * 10
        with pytest.raises(TimeoutError):
            answer.read(1)
        connection.close()
