"""A probe is run as its user, with its credentials lent for that long; what it said becomes the verdict."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from provision.agent import probes
from provision.agent.probes import run_check
from provision.checks.model import Check, Outcome, Probe, Verdict
from tests.fake_host import FakeHost

PASSED, FAILED, SKIPPED = Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: a program cannot be run as another user")


@pytest.fixture(autouse=True)
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with TemporaryDirectory() as folder:  # not pytest's, which other users cannot reach
        Path(folder).chmod(0o711)
        monkeypatch.setattr(probes, "RUNTIME", f"{folder}/run")
        yield Path(folder, "run")


def verdict(probe: Probe, *, hint: str = "look") -> Verdict:
    host = FakeHost()
    host.add_user("nobody", 65534, home="/nonexistent")
    return run_check("base", Check(name="works", proves="it works", probe=probe, hint=hint), host)


def shell(script: str, **more: object) -> Verdict:
    return verdict(Probe(argv=("/bin/sh", "-c", script), **more))  # type: ignore[arg-type]  # the probe's own fields


@pytest.mark.parametrize(
    ("script", "expect", "outcome", "evidence", "hint"),
    [
        ("echo one; echo two", "", PASSED, "two", ""),
        ("exit 0", "", PASSED, "", ""),
        ("echo 595.71", r"^595\.", PASSED, "595.71", ""),
        ("echo first; echo 595", "^first$", PASSED, "595", ""),
        ("echo 470", r"^595\.", FAILED, r"expected `^595\.`, got `470`", "look"),
        ("exit 0", "x", FAILED, "expected `x`, got ``", "look"),
        ("echo said; exit 3", "", FAILED, "said", "look"),
        ("echo said; echo because >&2; exit 3", "", FAILED, "because", "look"),
        ("echo warning >&2; echo fine", "", PASSED, "fine", ""),
        ("echo no GPU; exit 77", "", SKIPPED, "no GPU", ""),
        ("""echo noise; echo '{"evidence": "8 GB", "hint": "buy"}'""", "", PASSED, "8 GB", ""),
        ("""echo '{"evidence": "8 GB", "hint": "buy"}'; echo x >&2; exit 1""", "", FAILED, "8 GB", "buy"),
        ("""echo '{"evidence": "8 GB"}'; exit 1""", "", FAILED, "8 GB", "look"),
        ("echo '{torn'; exit 0", "", PASSED, "{torn", ""),
        ("kill -9 $$", "", FAILED, "", "look"),
        (r"printf '\377\n'", "", PASSED, "\ufffd", ""),
    ],
)
def test_what_is_said_becomes_the_verdict(script: str, expect: str, outcome: Outcome, evidence: str, hint: str) -> None:
    found = shell(script, expect=expect)
    assert (found.outcome, found.evidence, found.hint) == (outcome, evidence, hint)
    assert (found.role, found.name) == ("base", "works")


def test_evidence_is_cut() -> None:
    assert len(shell("printf '%09999d' 0").evidence) == 400


def test_standard_input_is_the_probes_or_nothing() -> None:
    assert shell("cat", stdin="hello\n").evidence == "hello"
    assert shell("cat; echo end").evidence == "end"


def test_its_environment_is_a_clean_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_PRELOAD_TEST", "x")
    monkeypatch.setenv("HTTPS_PROXY", "http://mirror.test:3128")
    names = set(shell("env | cut -d= -f1 | tr '\\n' ' '").evidence.split())
    assert {"PATH", "HOME", "USER", "LOGNAME", "LANG", "HTTPS_PROXY"} <= names
    assert "LD_PRELOAD_TEST" not in names
    assert shell("echo $HOME").evidence == "/root"


def test_a_probe_that_never_answers_is_ended_with_all_it_started(tmp_path: Path) -> None:
    began = time.monotonic()
    pids = tmp_path / "pids"
    found = shell(f"sleep 60 & echo $! > {pids}; echo so far; wait", timeout=3)
    assert found.outcome is FAILED
    assert found.evidence == "no answer within 3 s"
    assert 2.9 < time.monotonic() - began < 30
    sleeper = int(pids.read_text())
    state = Path(f"/proc/{sleeper}/stat")
    assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize("argv", [("/nonexistent/program",), ("/etc/passwd",)])
def test_a_program_that_cannot_run_is_a_failed_check(argv: tuple[str, ...]) -> None:
    found = verdict(Probe(argv=argv))
    assert found.outcome is FAILED
    assert found.evidence


def test_a_user_who_is_not_there_is_a_failed_check() -> None:
    found = verdict(Probe(argv=("true",), user="ghost"))
    assert (found.outcome, found.evidence, found.hint) == (FAILED, "there is no user `ghost`", "look")


def test_seconds_are_told() -> None:
    assert shell("sleep 0.1").seconds >= 0.1


@needs_root
def test_it_runs_as_its_user_without_our_groups() -> None:
    assert shell("id -u; id -G | tr '\\n' ' '", user="nobody").evidence.strip() == "65534"
    assert shell("id -u", user="nobody").evidence == "65534"


@needs_root
def test_credentials_are_lent_for_as_long_as_the_probe_runs(tmp_path: Path, runtime: Path) -> None:
    source = tmp_path / "token"
    source.write_text("t0ken")
    source.chmod(0o600)
    script = 'cat "$TOKEN_FILE"; echo; rev "$TOKEN_FILE"; stat -c " %U %a" "$TOKEN_FILE"; dirname "$TOKEN_FILE" >&2; exit 1'
    found = shell(f"({script}) 2>&1 | tr '\\n' ' '", user="nobody", credentials=(("TOKEN", str(source)),))
    token, backwards, user, mode, directory = found.evidence.split()
    assert (token, backwards, user, mode) == ("***", "nek0t", "nobody", "400")
    assert not Path(directory).exists()
    assert list(runtime.iterdir()) == []
    assert shell('cat "$TOKEN_FILE"; id -u', user="nobody").evidence == "65534"


@needs_root
def test_a_credential_that_is_not_there_is_a_failed_check(runtime: Path) -> None:
    found = shell("true", user="nobody", credentials=(("TOKEN", "/nonexistent/token"),))
    assert found.outcome is FAILED
    assert "/nonexistent/token" in found.evidence
    assert list(runtime.iterdir()) == []


@needs_root
def test_nobody_else_can_look_into_what_is_lent(tmp_path: Path, runtime: Path) -> None:
    source = tmp_path / "token"
    source.write_text("t0ken")
    assert verdict(Probe(argv=("true",), user="nobody", credentials=(("A", str(source)),))).outcome is PASSED
    assert runtime.stat().st_mode & 0o777 == 0o711
