"""What conda environments have in common: rattler, our program over it, their channels, and `conda` itself for people."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from provision import knowledge
from provision.catalog.conda_program import conda_program
from provision.catalog.stack import stack_of
from provision.catalog.templates import template
from provision.catalog.uv import pip_settings, uv_settings
from provision.errors import InputError
from provision.facts.model import Facts
from provision.knowledge.virtual import SUBDIRS, virtual_packages
from provision.profile.conda_fields import channel_name
from provision.profile.environment import CONDA_FORGE
from provision.profile.model import Profile
from provision.resources import CondaEnvironment, File, Packages, Rattler, Resource

BASE = "/opt/conda"
PROFILE = "/etc/profile.d/provision-conda.sh"
SPECS = ("conda", "mamba>=2", "python")


def rattler(facts: Facts) -> Rattler:
    """Return the rattler for the machine of `facts`."""
    release = knowledge.rattler()
    return Rattler(version=release.version, hashes=release.hashes(facts.system.architecture), settings=pip_settings(facts))


def program() -> File:
    """Return the program that solves and installs; its name changes with its text, so that none is swapped under a run."""
    text = conda_program()
    return File(path=f"/opt/provision/conda-{hashlib.sha256(text.encode()).hexdigest()[:12]}.py", content=text)


def bring_conda(facts: Facts) -> Iterator[Resource]:
    """Yield what solves and installs conda packages, and what it needs."""
    yield Packages(names=("ca-certificates", "python3-venv"), recommends=False)
    yield rattler(facts)
    yield program()


def base(profile: Profile, facts: Facts) -> Iterator[Resource]:
    """Yield conda and mamba for everybody: their prefix, and where they take packages and find environments."""
    yield conda_environment(profile, facts, name="base", path=BASE, owner="root", specs=SPECS, channels=(CONDA_FORGE,))
    own, other = channel_lines(profile)
    yield File(path=f"{BASE}/.condarc", content=template("conda/condarc.j2", custom_channels=own, custom_multichannels=other))
    yield File(path=PROFILE, content=template("conda/provision-conda.sh.j2", base=BASE))


def conda_environment(
    profile: Profile, facts: Facts, *, name: str, path: str, owner: str, specs: Sequence[str], channels: Sequence[str]
) -> CondaEnvironment:
    """Return an environment of conda packages on the machine of `facts`, with the driver it will have."""
    architecture = facts.system.architecture
    if architecture not in SUBDIRS:
        raise InputError(
            f"environment `{name}`: no conda packages are known for `{architecture}` machines", hint='`manager = "uv"`'
        )
    return CondaEnvironment(
        name=name,
        path=path,
        owner=owner,
        python=rattler(facts).python,
        program=program().path,
        specs=tuple(specs),
        channels=tuple((channel_name(channel), address(profile, channel)) for channel in channels),
        subdir=SUBDIRS[architecture],
        virtual=virtual_packages(facts, _driver(profile, facts)),
        settings=uv_settings(facts),
    )


def address(profile: Profile, channel: str) -> str:
    """Return where a channel is fetched from; empty: where conda's tools look for its name."""
    return profile.conda.mirrors.get(channel_name(channel), channel if "://" in channel else "")


def channel_lines(profile: Profile) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    """Return the channels with mirrors as conda's configuration has them: (name, what its name is put after), (name, address)."""
    mirrors = sorted(profile.conda.mirrors.items())
    own = tuple((name, uri.removesuffix(f"/{name}")) for name, uri in mirrors if uri.endswith(f"/{name}"))
    return own, tuple((name, uri) for name, uri in mirrors if not uri.endswith(f"/{name}"))


def _driver(profile: Profile, facts: Facts) -> str:
    if not facts.nvidia_gpus and not profile.nvidia.gpus:
        return ""
    from provision.knowledge.stack import NoSolutionError  # noqa: PLC0415 - 60 ms that only machines with a GPU pay

    try:
        driver = stack_of(profile, facts).driver
    except NoSolutionError:
        return ""  # the role of the driver says why
    return driver.version if driver else ""
