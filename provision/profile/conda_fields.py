"""What the texts about conda may be: MatchSpecs and channels, by name or address, and none that somebody has to pay for."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import Annotated

from provision.profile.fields import LABEL, Rule, mistake

_NAME = r"(?:[A-Za-z0-9]|_[A-Za-z0-9])[A-Za-z0-9_.-]*"
_VERSION = r"[0-9*][A-Za-z0-9._+!*-]*"
_BUILD = r"[A-Za-z0-9_*][A-Za-z0-9_.*+-]*"
_SIGN = r"(?:==|=|~=|!=|>=|<=|>|<)"
_VERSIONS = rf"{_SIGN} ?{_VERSION}(?: ?[,|] ?{_SIGN}? ?{_VERSION})*"
_PLAIN_VERSIONS = rf"{_VERSION}(?: ?[,|] ?{_SIGN}? ?{_VERSION})*"
_DETAIL = r"""(?:version|build|build_number) ?= ?(?:'[A-Za-z0-9_.*+!<>=|,~ -]+'|"[A-Za-z0-9_.*+!<>=|,~ -]+"|[A-Za-z0-9_.*+-]+)"""
_CHANNEL = r"[A-Za-z0-9][A-Za-z0-9_.-]*(?:/[A-Za-z0-9][A-Za-z0-9_.-]*)*"
_WHICH = rf"(?: ?{_VERSIONS}| {_PLAIN_VERSIONS})(?:[ =]{_BUILD})?| ?\[{_DETAIL}(?:, ?{_DETAIL})*\]"
_SPEC = rf"(?:{_CHANNEL}::)?{_NAME}(?:{_WHICH})?"
_SEGMENTS = r"(?:/[A-Za-z0-9._~+-]+)+"
_HOST = rf"https?://{LABEL}(?:\.{LABEL})*(?::[1-9][0-9]{{0,4}})?"
_ADDRESS = rf"(?:{_HOST}|file://){_SEGMENTS}"

_THEIRS = frozenset({"defaults", "main", "r", "anaconda", "free", "pro", "msys2"})
"""Channels of Anaconda's own packages; its terms of service ask for a plan since 2020."""
_FEE = "is Anaconda's own channel, whose licence asks organisations of more than 200 people for a paid plan"
_INSTEAD = "`conda-forge` has the same packages, and is the default"
_LABEL = "label"


def channel_name(channel: str) -> str:
    """Return what a channel is called in locks: its name, or the end of its address (`lab` for `http://mirror.test/conda/lab`)."""
    if "://" not in channel:
        return channel
    parts = channel.split("/")
    return "/".join(parts[-3:]) if parts[-2] == _LABEL else parts[-1]


def check_free(channel: str) -> None:
    """Raise unless the packages of `channel` may be used by anybody: not Anaconda's own, nor a copy of them."""
    scheme, _, address = channel.lower().rpartition("://")
    host, *parts = address.split("/") if scheme else ["", *address.split("/")]
    at_theirs = not scheme or re.search(r"\b(?:anaconda|continuum)\b", host)
    copies = any(parent == "pkgs" and name in _THEIRS for parent, name in itertools.pairwise(parts))
    if copies or (at_theirs and _THEIRS.intersection(parts[:1])):
        raise mistake(_FEE, _INSTEAD)


@dataclass(frozen=True)
class SpecRule(Rule):
    """A MatchSpec of conda by name: with a version, a build and a channel if need be, never a file or URL."""

    def check(self, text: str) -> str:
        """Return `text`; raises pydantic's error with what is wrong about it."""
        if text.startswith("-"):
            raise mistake("must not start with `-`: it would be read as an option")
        if "@" in text or "://" in text or text.startswith(("/", ".", "~")) or text.endswith((".conda", ".tar.bz2")):
            raise mistake("must be a package's name, not a file or URL", self.hint)
        channel, separator, name = text.rpartition("::")
        if separator:
            check_free(channel)
        if name.startswith("__"):
            raise mistake("is what a machine has, not a package", "`provision facts` shows what there is; leave it out")
        bracket = re.search(r"\[(.*)", text)
        if bracket and "=" not in bracket[1]:
            raise mistake("has extras, which are pip's", "write it in `pip` instead of `packages`")
        if bracket and re.search(r"(?:^|[,\s])(?!version|build)[a-z_0-9]+ ?=", bracket[1]):
            raise mistake("says more in its brackets than `version`, `build` and `build_number`", self.hint)
        return super().check(text)


@dataclass(frozen=True)
class ChannelRule(Rule):
    """A channel's name, or the address of one; none that needs a password, none that has to be paid for."""

    def check(self, text: str) -> str:
        """Return `text`; raises pydantic's error with the reason the channel is refused."""
        scheme, separator, rest = text.partition("://")
        if separator:
            if "@" in rest.partition("/")[0] or re.search(r"/t/[^/]+", rest):
                raise mistake("holds a password or token, which a profile must not", "leave it out, or use a mirror without one")
            if scheme not in {"http", "https", "file"}:
                raise mistake("must be a name, or an address that begins with `https://`, `http://` or `file:///`", self.hint)
        elif text.startswith("-"):
            raise mistake("must not start with `-`: it would be read as an option")
        checked = super().check(text)
        if "/" in rest and not re.fullmatch(_CHANNEL, channel_name(checked)):
            raise mistake("does not end with what a channel is called", self.hint)
        check_free(checked)
        return checked


MATCH_SPEC = SpecRule(
    _SPEC, "must be a package's name, with a version and build if you wish", "such as `pytorch>=2.6` or `numpy=2.4`", longest=300
)
CHANNEL = ChannelRule(
    rf"{_CHANNEL}|{_ADDRESS}",
    "must be a channel's name or address",
    "such as `conda-forge` or `http://mirror.lab/conda/conda-forge`",
    longest=512,
)
Channel = Annotated[str, CHANNEL]
ChannelName = Annotated[str, ChannelRule(_CHANNEL, "must be a channel's name", "such as `conda-forge`", longest=128)]
ChannelUri = Annotated[
    str,
    ChannelRule(
        rf"{_ADDRESS}|{_HOST}",
        "must be an http, https or file address, host in lower case, without a slash at its end",
        "such as `http://mirror.lab/conda/conda-forge`",
        longest=512,
    ),
]
