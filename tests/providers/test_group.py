"""Groups."""

from __future__ import annotations

import pytest

from provision.agent.steps import Run
from provision.resources import Group
from tests.converge import converge, outcome
from tests.fake_host import FakeHost


def add(step: Run, host: FakeHost) -> None:
    host.add_group(step.argv[-1])


@pytest.mark.parametrize("system", [False, True])
@pytest.mark.parametrize("there", [False, True])
def test_every_wanted_over_every_prior(*, system: bool, there: bool) -> None:
    host, want = FakeHost(), Group(name="render", system=system)
    host.on(("groupadd",), add)
    if there:
        host.add_group("render", 105)
        assert outcome(want, host) == "= there is a group render (105)"
        return
    _, steps = converge(want, host)
    assert [step.argv for step in steps if isinstance(step, Run)] == [
        ("groupadd", *(("--system",) if system else ()), "--", "render")
    ]
