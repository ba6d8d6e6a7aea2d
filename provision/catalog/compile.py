"""Roles + profile + facts → the ordered, conflict-free catalog."""

from __future__ import annotations

import dataclasses
import difflib
import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from provision.agent import conda_lock, pylock
from provision.catalog.model import Catalog, Entry, Note, RoleCheck, RoleNote
from provision.catalog.role import Role, Unfit
from provision.checks.model import Check
from provision.errors import InputError, ProvisionError
from provision.facts.model import Facts
from provision.profile.lock import Lock
from provision.profile.model import Profile
from provision.resources.base import Resource
from provision.resources.conda_environment import CondaEnvironment
from provision.resources.packages import Packages
from provision.resources.uv_environment import UvEnvironment

AUTO = "auto"


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The roles of a run in their order, and why each of the others is left out."""

    roles: tuple[Role, ...]
    skipped: tuple[tuple[str, str], ...] = ()


def select_roles(
    profile: Profile, facts: Facts, roles: Mapping[str, Role], asked: Sequence[str] = (), skip: Sequence[str] = ()
) -> Selection:
    """Return the roles named by `asked`, else by the profile, with what comes before them; less those in `skip`.

    What is named runs; what `auto` or another role brings in runs where this machine can use it.
    Raises `InputError` for an unknown name, with the nearest one, and for a cycle.
    """
    wanted = tuple(asked) or profile.roles
    named = {name for name in wanted if name != AUTO}
    for name in (*sorted(named), *skip):
        check_role(name, roles)
    chosen = _closure({*named, *(roles if AUTO in wanted else ())}, roles)
    left_out = dict.fromkeys(sorted(chosen & set(skip)), "`--skip`")
    for name in sorted(chosen - named - set(left_out)):
        why = roles[name].skipped(profile, facts)
        if why:
            left_out[name] = why
    ordered = _order({name: roles[name].after for name in chosen})
    return Selection(
        roles=tuple(roles[name] for name in ordered if name not in left_out), skipped=tuple(sorted(left_out.items()))
    )


def compile_catalog(profile: Profile, facts: Facts, selection: Selection, *, locks: Mapping[str, Lock] | None = None) -> Catalog:
    """Return what `selection` says about the machine of `facts`; environments get their lock from `locks` by name.

    A lock that was solved for other requirements or another Python is left aside. Identical resources are kept once,
    at their first place. Raises `InputError` where two roles claim the same thing.
    """
    entries: list[Entry] = []
    checks: list[RoleCheck] = []
    notes: list[RoleNote] = []
    owners: dict[str, Entry] = {}
    for role in selection.roles:
        for item in _items(role, profile, facts):
            if isinstance(item, Check):
                checks.append(RoleCheck(role=role.name, check=item))
                continue
            if isinstance(item, Note):
                notes.append(RoleNote(role=role.name, note=item))
                continue
            entry = _reconciled(Entry(role=role.name, resource=_locked(item, facts, locks or {})), owners)
            if entry is not None:
                entries.append(entry)
                owners.update(dict.fromkeys(entry.resource.claims, entry))
    unfit = ((name, why) for name, why in selection.skipped if isinstance(why, Unfit))
    notes += (RoleNote(role=name, note=Note(summary=""), skipped=why) for name, why in unfit)
    return Catalog(entries=tuple(entries), checks=tuple(checks), notes=tuple(notes))


def _items(role: Role, profile: Profile, facts: Facts) -> Iterator[Resource | Check | Note]:
    """Yield what a role does; raises `InputError` where its code fails."""
    try:
        yield from role.generate(profile, facts)
    except ProvisionError:
        raise
    except Exception as error:
        code = role.generate.__code__
        at, trace = code.co_firstlineno, error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code is code:
                at = trace.tb_lineno
            trace = trace.tb_next
        raise InputError(
            f"role `{role.name}` ({code.co_filename}:{at}) fails: {type(error).__name__}: {error}",
            hint=f"mend it, or leave it out with `--skip {role.name}`",
        ) from error


def check_role(name: str, roles: Mapping[str, Role], why: str = "") -> None:
    """Raise `InputError` with the nearest name unless `name` is one of `roles`; `why` says who asks for it."""
    if name not in roles:
        near = difflib.get_close_matches(name, roles, n=1, cutoff=0.5)
        hint = f"did you mean `{near[0]}`?" if near else "`provision roles` lists them"
        raise InputError(f"unknown role `{name}`{why}", hint=hint)


def _closure(names: Iterable[str], roles: Mapping[str, Role]) -> set[str]:
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            for before in roles[name].after:
                check_role(before, roles, f", which role `{name}` comes after")
                todo.append(before)
    return found


def _order(after: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield the names, each after those it comes after; in the order of their names where that leaves a choice."""
    waiting = {name: set(before) for name, before in after.items()}
    ready = sorted(name for name, before in waiting.items() if not before)
    while ready:
        name = heapq.heappop(ready)
        del waiting[name]
        yield name
        for other, before in waiting.items():
            if name in before:
                before.discard(name)
                if not before:
                    heapq.heappush(ready, other)
    if waiting:
        raise InputError(f"roles wait for each other: {' → '.join(_cycle(waiting))}")


