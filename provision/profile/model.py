"""The profile's models: every field has a default, so an empty profile works."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

LATEST_SCHEMA = 1


class Section(BaseModel):
    """A table of the profile: unknown keys are errors, values are never coerced."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class Machine(Section):
    """`[machine]`: who and where the machine is."""

    hostname: str = ""
    timezone: str = ""
    locale: str = ""
    user: str = ""
    """Whose environments and Jupyter these are; empty: who calls."""


class Environment(Section):
    """`[[environment]]`: a named Python environment with a Jupyter kernel."""

    name: str
    manager: Literal["uv", "conda"] = "uv"
    python: str = "auto"
    packages: tuple[str, ...] = ()
    path: str = ""
    """Where it lives; empty: `~/envs/NAME`."""


class Jupyter(Section):
    """`[jupyter]`: JupyterLab as a service on 127.0.0.1."""

    user: str = ""
    port: int = Field(default=8888, ge=1024, le=65535)
    packages: tuple[str, ...] = ()


class Ssh(Section):
    """`[ssh]`: who may log in."""

    authorized_keys: tuple[str, ...] = ()


class Profile(Section):
    """The whole of `workstation.toml`."""

    schema_: int = Field(default=LATEST_SCHEMA, alias="schema")
    roles: tuple[str, ...] = ("auto",)
    machine: Machine = Machine()
    environment: tuple[Environment, ...] = ()
    jupyter: Jupyter = Jupyter()
    ssh: Ssh = Ssh()
