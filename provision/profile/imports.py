"""What environments take over from files that others made: `environment.yml`, `requirements.txt`, `pylock.toml`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from provision.errors import InputError
from provision.profile.conda_fields import channel_name
from provision.profile.document import file_name
from provision.profile.environment import Environment
from provision.profile.environment_fields import CONDA, PYLOCK, file_kind
from provision.profile.lock import Lock
from provision.profile.model import Profile

Where = Callable[..., str]
"""`FILE:LINE` of a field of the profile."""


def with_files(profile: Profile, path: Path, where: Where) -> tuple[Profile, dict[str, Lock]]:
    """Return `profile`, which is in `path`, with what the files hold that its environments name, and the locks among them.

    Raises `InputError` with the file and line of what cannot be taken over.
    """
    environments, locks = [], {}
    for index, environment in enumerate(profile.environment):
        if not environment.file:
            environments.append(environment)
            continue
        source = path.parent / Path(environment.file).expanduser()
        hint = f"`{where('environment', index, 'file')}` names it"
        if file_kind(environment.file) == PYLOCK:
            from provision.profile.pylock_toml import read_pylock  # noqa: PLC0415 - only profiles that have one pay for it

            locks[environment.name] = read_pylock(source, hint)
            environments.append(environment)
        elif file_kind(environment.file) == CONDA:
            environments.append(_with_conda(environment, source, hint))
        else:
            environments.append(_with_requirements(environment, source, hint))
    return profile.model_copy(update={"environment": tuple(environments)}), locks


def _with_requirements(environment: Environment, source: Path, hint: str) -> Environment:
    from provision.profile.requirements_txt import Requirements  # noqa: PLC0415 - as above

    found = Requirements()
    found.read(source, hint)
    field = "pip" if environment.manager == "conda" else "packages"
    return environment.model_copy(
        update={
            field: _joined(getattr(environment, field), found.asked),
            "constraints": _joined(environment.constraints, found.constraints),
        }
    )


def _with_conda(environment: Environment, source: Path, hint: str) -> Environment:
    from provision.profile.environment_yml import read_environment_yml  # noqa: PLC0415 - as above

    found, name = read_environment_yml(source, hint), file_name(source)
    if found.python and environment.python not in {"auto", found.python}:
        raise InputError(
            f"{name}:{found.python_line}: dependencies: wants Python {found.python}, and the profile {environment.python}",
            hint="leave `python` out of the profile",
        )
    taken = environment.model_copy(
        update={
            "python": found.python or environment.python,
            "packages": _joined(environment.packages, found.packages),
            "pip": _joined(environment.pip, found.pip.asked),
            "constraints": _joined(environment.constraints, found.pip.constraints),
            "channels": _channels(environment, found.channels),
        }
    )
    index = taken.without_channel()
    if index >= 0:
        package = taken.packages[index]
        at = f":{found.lines[found.packages.index(package)]}" if package in found.packages else ""
        raise InputError(f"{name}{at}: dependencies: a package is from a channel that `channels` does not name")
    return taken


def _channels(environment: Environment, found: tuple[str, ...]) -> tuple[str, ...]:
    """Return the channels that the profile says itself, then those of the file; the default where nobody says any."""
    own = environment.channels if "channels" in environment.model_fields_set or not found else ()
    names: dict[str, str] = {}
    for channel in (*own, *found):
        names.setdefault(channel_name(channel), channel)
    return tuple(names.values())


def _joined(*parts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for part in parts for text in part))
