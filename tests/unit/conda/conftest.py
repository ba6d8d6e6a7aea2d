"""One channel for all, served anew for each test that lies to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conda_channel import Channel, build_channel, serve
from tests.conda_server import Server
from tests.unit.conda.driving import Machine

pytest.importorskip("rattler")


@pytest.fixture(scope="session")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Channel:
    return build_channel(tmp_path_factory.getbasetemp().parent / "conda-channel")


@pytest.fixture
def server(channel: Channel) -> Iterator[Server]:
    with serve(channel) as server:
        yield server


@pytest.fixture
def machine(server: Server, tmp_path: Path) -> Machine:
    return Machine(folder=tmp_path, channels=[["conda-forge", server.url]])
