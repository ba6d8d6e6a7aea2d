"""The programs that steps run: shown while they work, explained when they fail."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping

from provision.agent.output import Redactor, Tail
from provision.agent.progress import CondaProgress, OnProgress, silent
from provision.agent.steps import Run
from provision.errors import StepError

_BUSY = "Could not get lock"
"""What apt says when another took the lock between our look and its own."""


class Children:
    """Runs steps; `secrets` are cut out of all that leaves; `lock_timeout` is for apt's locks, in seconds."""

    def __init__(self, secrets: Iterable[str] = (), *, lock_timeout: float = 300, root: str = "") -> None:
        self._redact = Redactor(secrets)
        self._lock_timeout = lock_timeout
        self._root = root

    def run(
        self,
        step: Run,
        environment: Mapping[str, str],
        who: tuple[int, int, list[int]] | None,
        on_progress: OnProgress = silent,
    ) -> None:
        """Run `step` to its end; raises `StepError` with its last lines unless its exit code is accepted."""

        def show(says: str, fraction: float | None, done: int | None, total: int | None) -> None:
            on_progress(self._redact(says), fraction, done, total)

        show(step.says or step.argv[0].rpartition("/")[2], None, None, None)
        if step.progress != "apt":
            self._once(step, environment, who, show)
            return
        from provision.agent.apt_locks import LOCKS, wait

        deadline = time.monotonic() + self._lock_timeout
        while True:
            left = max(deadline - time.monotonic(), 0)
            wait(tuple(f"{self._root}{path}" for path in LOCKS), left, lambda says: show(says, None, None, None))
            try:
                self._once(step, environment, who, show)
            except StepError as error:
                if _BUSY not in error.evidence or time.monotonic() >= deadline:
                    raise
                time.sleep(1)
            else:
                return

    def _once(self, step: Run, environment: Mapping[str, str], who: tuple[int, int, list[int]] | None, show: OnProgress) -> None:
        from provision.agent import programs

        talks = step.progress in {"uv", "conda"}
        tail = Tail(self._redact, (lambda line: show(line, None, None, None)) if talks else None)
        conda = CondaProgress(show, tail.feed) if step.progress == "conda" else None
        status = _AptStatus(step, show)
        try:
            try:
                process = programs.start(
                    status.argv, env=environment, who=who, cwd=step.cwd, stdin=step.stdin, pass_fds=status.pass_fds
                )
            except OSError as error:
                raise self._not_started(step, error) from None
            status.close_writing()
            assert process.stdout  # noqa: S101 - `start` made the pipe
            take = conda.feed if conda else tail.feed
            in_time = programs.follow(process, {process.stdout.fileno(): take, **status.sinks}, step.timeout)
        finally:
            status.close()
        if not in_time:
            raise self._failed(step, f"did not end within {step.timeout} s and was stopped", f"{tail.text()}\n(stopped)")
        if conda and conda.error and process.returncode not in step.accept:
            said = {name: self._redact(text) for name, text in conda.error.items()}
            evidence = "\n".join(filter(None, (tail.text(), said.get("evidence", ""))))
            raise StepError(said["error"], hint=said.get("hint", ""), evidence=evidence.strip())
        if process.returncode not in step.accept:
            raise self._failed(step, _how(process.returncode), tail.text())

    def _failed(self, step: Run, how: str, evidence: str) -> StepError:
        words = self._redact(" ".join(step.argv))
        shown = words if len(words) <= 120 else f"{words[:117]}…"  # noqa: PLR2004 - one line of a terminal
        who = "" if step.user == "root" else f"sudo -u {step.user} "
        return StepError(f"`{shown}` {how}", hint=f"`{who}{shown}` by hand shows more", evidence=evidence.strip())

    def _not_started(self, step: Run, error: OSError) -> StepError:
        program = step.argv[0]
        if isinstance(error, FileNotFoundError) and error.filename == step.cwd != program:
            return StepError(f"`{program}` cannot run in `{step.cwd}`: there is no such directory", hint=f"`ls -ld {step.cwd}`")
        if isinstance(error, FileNotFoundError):
            return StepError(f"`{program}` is not installed", hint=f"`command -v {program}`; `apt-file search {program}`")
        return StepError(
            f"`{program}` cannot be run as {step.user}: {(error.strerror or str(error)).lower()}", hint=f"`ls -l {program}`"
        )


def _how(code: int) -> str:
    if code >= 0:
        return f"failed with exit code {code}"
    import signal

    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


class _AptStatus:
    """The descriptor on which apt says how far it is; nothing at all for other programs."""

    def __init__(self, step: Run, show: OnProgress) -> None:
        self.argv = step.argv
        self.pass_fds: tuple[int, ...] = ()
        self.sinks = {}
        self._reading = self._writing = -1
        if step.progress == "apt" and step.argv[0].rpartition("/")[2] == "apt-get":
            from provision.agent.progress import AptProgress

            self._reading, self._writing = os.pipe()
            self.argv = (step.argv[0], "-o", f"APT::Status-Fd={self._writing}", *step.argv[1:])
            self.pass_fds = (self._writing,)
            self.sinks = {self._reading: AptProgress(show).feed}

    def close_writing(self) -> None:
        """Leave the writing end to the child alone."""
        if self._writing >= 0:
            os.close(self._writing)
            self._writing = -1

    def close(self) -> None:
        """Close what is open."""
        self.close_writing()
        if self._reading >= 0:
            os.close(self._reading)
            self._reading = -1
