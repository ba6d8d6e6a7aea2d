"""A new text is judged by the program that will read it, before it takes its place."""

from __future__ import annotations

import os
from collections.abc import Mapping

from provision.agent.children import Children
from provision.agent.removal import empty
from provision.agent.replace import write_all
from provision.agent.steps import Run, Write
from provision.errors import StepError

_RUNTIME = "/run/provision"
_TIMEOUT = 60


def validate(step: Write, root: str, children: Children, environment: Mapping[str, str]) -> None:
    """Run the validator of `step` on a scratch copy with the same base name; raises `StepError` with what it says."""
    runtime = f"{root}{_RUNTIME}"
    os.makedirs(runtime, mode=0o711, exist_ok=True)
    scratch = f"{runtime}/validate-{os.urandom(6).hex()}"
    os.mkdir(scratch, 0o700)
    try:
        copy = f"{scratch}/{step.path.rpartition('/')[2]}"
        fd = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            write_all(fd, step.content)
            os.fchmod(fd, step.mode)
        finally:
            os.close(fd)
        argv = tuple(word.replace("{}", copy) for word in step.validate)
        try:
            children.run(Run(argv=argv, timeout=_TIMEOUT), environment, None)
        except StepError as error:
            raise StepError(
                f"`{step.path}` was not replaced: `{step.validate[0]}` refuses the new text ({error.message})",
                hint="correct what the lines above name; the file that is there was not touched",
                evidence=error.evidence.replace(copy, step.path),
            ) from None
    finally:
        fd = os.open(scratch, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        empty(fd, scratch, os.fstat(fd).st_dev)
        os.close(fd)
        os.rmdir(scratch)
