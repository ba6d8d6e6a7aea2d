"""`provision doctor` on machines that are reached, and on facts of one that is elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from provision.errors import Exit
from provision.facts import model as facts_model
from provision.facts.model import Facts
from tests.cli.conftest import Provision
from tests.fake_agent import FakeMachine
from tests.unit.doctor.patients import NO_DRIVER, SOUND, bound, driver, machine

Here = Callable[..., None]
BROKEN = NO_DRIVER(SOUND)


def named(host: str, facts: Facts, **more: object) -> FakeMachine:
    return FakeMachine(host, replace(facts, hostname=host), **more)  # type: ignore[arg-type]  # the machine's own fields


def write(facts: Facts) -> Path:
    path = Path("facts.json")
    path.write_text(json.dumps(facts_model.dump(facts)))
    return path


@pytest.mark.parametrize(
    ("facts", "code", "said"),
    [
        (SOUND, Exit.DONE, "nothing is wrong"),
        (driver(persistence=False)(SOUND), Exit.DONE, "nothing is broken · 1 at risk"),
        (BROKEN, Exit.FAILED, "1 broken"),
    ],
    ids=["sound", "at risk", "broken"],
)
def test_the_exit_code_is_the_verdict(provision: Provision, facts: Facts, code: Exit, said: str) -> None:
    shown = provision("doctor", "--facts", write(facts))
    assert (shown.code, shown.out) == (code, "")
    assert said in shown.err
    assert shown.err.startswith("prometheus · Ubuntu 24.04")


def test_for_programs(provision: Provision) -> None:
    said = provision("doctor", "--facts", write(BROKEN), "--json")
    assert (said.code, said.err) == (Exit.FAILED, "")
    diagnosis, end = map(json.loads, said.out.splitlines())
    assert {key: diagnosis[key] for key in ("schema", "host", "type", "broken", "privileged")} == {
        "schema": 1,
        "host": "prometheus",
        "type": "diagnosis",
        "broken": True,
        "privileged": True,
    }
    (finding,) = diagnosis["findings"]
    assert set(finding) == {"question", "title", "cause", "evidence", "advice", "mend", "severity"}
    assert (finding["question"], finding["severity"]) == ("driver", "broken")
    assert diagnosis["looked"][0] == {"question": "bus", "ask": "on the bus", "seen": "0000:09:00.0 GeForce RTX 2070 SUPER"}
    assert (end["type"], end["exit"]) == ("end", 1)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 99}', '{"hostname": "x", "driver": 7}', "[" * 100_000, "\x00"])
def test_what_is_no_facts_is_refused(provision: Provision, text: str) -> None:
    Path("facts.json").write_text(text)
    said = provision("doctor", "--facts", "facts.json")
    assert said.code == Exit.BAD_INPUT
    assert "error: " in said.err


def test_facts_that_are_not_there_are_refused(provision: Provision) -> None:
    assert provision("doctor", "--facts", "nowhere.json").code == Exit.BAD_INPUT


def test_this_machine(provision: Provision, here: Here) -> None:
    target = named("lab", SOUND)
    here(target)
    assert provision("doctor").code == Exit.DONE
    assert provision("doctor", "--no-sudo").code == Exit.DONE
    assert [stream.header["sudo"] for stream in target.streams] == [True, False]


def test_several_machines_one_of_them_unreachable(provision: Provision, here: Here) -> None:
    here(named("a", SOUND), named("b", BROKEN), named("c", SOUND, unreachable="no route to `c`"))
    said = provision("doctor", "--host", "a", "--host", "b", "--host", "c")
    assert said.code == Exit.UNREACHABLE
    assert "nothing is wrong" in said.err
    assert "→ provision apply nvidia --host b" in said.err
    assert "no route to `c`" in said.err
    said = provision("doctor", "--host", "a", "--host", "b", "--json")
    assert said.code == Exit.FAILED
    assert [(line["host"], line["type"]) for line in map(json.loads, said.out.splitlines())] == [
        ("a", "diagnosis"),
        ("b", "diagnosis"),
        ("", "end"),
    ]


def test_only_our_own_commands_name_the_host(provision: Provision, here: Here) -> None:
    here(named("b", bound("")(driver(loaded="")(SOUND))))
    assert "→ sudo modprobe nvidia\n" in provision("doctor", "--host", "b").err


def test_without_root_it_says_so(provision: Provision, here: Here) -> None:
    here(named("a", machine(privileged=False)(SOUND)))
    assert "looked without root" in provision("doctor", "--no-sudo").err
