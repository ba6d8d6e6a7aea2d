"""Who may log in, and who called."""

from __future__ import annotations

import os
from collections.abc import Mapping

from provision.agent.facts.tree import Tree
from provision.facts.model import Person

_FIRST, _LAST = 1000, 59999
_PASSWD_FIELDS = 7
_GROUP_FIELDS = 4
_UID_DIGITS = 10


def people(tree: Tree, *, also: str = "") -> tuple[Person, ...]:
    """Return root and the users with an ordinary uid, in passwd's order.

    `also` is looked up in the directory service (LDAP, SSSD) of the running machine when passwd does not have it.
    """
    by_gid, by_member = _groups(tree.text("/etc/group"))
    found: dict[str, Person] = {}
    for line in tree.text("/etc/passwd").split("\n"):
        fields = line.split(":")
        if len(fields) < _PASSWD_FIELDS or not fields[0] or not _is_number(fields[2]):
            continue
        name, uid = fields[0], int(fields[2])
        if uid == 0 or _FIRST <= uid <= _LAST:
            groups = dict.fromkeys((*by_gid.get(fields[3], ())[:1], *by_member.get(name, ())))
            person = Person(name=name, uid=uid, home=fields[5], shell=fields[6], groups=tuple(groups))
            found.setdefault(name, person)
    if tree.live and also and also not in found:
        person_elsewhere = _from_directory(also)
        if person_elsewhere is not None:
            found[also] = person_elsewhere
    return tuple(found.values())


def login_name(tree: Tree, given: str, environment: Mapping[str, str]) -> str:
    """Return who called: as told, else whom sudo names, else the user we are."""
    if given or environment.get("SUDO_USER"):
        return given or environment["SUDO_USER"]
    if not tree.live:
        return "root"
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _UID_DIGITS


def _groups(text: str) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return the names of groups by gid, and by member."""
    by_gid: dict[str, list[str]] = {}
    by_member: dict[str, list[str]] = {}
    for line in text.split("\n"):
        fields = line.split(":")
        if len(fields) < _GROUP_FIELDS:
            continue
        by_gid.setdefault(fields[2], []).append(fields[0])
        for member in filter(None, fields[3].split(",")):
            by_member.setdefault(member, []).append(fields[0])
    return by_gid, by_member


def _from_directory(name: str) -> Person | None:
    import grp
    import pwd

    try:
        user = pwd.getpwnam(name)
        groups = [grp.getgrgid(gid).gr_name for gid in os.getgrouplist(name, user.pw_gid)]
    except (KeyError, OSError, ValueError):
        return None
    return Person(name=name, uid=user.pw_uid, home=user.pw_dir, shell=user.pw_shell, groups=tuple(groups))
