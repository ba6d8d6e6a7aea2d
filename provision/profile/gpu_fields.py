"""What the texts about drivers and CUDA may be: versions the tables know, PCI ids, a repository's address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from provision.profile.fields import LABEL, Rule, mistake

if TYPE_CHECKING:
    from provision.knowledge.model import Knowledge

AUTO = "auto"
"""Left to the machine and the tables."""


@dataclass(frozen=True)
class BranchRule(Rule):
    """`auto`, or a branch of NVIDIA's driver that the tables know."""

    def check(self, text: str) -> str:
        """Return `text`; raises pydantic's error, with the nearest branch, for one that there is not."""
        if super().check(text) != AUTO:
            _check_known(text, [str(branch.number) for branch in _knowledge().branches], "is no branch of NVIDIA's driver")
        return text


@dataclass(frozen=True)
class ToolkitRule(Rule):
    """`auto`, or a line of CUDA toolkits that the tables know."""

    def check(self, text: str) -> str:
        """Return `text`; raises pydantic's error, with the nearest line, for one that there is not."""
        if super().check(text) != AUTO:
            _check_known(text, [toolkit.version for toolkit in _knowledge().toolkits], "is no line of CUDA toolkits")
        return text


def _knowledge() -> Knowledge:
    from provision.knowledge.tables import knowledge  # noqa: PLC0415 - only profiles that name a version pay for it

    return knowledge()


def _value(version: str) -> int:
    major, _, minor = version.partition(".")
    return int(major) * 1000 + int(minor or 0)


def _check_known(text: str, known: list[str], says: str) -> None:
    """Raise unless `text` is one of `known`; the hint is the nearest by value, not by spelling, the newer of two."""
    if text not in known:
        nearest = min(sorted(known, key=_value, reverse=True), key=lambda version: abs(_value(version) - _value(text)))
        raise mistake(says, f"the nearest is `{nearest}`; `provision explain` says what fits this machine")


DriverBranch = Annotated[
    str,
    BranchRule(r"auto|[1-9][0-9]{2}", "must be `auto` or a driver branch such as `580`", 'such as `branch = "580"`', longest=4),
]
ToolkitLine = Annotated[
    str,
    ToolkitRule(
        r"auto|[1-9][0-9]\.(?:0|[1-9][0-9]?)",
        "must be `auto` or a line of CUDA toolkits such as `12.8`",
        'such as `toolkits = ["12.8", "13.2"]`',
        longest=5,
    ),
]
GpuId = Annotated[
    str,
    Rule(
        r"10de:[0-9a-f]{4}",
        "must be the PCI id of an NVIDIA card, in lower case",
        "such as `10de:1e84`; `lspci -nn -d 10de:` shows it in brackets",
        longest=9,
    ),
]
HTTP_ADDRESS = rf"https?://{LABEL}(?:\.{LABEL})*(?::[1-9][0-9]{{0,4}})?(?:/[A-Za-z0-9._~+-]+)*"
RepositoryUri = Annotated[
    str,
    Rule(
        HTTP_ADDRESS,
        "must be an http or https address without a password, host in lower case, without a slash at its end",
        'such as `mirror = "http://mirror.lab/cuda/ubuntu2404"`',
        longest=512,
        optional=True,
    ),
]
Fingerprint = Annotated[
    str,
    Rule(
        r"[0-9A-F]{40}",
        "must be a full fingerprint: 40 digits of `0-9` and `A-F`, without spaces",
        "`gpg --show-keys FILE` shows it",
        longest=40,
        optional=True,
    ),
]
