"""Runs checks: the probe's program, as the probe's user, and what it said as evidence."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Sequence

from provision.agent.host import Account, Reader
from provision.agent.output import Redactor
from provision.agent.runs import RUNTIME, private_directory
from provision.checks.model import Check, Outcome, Probe, Verdict

SKIPPED = 77
"""The exit code that says "does not apply here", as in automake."""

_EVIDENCE = 400


def _environment(account: Account) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name.lower() in {"http_proxy", "https_proxy", "no_proxy"}}
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {**kept, "PATH": path, "HOME": account.home, "USER": account.name, "LOGNAME": account.name, "LANG": "C.UTF-8"}


def _lend(probe: Probe, account: Account, directory: str, secrets: list[str]) -> dict[str, str]:
    """Copy the probe's credentials to where only its user can read them; note them in `secrets`."""
    lent = {}
    for name, source in probe.credentials:
        path = f"{directory}/{name}"
        with open(source, "rb") as file:
            data = file.read(1 << 16)
        secrets.append(data.decode(errors="replace"))
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
        with os.fdopen(fd, "wb") as file:
            os.fchown(fd, account.uid, account.gid)
            file.write(data)
        lent[f"{name}_FILE"] = path
    return lent


def _run(probe: Probe, account: Account, environment: dict[str, str]) -> tuple[int, str, str]:
    other = probe.user != "root"
    child = subprocess.Popen(
        probe.argv,
        stdin=subprocess.PIPE if probe.stdin else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=environment,
        cwd=account.home if other and os.path.isdir(account.home) else "/",
        start_new_session=True,
        user=account.uid if other else None,
        group=account.gid if other else None,
        extra_groups=[] if other else None,
    )
    try:
        out, err = child.communicate(probe.stdin or None, timeout=probe.timeout)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, 9)
        out, err = child.communicate()
        return 124, out, f"{err}\nno answer within {probe.timeout} s"
    return child.returncode, out, err


def _judge(probe: Probe, code: int, out: str, err: str, redact: Redactor) -> tuple[Outcome, str, str]:
    lines = [line for line in out.splitlines() if line.strip()]
    said = {}
    if lines and lines[-1].startswith("{"):
        try:
            said = json.loads(lines[-1])
        except ValueError:
            said = {}
    matched = not probe.expect or re.search(probe.expect, out, re.MULTILINE) is not None
    outcome = Outcome.SKIPPED if code == SKIPPED else Outcome.PASSED if code == 0 and matched else Outcome.FAILED
    evidence = str(said.get("evidence", lines[-1] if lines else ""))
    errors = [line for line in err.splitlines() if line.strip()]
    if outcome is Outcome.FAILED and errors and not said:
        evidence = errors[-1]
    if not matched and code == 0:
        evidence = f"expected `{probe.expect}`, got `{evidence}`"
    return outcome, redact(evidence)[:_EVIDENCE], redact(str(said.get("hint", "")))


def run_check(role: str, check: Check, host: Reader, secrets: Sequence[str] = ()) -> Verdict:
    """Run one check and return its verdict, clean of `secrets` and of its credentials; never raises for what it finds."""
    began, probe, hidden = time.monotonic(), check.probe, list(secrets)
    account = host.accounts().get(probe.user)
    directory = f"{RUNTIME}/check-{os.urandom(6).hex()}"
    try:
        if account is None:
            raise OSError(f"there is no user `{probe.user}`")  # noqa: TRY301 - one way out for all that stops a probe
        if probe.credentials:
            private_directory(RUNTIME)
            os.chmod(RUNTIME, 0o711)  # noqa: S103 - the user must reach its own directory in it
            os.mkdir(directory, 0o500)
            lent = _lend(probe, account, directory, hidden)
            os.chown(directory, account.uid, account.gid)
        else:
            lent = {}
        code, out, err = _run(probe, account, {**_environment(account), **lent})
        outcome, evidence, hint = _judge(probe, code, out, err, Redactor(hidden))
    except OSError as error:
        outcome, evidence, hint = Outcome.FAILED, str(error), ""
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    shown = (hint or check.hint) if outcome is Outcome.FAILED else ""
    return Verdict(
        role=role, name=check.name, outcome=outcome, evidence=evidence, hint=shown, seconds=round(time.monotonic() - began, 2)
    )
