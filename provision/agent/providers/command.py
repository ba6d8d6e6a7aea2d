"""A command behind a guard."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from provision.agent.host import Reader
from provision.agent.provider import Pending
from provision.agent.steps import Run, Step
from provision.errors import ProvisionError
from provision.plan.model import Change, Diff, Status, same
from provision.resources.command import Command


@dataclass(frozen=True, kw_only=True)
class Observed:
    """Whether the guard says that nothing is to be done, its last line, and whether the user exists."""

    satisfied: bool
    says: str = ""
    user: bool = True


class Commands:
    """That it will run is known, what it does is not: opaque. The guard is asked again afterwards."""

    def observe(self, want: Command, host: Reader) -> Observed:
        if want.creates:
            return Observed(satisfied=host.lstat(want.creates) is not None, user=want.user in host.accounts())
        if want.user not in host.accounts():
            return Observed(satisfied=False, user=False)
        answer = host.guard(want.unless, user=want.user)
        lines = f"{answer.stdout}\n{answer.stderr}".split("\n")
        return Observed(satisfied=answer.code == 0, says=next((line for line in reversed(lines) if line.strip()), ""))

    def diff(self, want: Command, have: Observed, pending: Pending) -> Diff:
        guard = f"{want.creates} exists" if want.creates else f"`{shlex.join(want.unless)}` succeeds"
        if have.satisfied:
            return same(guard)
        if not have.user and not pending.has(f"user:{want.user}"):
            raise ProvisionError(f"there is no user `{want.user}` to run `{want.name}`")
        reason = f"not yet so: {guard}" + (f" (it says: {have.says})" if have.says else "")
        run = Change(field="command", before="not run", after=shlex.join(want.argv))
        return Diff(status=Status.OPAQUE, why=reason, changes=(run,))

    def steps(self, want: Command, have: Observed) -> Iterator[Step]:
        if not have.satisfied:
            yield Run(
                argv=want.argv,
                says=want.name,
                user=want.user,
                cwd=want.cwd,
                environment=want.environment,
                timeout=want.timeout,
            )


provider = Commands()
