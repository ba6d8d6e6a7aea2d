"""One environment's lock: which exact packages it holds, with their hashes, and never where they come from."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from provision.agent import conda_lock
from provision.errors import InputError

_PINNED = re.compile(
    r"""[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[A-Za-z0-9._, -]+\])?==[A-Za-z0-9.+!_-]+(?: *;[A-Za-z0-9_.,<>=!~()'"+* -]+)?"""
)
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
_SPACE = re.compile(r"\s+(?=--)")


@dataclass(frozen=True)
class Lock:
    """`pip` is the text of a requirements file with hashes, `conda` that of a conda lock; empty where there is none."""

    pip: str = ""
    conda: str = ""

    def with_report(self, name: str, text: str) -> Lock:
        """Return this lock with what a run reported under `name` (`lock` or `conda-lock`)."""
        return replace(self, conda=text) if name == "conda-lock" else replace(self, pip=text)

    def check_pip(self) -> None:
        """Raise `InputError` unless every requirement is one version with hashes.

        Options, files and URLs are refused, in comments too: they would name an index, perhaps with a password in it.
        """
        _check_plain(self.pip)
        lines = self.pip.split("\n")
        wanted = "\n".join(line.rstrip() for line in lines if line.strip() and not line.lstrip().startswith("#"))
        for number, requirement in enumerate(wanted.replace("\\\n", " ").splitlines(), 1):
            pinned, *hashes = _SPACE.split(requirement)
            if not _PINNED.fullmatch(pinned.strip()) or not hashes or not all(_HASH.fullmatch(part.strip()) for part in hashes):
                raise InputError(f"requirement {number} of the lock is not `NAME==VERSION` with `--hash=sha256:…`")

    def check_conda(self) -> None:
        """Raise `InputError` unless every line is a comment or a package with its hash, and no URL stands anywhere."""
        _check_plain(self.conda)
        conda_lock.records(self.conda)


REPORTS = ("lock", "conda-lock")
"""Names under which a run reports locks."""


def _check_plain(text: str) -> None:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.replace("\t", " ").isprintable() or "'''" in line or "://" in line:
            raise InputError(f"line {number} of the lock holds a URL, three quotes or a control character")
