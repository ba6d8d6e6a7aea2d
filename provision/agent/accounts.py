"""Users and groups from one reading of passwd and group."""

from __future__ import annotations

from provision.agent.host import Account

_PASSWD_FIELDS = 7
_GROUP_FIELDS = 4


def _records(data: bytes, fields: int) -> list[list[str]]:
    lines = (line.split(":") for line in data.decode("utf-8", "surrogateescape").splitlines())
    return [line for line in lines if len(line) >= fields and line[2].isdecimal() and not line[0].startswith(("+", "-", "#"))]


class Accounts:
    """Names and numbers both ways; with `services`, those only the name service switch knows are asked for one by one."""

    def __init__(self, passwd: bytes, group: bytes, *, services: bool = True) -> None:
        self._services = services
        self.groups: dict[str, int] = {}
        self._group_names: dict[int, str] = {}
        member_of: dict[str, list[str]] = {}
        for name, _, gid, members, *_ in _records(group, _GROUP_FIELDS):
            self.groups.setdefault(name, int(gid))
            self._group_names.setdefault(int(gid), name)
            for member in members.split(","):
                member_of.setdefault(member.strip(), []).append(name)
        self.users: dict[str, Account] = {}
        self._user_names: dict[int, str] = {}
        for name, _, uid, gid, _, home, shell, *_ in _records(passwd, _PASSWD_FIELDS):
            self._user_names.setdefault(int(uid), name)
            if name not in self.users:
                self.users[name] = Account(
                    name=name,
                    uid=int(uid),
                    gid=int(gid),
                    group=self.group_name(int(gid)),
                    home=home,
                    shell=shell,
                    groups=tuple(member_of.get(name, ())),
                )

    def user_name(self, uid: int) -> str:
        """Return the name of `uid`, or the number as text."""
        name = self._user_names.get(uid)
        if name is None:
            name = self._user_names[uid] = (_ask("pwd", "getpwuid", uid, "pw_name") if self._services else None) or str(uid)
        return name

    def group_name(self, gid: int) -> str:
        """Return the name of `gid`, or the number as text."""
        name = self._group_names.get(gid)
        if name is None:
            name = self._group_names[gid] = (_ask("grp", "getgrgid", gid, "gr_name") if self._services else None) or str(gid)
        return name

    def uid(self, name: str) -> int | None:
        """Return the number of the user `name` (which may be a number as text); `None` when there is none."""
        if name in self.users:
            return self.users[name].uid
        found = _ask("pwd", "getpwnam", name, "pw_uid") if self._services else None
        return int(found) if found else _number(name)

    def gid(self, name: str) -> int | None:
        """Return the number of the group `name` (which may be a number as text); `None` when there is none."""
        if name in self.groups:
            return self.groups[name]
        found = _ask("grp", "getgrnam", name, "gr_gid") if self._services else None
        return int(found) if found else _number(name)


def _number(name: str) -> int | None:
    return int(name) if name.isdecimal() and name.isascii() else None


def _ask(module: str, function: str, what: str | int, field: str) -> str | None:
    """Return one field of an entry of the name service switch as text, or `None`."""
    import importlib

    try:
        return str(getattr(getattr(importlib.import_module(module), function)(what), field))
    except KeyError:
        return None
