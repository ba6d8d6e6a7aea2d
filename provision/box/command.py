"""Run a program, and say what it said when it fails."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from provision.errors import ProvisionError

EVIDENCE_LINES = 12


def last_lines(text: str, count: int = EVIDENCE_LINES) -> str:
    """Return the last `count` lines of `text`, without empty ones."""
    return "\n".join([line for line in text.splitlines() if line.strip()][-count:])


def run(
    argv: Sequence[str | Path],
    *,
    stdin: str = "",
    timeout: float = 120,
    env: Mapping[str, str] | None = None,
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run `argv` at most `timeout` seconds; raises `ProvisionError` when it cannot start, takes longer, or (`check`) fails."""
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(
            words, input=stdin, capture_output=True, text=True, errors="replace", timeout=timeout, env=env, check=False
        )
    except FileNotFoundError as error:
        raise ProvisionError(f"`{words[0]}` is not installed") from error
    except subprocess.TimeoutExpired as error:
        printed = error.stdout.decode(errors="replace") if isinstance(error.stdout, bytes) else error.stdout or ""
        raise ProvisionError(f"`{words[0]}` took longer than {timeout:g} s", evidence=last_lines(printed)) from error
    if check and done.returncode != 0:
        raise ProvisionError(f"`{words[0]}` ended with {done.returncode}", evidence=last_lines(done.stdout + "\n" + done.stderr))
    return done
