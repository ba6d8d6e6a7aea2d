"""Where an environment and its package cache lie: file systems that cannot hold them, and room for them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass

from provision.agent.conda_lock import Record
from provision.agent.host import Account, Reader
from provision.errors import ProvisionError

FOREIGN = frozenset(("ntfs", "ntfs3", "fuseblk", "exfat", "vfat", "cifs", "smb3", "9p"))
"""File systems that do not keep symbolic links, hard links, permissions or upper and lower case as Linux does."""
UNPACKED = 3
"""Bytes on disk of a package, for each byte of it that is downloaded, about."""
_GIGA = 1e9


@dataclass(frozen=True, kw_only=True)
class Place:
    """The file system below a path; `free` in bytes, -1 when it is not known."""

    path: str
    type: str
    at: str
    free: int = -1


def cache(owner: str, account: Account | None) -> str:
    """Return where the packages of all conda environments of `owner` are kept."""
    if owner == "root":
        return "/var/cache/provision/conda"
    return f"{account.home if account else f'/home/{owner}'}/.cache/provision/conda"


def place(host: Reader, path: str) -> Place | None:
    """Return the file system that holds `path`, or will; `None` where findmnt does not say."""
    above = path
    while above != "/" and host.lstat(above) is None:
        above = posixpath.dirname(above)
    argv = ("findmnt", "--noheadings", "--raw", "--bytes", "--output", "FSTYPE,AVAIL,TARGET", "--target", above)
    answer = host.query(argv)
    fields = (answer.stdout.strip().splitlines() or [""])[-1].split()
    if answer.code or not fields:
        return None
    known = len(fields) > 1 and fields[1].isdecimal()
    return Place(path=path, type=fields[0], at=fields[-1], free=int(fields[1]) if known else -1)


def check(name: str, places: Iterable[Place]) -> None:
    """Raise `ProvisionError` where a file system cannot hold an environment, or the packages for it."""
    for each in places:
        if each.type in FOREIGN:
            raise ProvisionError(
                f"environment `{name}`: `{each.path}` is on {each.type} (`{each.at}`), "
                "which keeps neither the symbolic links nor the permissions of its packages",
                hint="give the environment a `path` on a Linux file system; its packages are kept in the owner's `~/.cache`",
            )


def check_room(name: str, places: tuple[Place, ...], download: int, unpack: int) -> None:
    """Raise `ProvisionError` unless there is room for `download` bytes of packages, and what `unpack` bytes unpack to.

    `places` are the prefix's and the cache's; on one file system, packages unpacked in the cache are hard links in the prefix.
    """
    if not places:
        return
    prefix, cache = places[0], places[-1]
    needs = [(download * (1 + UNPACKED), cache)]
    if prefix.at != cache.at:
        needs.append((unpack * UNPACKED, prefix))
    for need, each in needs:
        if 0 <= each.free < need:
            raise ProvisionError(
                f"environment `{name}` needs {_size(need)} at `{each.at}`, where {_size(each.free)} are free",
                hint=f"make room there (`du -xh {each.at} | sort -h | tail`), or give the environment another `path`",
            )


def _size(number: int) -> str:
    return f"{number / 1e9:.1f} GB" if number >= _GIGA else f"{number / 1e6:.0f} MB"


def sizes(records: Iterable[Record], names: frozenset[str], kept: frozenset[str]) -> tuple[int, int]:
    """Return bytes to download and bytes of the packages to install: those in `names`; `kept` are in the cache already."""
    new = [record for record in records if record.name in names]
    return sum(record.size for record in new if record.stem not in kept), sum(record.size for record in new)