def _cycle(waiting: Mapping[str, set[str]]) -> list[str]:
    path = [min(waiting)]
    while path[-1] not in path[:-1]:
        path.append(min(waiting[path[-1]] & set(waiting)))
    return path[path.index(path[-1]) :]


def _reconciled(entry: Entry, owners: Mapping[str, Entry]) -> Entry | None:
    """Return `entry` less what is in the catalog already, `None` when nothing of it is left."""
    if isinstance(entry.resource, Packages):
        return _without_installed(entry, entry.resource, owners)
    for claim in entry.resource.claims:
        other = owners.get(claim)
        if other is not None and other.resource == entry.resource:
            return None
        if other is not None:
            _conflict(entry, other, claim)
    return entry


def _without_installed(entry: Entry, wanted: Packages, owners: Mapping[str, Entry]) -> Entry | None:
    """Return the packages nobody wants yet: two roles may want the same one, in the same way."""
    names = []
    for name in wanted.names:
        other = owners.get(f"package:{name}")
        if other is None:
            names.append(name)
        elif not (isinstance(other.resource, Packages) and _alike(wanted, other.resource)):
            _conflict(entry, other, f"package:{name}")
    return Entry(role=entry.role, resource=dataclasses.replace(wanted, names=tuple(names))) if names else None


def _alike(one: Packages, other: Packages) -> bool:
    # With or without its recommendations, the package is the same one: who asks first decides.
    return (one.absent, one.hold, one.answers) == (other.absent, other.hold, other.answers)


def _conflict(entry: Entry, other: Entry, claim: str) -> None:
    roles = f"role `{other.role}` twice" if entry.role == other.role else f"roles `{other.role}` and `{entry.role}`"
    raise InputError(
        f"`{claim}` is claimed by {roles}, in two different ways: {other.resource.key}, {entry.resource.key}",
        hint=f"rename one of them in the profile, or leave a role out with `--skip {entry.role}`",
    )


def _locked(resource: Resource, facts: Facts, locks: Mapping[str, Lock]) -> Resource:
    if isinstance(resource, UvEnvironment) and resource.name in locks:
        lock = locks[resource.name].pip
        python = ".".join((resource.python or facts.python).split(".")[:2])
        return dataclasses.replace(resource, lock=lock) if _for(lock, resource.request, python) else resource
    if isinstance(resource, CondaEnvironment) and resource.name in locks:
        lock = locks[resource.name].conda
        said = conda_lock.header(lock)
        if said is not None and (said.request, said.platform) != (resource.request, resource.subdir):
            return resource
        pip = locks[resource.name].pip if lock and resource.pip else ""
        fits = _for(pip, resource.pip_request, "")
        return dataclasses.replace(resource, lock=lock, pip_lock=pip if fits else "")
    return resource


def _for(lock: str, request: str, python: str) -> bool:
    """Whether `lock` was solved for this request and Python (empty: any), or by a person."""
    said = pylock.header(lock)
    return said is None or (said.request == request and (said.python in {"3", python} or not python))
