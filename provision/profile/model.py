"""The profile's models: every field has a default, so an empty profile works.

The texts below the fields are their documentation: `provision schema` and `docs/profile.md` are made of them.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from provision.profile.environment import Conda, Environment, Pip
from provision.profile.fields import (
    DistributionPackage,
    Host,
    LocaleName,
    OrdinaryUser,
    PublicKey,
    Requirement,
    RoleName,
    User,
    Zone,
    mistake,
)
from provision.profile.gpu_fields import AUTO, DriverBranch, Fingerprint, GpuId, RepositoryUri, ToolkitLine
from provision.profile.section import Section

__all__ = ["Base", "Conda", "Cuda", "Environment", "Jupyter", "Machine", "Nvidia", "Pip", "Profile", "Section", "Ssh"]

LATEST_SCHEMA = 1


class Machine(Section):
    """`[machine]`: who and where the machine is."""

    hostname: Host = ""
    """The machine's name, in lower case; empty: it keeps the one it has."""

    timezone: Zone = ""
    """A name of the time zone database, such as `Europe/Paris`; empty: unchanged."""

    locale: LocaleName = ""
    """The default locale, such as `en_US.UTF-8`; empty: unchanged."""

    user: User = ""
    """Whose environments and Jupyter these are; empty: who calls."""


class Base(Section):
    """`[base]`: what every machine gets."""

    packages: tuple[DistributionPackage, ...] = ()
    """Packages of the distribution to have besides the essential ones."""

    unattended_upgrades: bool = True
    """Whether security updates install themselves."""


class Nvidia(Section):
    """`[nvidia]`: the driver of NVIDIA's GPUs; `provision explain` says what `auto` comes to, and why."""

    branch: DriverBranch = AUTO
    """`auto` for the newest that is supported for long, or a driver branch such as `580`."""

    flavour: Literal["auto", "open", "proprietary"] = "auto"
    """The kernel modules; `auto`: what NVIDIA recommends for the cards."""

    origin: Literal["auto", "ubuntu", "nvidia", "debian"] = "auto"
    """Whose packages of the driver; those of the others are kept out."""

    gpus: tuple[GpuId, ...] = ()
    """PCI ids such as `10de:1e84` of cards to prepare for besides those on the bus: a rehearsal, a card in the post."""

    mirror: RepositoryUri = ""
    """The address of a copy of NVIDIA's repository for this system: the folder that holds `Packages`; empty: NVIDIA's own."""

    mirror_key: Fingerprint = ""
    """The full fingerprint of the key that signs the copy, where that is not NVIDIA's own."""

    @field_validator("mirror_key")
    @classmethod
    def _of_a_mirror(cls, key: str, info: ValidationInfo) -> str:
        if key and not info.data.get("mirror", "?"):
            raise mistake("is the key of no mirror", "write `mirror = …` too, or leave the line out")
        return key


class Cuda(Section):
    """`[cuda]`: toolkits to compile with, side by side."""

    toolkits: tuple[ToolkitLine, ...] = (AUTO,)
    """`["auto"]` for the newest that the driver runs, or lines such as `["12.8", "13.2"]`; the first is `/usr/local/cuda`."""

    @field_validator("toolkits")
    @classmethod
    def _once(cls, toolkits: tuple[str, ...]) -> tuple[str, ...]:
        if AUTO in toolkits and len(toolkits) > 1:
            raise mistake("`auto` stands alone", 'either `toolkits = ["auto"]` or numbers')
        for index, line in enumerate(toolkits):
            if line in toolkits[:index]:
                raise mistake("is asked for twice", "once is enough", at=(index,))
        return toolkits


class Jupyter(Section):
    """`[jupyter]`: JupyterLab as a service on 127.0.0.1."""

    user: OrdinaryUser = ""
    """Who it runs as, never root; empty: the machine's user."""

    port: int = Field(default=8888, ge=1024, le=65535)
    """The TCP port on 127.0.0.1."""

    packages: tuple[Requirement, ...] = ()
    """Extensions to install beside JupyterLab, such as `jupyterlab-git`."""


class Ssh(Section):
    """`[ssh]`: who may log in."""

    authorized_keys: tuple[PublicKey, ...] = ()
    """Public keys that may log in as the machine's user, one line each as in `~/.ssh/id_ed25519.pub`; others stay."""


class Profile(Section):
    """The whole of `workstation.toml`."""

    schema_: int = Field(default=LATEST_SCHEMA, alias="schema", json_schema_extra={"const": LATEST_SCHEMA})
    """The version of this format, the only one there is."""

    roles: tuple[RoleName, ...] = Field(default=("auto",), json_schema_extra={"minItems": 1})
    """Names of roles, or `["auto"]` for those this machine can use; `provision roles` lists them."""

    machine: Machine = Machine()
    base: Base = Base()
    nvidia: Nvidia = Nvidia()
    cuda: Cuda = Cuda()
    environment: tuple[Environment, ...] = ()
    conda: Conda = Conda()
    pip: Pip = Pip()
    jupyter: Jupyter = Jupyter()
    ssh: Ssh = Ssh()

    @field_validator("schema_")
    @classmethod
    def _known(cls, schema: int) -> int:
        if schema > LATEST_SCHEMA:
            raise mistake(f"is of a newer provision, this one knows {LATEST_SCHEMA}", "upgrade provision")
        if schema != LATEST_SCHEMA:
            raise mistake(f"must be {LATEST_SCHEMA}", "leave the line out")
        return schema

    @field_validator("roles")
    @classmethod
    def _some_or_auto(cls, roles: tuple[str, ...]) -> tuple[str, ...]:
        if not roles:
            raise mistake("must not be empty", "leave the line out for the default")
        if "auto" in roles and len(roles) > 1:
            raise mistake("`auto` stands alone", 'either `roles = ["auto"]` or the names of roles')
        return roles

    @field_validator("environment")
    @classmethod
    def _own_names(cls, environments: tuple[Environment, ...]) -> tuple[Environment, ...]:
        names: dict[str, int] = {}
        paths: dict[str, int] = {}
        for index, environment in enumerate(environments):
            for field, value, seen in (
                ("name", environment.name, names),
                ("path", environment.path or f"~/envs/{environment.name}", paths),
            ):
                before = seen.setdefault(value, index)
                if before != index:
                    raise mistake(
                        "is that of another environment",
                        "each needs its own",
                        at=(index, field),
                        other=(before, field),
                    )
        return environments
