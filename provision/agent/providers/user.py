"""A user account."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from provision.agent.host import Account, Reader
from provision.agent.provider import Pending
from provision.agent.steps import Run, Step
from provision.errors import ProvisionError
from provision.plan.model import Change, Diff, Status, same
from provision.resources.user import User

NO_LOGIN = "/usr/sbin/nologin"
_ALWAYS = {NO_LOGIN, "/sbin/nologin", "/bin/false", "/usr/bin/false"}
"""Shells that are fine although `/etc/shells` rightly does not list them."""


@dataclass(frozen=True, kw_only=True)
class Observed:
    """The account, all groups there are, and (where one is wanted) the login shells."""

    account: Account | None
    groups: frozenset[str]
    shells: frozenset[str] = frozenset()


class Users:
    """Groups are added, never taken; the home of an account that exists is never moved; no password is ever set."""

    def observe(self, want: User, host: Reader) -> Observed:
        lines = (host.read("/etc/shells") or b"").decode(errors="replace").split("\n") if want.shell else []
        return Observed(
            account=host.accounts().get(want.name),
            groups=frozenset(host.group_names()),
            shells=frozenset(line.strip() for line in lines if line.startswith("/")),
        )

    def diff(self, want: User, have: Observed, pending: Pending) -> Diff:
        later = _unmet(want, have, pending)
        changes = _changes(want, have)
        if not changes:
            groups = f", in {', '.join(want.groups)}" if want.groups else ""
            return same(f"there is a user {want.name}{groups}")
        return Diff(status=Status.KNOWN_AFTER_APPLY if later else Status.CHANGE, why=later, changes=changes)

    def steps(self, want: User, have: Observed) -> Iterator[Step]:
        if have.account is None:
            yield Run(argv=("useradd", *_new(want, have), "--", want.name), says=f"adding user {want.name}", timeout=120)
            return
        options = []
        fields = {change.field for change in _changes(want, have)}
        if "groups" in fields:
            options += ["--append", "--groups", ",".join(_lacking(want, have.account))]
        if "shell" in fields:
            options += ["--shell", want.shell]
        if options:
            yield Run(argv=("usermod", *options, "--", want.name), says=f"changing user {want.name}", timeout=120)


def _new(want: User, have: Observed) -> tuple[str, ...]:
    options = ["--system", "--no-create-home"] if want.system else ["--create-home"]
    options += ["--gid", want.name] if want.name in have.groups else ["--user-group"]
    shell = want.shell or (NO_LOGIN if want.system else "/bin/bash")
    for option, value in (("--shell", shell), ("--home-dir", want.home), ("--comment", want.comment)):
        options += [option, value] if value else []
    return (*options, *(("--groups", ",".join(want.groups)) if want.groups else ()))


def _lacking(want: User, account: Account) -> tuple[str, ...]:
    return tuple(group for group in want.groups if group != account.group and group not in account.groups)


def _changes(want: User, have: Observed) -> tuple[Change, ...]:
    account = have.account
    if account is None:
        groups = (Change(field="groups", before="", after=", ".join(want.groups)),) if want.groups else ()
        return (Change(field="user", before="absent", after="system user" if want.system else "user"), *groups)
    if want.home and account.home != want.home:
        raise ProvisionError(
            f"user {want.name} has the home {account.home}, {want.home} is wanted, and a home is never moved",
            hint=f"log {want.name} out, then `sudo usermod --move-home --home {want.home} {want.name}`",
        )
    found = []
    if lacking := _lacking(want, account):
        found.append(Change(field="groups", before=", ".join(account.groups), after=", ".join((*account.groups, *lacking))))
    if want.shell and account.shell != want.shell:
        found.append(Change(field="shell", before=account.shell, after=want.shell))
    return tuple(found)


def _unmet(want: User, have: Observed, pending: Pending) -> str:
    """Return what a package that is still to come must bring; raises `ProvisionError` for what nothing will bring."""
    unknown = [name for name in want.groups if name not in have.groups and not pending.has(f"group:{name}")]
    unknown = [name for name in unknown if name != want.name or have.account is not None]
    shell = want.shell and want.shell not in have.shells | _ALWAYS
    if unknown and not pending.kind("packages"):
        raise ProvisionError(
            f"there is no group `{unknown[0]}` for user {want.name}", hint="`getent group` lists those there are"
        )
    if shell and not pending.kind("packages"):
        raise ProvisionError(f"the shell `{want.shell}` of user {want.name} is not in /etc/shells", hint="`cat /etc/shells`")
    words = [*(f"group {name}" for name in unknown), *([want.shell] if shell else [])]
    return f"{', '.join(words)}: expected from the packages still to be installed" if words else ""


provider = Users()
