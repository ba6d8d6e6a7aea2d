"""Whatever goes wrong is said in words, with the next command to type, and an exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from provision.errors import Exit, ProvisionError
from tests.cli.conftest import Provision
from tests.fake_agent import FakeMachine
from tests.roles.machines import FOLDER, machine

FACTS = machine("ubuntu-24.04-no-gpu")
RECORDED = FOLDER / "ubuntu-24.04-no-gpu.json"
Here = Callable[..., None]


@pytest.mark.parametrize(
    ("words", "says", "hint"),
    [
        (["plon"], "No such command 'plon'. Did you mean 'plan'?", "`provision --help`"),
        (["plan", "--nope"], "No such option: --nope", "`provision plan --help`"),
        (["trust"], "Missing argument 'HOST'", "`provision trust --help`"),
        (["facts", "extra"], "Got unexpected extra argument", "`provision facts --help`"),
        (["attach", "--after", "x"], "'--after'", "`provision attach --help`"),
        (["plan", "--limit", "x"], "`--limit` needs `--inventory`", ""),
        (["plan", "--host", "-oProxyCommand=id"], "not a host", "--host user@name"),
        (["plan", "--inventory", "none.toml"], "none.toml", ""),
        (["plan", "--profile", "none.toml"], "none.toml", ""),
        (["plan", "--facts", "none.json"], "none.json", ""),
        (["plan", "--role-path", "none", "--facts", RECORDED], "no folder of roles", "--role-path"),
        (["plan", "zzz", "--facts", RECORDED], "unknown role `zzz`", "provision roles"),
        (["plan", "nvidja", "--facts", RECORDED], "unknown role `nvidja`", "did you mean `nvidia`?"),
        (["plan", "jupiter", "--facts", RECORDED], "unknown role `jupiter`", "did you mean `jupyter`?"),
        (["plan", "--skip", "jupiter", "--facts", RECORDED], "unknown role `jupiter`", "did you mean `jupyter`?"),
        (["facts", "--ssh-config", "none", "--host", "lab"], "no such ssh_config: none", ""),
    ],
)
def test_what_a_person_typed_wrong(provision: Provision, words: list[object], says: str, hint: str) -> None:
    said = provision(*words)
    assert said.code == Exit.BAD_INPUT
    assert said.out == ""
    text = " ".join(said.err.split())
    assert f"error: {says}" in text or says in text
    assert hint in text
    assert "\x1b" not in said.err


def test_an_unknown_role_in_the_profile_names_its_line_and_on_the_command_line_does_not(provision: Provision) -> None:
    Path("workstation.toml").write_text('schema = 1\nroles = [\n  "base",\n  "jupiter",\n]\n')
    said = provision("plan", "--facts", RECORDED)
    assert said.code == Exit.BAD_INPUT
    assert "workstation.toml:4: roles[1]: unknown role `jupiter`" in said.err
    assert "workstation.toml" not in provision("plan", "--facts", RECORDED, "jupiter").err


def test_programs_get_their_errors_as_a_line(provision: Provision) -> None:
    said = provision("plan", "--profile", "none.toml", "--json")
    assert said.code == Exit.BAD_INPUT
    assert said.err == ""
    (line,) = [json.loads(line) for line in said.out.splitlines()]
    assert (line["schema"], line["host"], line["type"], line["error"]["exit"]) == (1, "", "error", 3)
    assert "none.toml" in line["error"]["message"]


def test_usage_errors_are_lines_for_programs_too(provision: Provision) -> None:
    said = provision("plan", "--json", "--nope")
    assert json.loads(said.out)["error"]["message"] == "No such option: --nope"


@pytest.mark.parametrize("verb", ["attach", "init"])
def test_some_verbs_work_on_one_machine_at_a_time(provision: Provision, verb: str) -> None:
    said = provision(verb, "--host", "a", "--host", "b")
    assert said.code == Exit.BAD_INPUT
    assert "one machine at a time" in said.err


def test_a_machine_that_is_not_reached(provision: Provision, here: Here) -> None:
    here(FakeMachine("lab", FACTS, unreachable="lab does not answer"))
    for words in (["facts"], ["runs"], ["attach"], ["init"], ["plan"], ["apply"], ["verify"]):
        said = provision(*words)
        assert said.code == Exit.UNREACHABLE, words
        assert "lab does not answer" in said.err
        assert "hint: is it on?" in said.err


def test_what_the_machine_says_is_the_evidence(provision: Provision, here: Here) -> None:
    here(
        FakeMachine("lab", FACTS, errors={"plan": ProvisionError("dpkg is broken", evidence="E: one\nE: two", hint="`dpkg -C`")})
    )
    said = provision("plan")
    assert said.code == Exit.FAILED
    for words in ("dpkg is broken", "E: one", "E: two", "`dpkg -C`"):
        assert words in said.err


@pytest.mark.parametrize("error", [KeyboardInterrupt])
def test_an_interrupt_is_said_in_words(provision: Provision, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]) -> None:
    def interrupted(_paths: object) -> None:
        raise error

    monkeypatch.setattr("provision.catalog.load.load_roles", interrupted)
    said = provision("roles")
    assert said.code == Exit.INTERRUPTED
    assert "interrupted" in said.err
    assert "provision attach" in said.err


def test_a_reader_that_leaves_is_no_traceback() -> None:
    argv = [sys.executable, "-m", "provision", "schema"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout
        assert child.stderr
        child.stdout.close()
        said = child.stderr.read()
        assert child.wait(30) in {0, int(Exit.FAILED)}
    assert said == b""


def test_colours_come_only_where_they_are_wanted(provision: Provision, here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    here(FakeMachine("lab", replace(FACTS, hostname="lab")))
    assert "\x1b[" not in provision("plan").err
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in provision("plan").err
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("FORCE_COLOR")
    assert os.environ["NO_COLOR"]
    assert "\x1b[" not in provision("plan").err
