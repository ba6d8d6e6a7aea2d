"""What a run needs from whoever shows it: a terminal, JSON Lines, or a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from provision.agent.events import Event
from provision.catalog.model import RoleNote
from provision.checks.model import Verdict
from provision.errors import Exit, ProvisionError
from provision.facts.model import Facts
from provision.plan.model import Plan

if TYPE_CHECKING:
    from provision.doctor.finding import Diagnosis
    from provision.profile.lock_changes import LockChange


class Ui(Protocol):
    """Shows a run; one instance serves all hosts, its methods may be called from several threads."""

    def connecting(self, host: str, doing: str) -> None:
        """Show what is happening before there is a plan ("connecting", "collecting facts", "observing")."""

    def facts(self, host: str, facts: Facts) -> None:
        """Take note of what the machine is."""

    def plan(self, host: str, facts: Facts, plan: Plan, notes: tuple[RoleNote, ...] = ()) -> None:
        """Show a plan, and what roles say of it."""

    def confirm(self, plans: dict[str, Plan]) -> bool:
        """Ask once whether all `plans` (by host) may be applied."""

    def event(self, host: str, event: Event) -> None:
        """Show what happens (see `provision.agent.events`)."""

    def verdicts(self, host: str, plan: Plan | None, verdicts: tuple[Verdict, ...]) -> None:
        """Show what the checks found, and (for `verify`) whether anything drifted."""

    def diagnosis(self, host: str, facts: Facts, diagnosis: Diagnosis) -> None:
        """Show what is wrong with a machine's GPU, and what is not."""

    def locks(self, host: str, changes: tuple[LockChange, ...]) -> None:
        """Show what the new locks of environments change."""

    def failed(self, host: str, error: ProvisionError) -> None:
        """Show why a host's run ended."""

    def end(self, exit_code: Exit) -> None:
        """Close the account of all hosts together: nothing follows."""

    def note(self, host: str, text: str) -> None:
        """Show one line of prose ("lock written to workstation.lock")."""
