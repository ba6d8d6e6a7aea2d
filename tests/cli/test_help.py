"""What the command line says of itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import jsonschema
import pytest
from syrupy.assertion import SnapshotAssertion

import provision as package
from provision.cli import app
from provision.errors import Exit
from tests.cli.conftest import Provision

VERBS = sorted(command.name or "" for command in app.app.registered_commands)


def test_every_verb_is_there() -> None:
    assert VERBS == [
        "apply",
        "attach",
        "doctor",
        "explain",
        "facts",
        "init",
        "lock",
        "plan",
        "rehearse",
        "roles",
        "runs",
        "schema",
        "trust",
        "verify",
    ]


def test_help(provision: Provision, snapshot: SnapshotAssertion) -> None:
    said = provision("--help")
    assert said.code == 0
    assert said.out == snapshot
    assert provision("-h") == said


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_verb(provision: Provision, verb: str, snapshot: SnapshotAssertion) -> None:
    said = provision(verb, "--help")
    assert (said.code, said.err) == (0, "")
    assert said.out == snapshot
    assert all(len(line) <= 100 for line in said.out.splitlines())


def test_without_a_verb_the_help_is_shown_and_nothing_done(provision: Provision) -> None:
    said = provision()
    assert said.code == Exit.BAD_INPUT
    assert said.out == provision("--help").out


def test_version(provision: Provision) -> None:
    assert provision("--version").out == f"provision {package.__version__}\n"


def test_roles(provision: Provision, snapshot: SnapshotAssertion) -> None:
    assert provision("roles").out == snapshot
    lines = [json.loads(line) for line in provision("roles", "--json").out.splitlines()]
    assert {"schema": 1, "type": "role"}.items() <= lines[0].items()
    assert [line["name"] for line in lines] == sorted(line["name"] for line in lines)
    assert all(line["summary"] for line in lines)


def test_schema(provision: Provision) -> None:
    schema = json.loads(provision("schema").out)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate({"schema": 1, "jupyter": {"port": 8888}}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"jupyter": {"port": "8888"}}, schema)


def completed(*words: str) -> list[str]:
    settings = {"_PROVISION_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    argv = [sys.executable, "-m", "provision"]
    done = subprocess.run(argv, capture_output=True, text=True, env={**os.environ, **settings}, check=False)
    assert done.stderr == ""
    return done.stdout.split()


def test_verbs_and_options_are_completed() -> None:
    assert completed("provision", "ap") == ["apply"]
    assert "--profile" in completed("provision", "plan", "--pro")


def test_the_shell_is_told_how_to_complete() -> None:
    argv = [sys.executable, "-c", "from provision.cli import main; main()", "--show-completion", "bash"]
    # typer would look at which shell started us, and that may be any
    settings = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = subprocess.run(argv, capture_output=True, text=True, env={**os.environ, **settings}, check=False)
    assert "complete -o default -F _provision_completion provision" in done.stdout


def test_as_a_program() -> None:
    done = subprocess.run([sys.executable, "-m", "provision", "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"provision {package.__version__}\n")
