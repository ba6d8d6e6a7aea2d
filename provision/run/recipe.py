"""A request whose files have been read: profile, lock and roles, ready for the facts of any machine."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from provision.catalog.compile import AUTO, Selection, check_role, compile_catalog, select_roles
from provision.catalog.load import load_roles
from provision.catalog.model import Catalog
from provision.catalog.role import Circumstances, Role
from provision.errors import InputError, ProvisionError
from provision.facts.model import Facts
from provision.plan.model import Plan
from provision.profile.locks import Locks, lock_path, read_locks, write_locks
from provision.profile.read import LoadedProfile, load_profile
from provision.run.request import Request

_WRITING = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A request whose files have been read: enough to compile a catalog from any machine's facts."""

    request: Request
    loaded: LoadedProfile
    roles: Mapping[str, Role]
    locks: Locks
    lock_path: Path
    given: frozenset[str] = frozenset()
    """Environments whose lock is a file of their own (`pylock.toml`)."""

    def select(self, facts: Facts) -> Selection:
        """Return the roles for a machine; raises `InputError` for an unknown one, with its line where the profile has it."""
        for index, name in enumerate(() if self.request.roles else self.loaded.profile.roles):
            try:
                if name != AUTO:
                    check_role(name, self.roles)
            except InputError as error:
                where = self.loaded.where("roles", index)
                raise InputError(f"{where}: roles[{index}]: {error.message}", hint=error.hint) from error
        return select_roles(self.loaded.profile, facts, self.roles, self.request.roles, self.request.skip)

    def compile(self, facts: Facts) -> Catalog:
        """Return the catalog of a machine; raises `InputError` when profile, roles and machine do not go together."""
        return compile_catalog(self.loaded.profile, facts, self.select(facts), locks=self.locks)

    def stops(self, facts: Facts, plan: Plan, *, remote: bool, even_if_busy: bool) -> dict[str, ProvisionError]:
        """Return why an apply of `plan` must not begin, by role; asked of the roles that have something to change."""
        found: dict[str, ProvisionError] = {}
        for role in self.select(facts).roles:
            pending = frozenset(entry.kind for entry in plan.pending if entry.role == role.name)
            circumstances = Circumstances(remote=remote, even_if_busy=even_if_busy, pending=pending)
            error = role.stops(self.loaded.profile, facts, circumstances) if pending else None
            if error is not None:
                found[role.name] = error
        return found

    def keep_locks(self, new: Locks) -> Path:
        """Write new locks of environments, beside the profile; return the file."""
        with _WRITING:  # several hosts may end at once
            kept = read_locks(self.lock_path)
            if {**kept, **new} != kept:
                write_locks(self.lock_path, {**kept, **new})
        return self.lock_path


def read_recipe(request: Request) -> Recipe:
    """Read the profile, the lock beside it and the roles; raises `InputError` with file and line."""
    loaded = load_profile(request.profile)
    path = lock_path(loaded)
    return Recipe(
        request=request,
        loaded=loaded,
        roles=load_roles(request.role_paths),
        locks={**read_locks(path), **loaded.locks},
        lock_path=path,
        given=frozenset(loaded.locks),
    )
