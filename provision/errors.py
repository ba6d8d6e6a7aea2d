"""The one error tree: what happened, and what to type next.

Shared with the agent, so the standard library only.
"""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Process exit codes (see "Command line" in the README)."""

    DONE = 0
    FAILED = 1
    CHANGES_PENDING = 2
    BAD_INPUT = 3
    UNREACHABLE = 4
    REBOOT_NEEDED = 5
    INTERRUPTED = 130


class ProvisionError(Exception):
    """Something a person can act on: a lower-case `message`, an optional `hint`, `evidence` lines, an exit code."""

    exit = Exit.FAILED

    def __init__(self, message: str, *, hint: str = "", evidence: str = "", exit: Exit | None = None) -> None:  # noqa: A002 - named as the field is
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.evidence = evidence
        if exit is not None:
            self.exit = exit


class InputError(ProvisionError):
    """The profile, an argument or a file given by a person is not acceptable; nothing was changed."""

    exit = Exit.BAD_INPUT


class UnreachableError(ProvisionError):
    """The machine cannot be reached, its key is not trusted, or we are not let in."""

    exit = Exit.UNREACHABLE


class UnreadableError(ProvisionError):
    """A thing on the machine exists, or may exist, and cannot be read: neither absent nor unknown."""


class StepError(ProvisionError):
    """A step on the machine failed; `evidence` holds the last lines the child printed."""


class NotConvergedError(ProvisionError):
    """All steps succeeded and the second observation still differs from what was wanted."""
