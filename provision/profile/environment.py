"""The tables of the profile that are about Python environments; their texts are documentation, as those of `model`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from provision.profile.conda_fields import Channel, ChannelName, ChannelUri, channel_name
from provision.profile.environment_fields import (
    CONDA,
    PYLOCK,
    Framework,
    ImportFile,
    IndexUri,
    Package,
    Pairs,
    file_kind,
    framework_indexes,
)
from provision.profile.fields import EnvironmentName, Folder, PythonVersion, Requirement, mistake
from provision.profile.section import Section

CONDA_FORGE = "conda-forge"
"""The channel that conda environments come from, unless they say otherwise."""


class Environment(Section):
    """`[[environment]]`: a named Python environment with a Jupyter kernel; repeat it for more."""

    name: EnvironmentName
    """How the environment and its kernel are called; needed, and different for each."""

    manager: Literal["uv", "conda"] = "uv"
    """What makes the environment."""

    python: PythonVersion = "auto"
    """`auto` for the machine's own Python, or a version such as `3.12`."""

    frameworks: tuple[Framework, ...] = ()
    """`torch`, `tensorflow`, `jax`, `fastai`, or with a release `jax==0.11`: the builds that fit the machine's cards."""

    packages: tuple[Package, ...] = ()
    """By name, never a file or URL: as pip reads them (PEP 508, `pandas>=3`), or conda (MatchSpecs, `pandas=3.1`)."""

    pip: tuple[Requirement, ...] = ()
    """Of a conda environment: what pip's index brings besides, as pip reads it (PEP 508)."""

    constraints: tuple[Requirement, ...] = ()
    """Limits on what pip's index brings along, such as `numpy<3`; they install nothing themselves."""

    channels: tuple[Channel, ...] = (CONDA_FORGE,)
    """Of a conda environment: names or addresses of channels, the first one first; never Anaconda's own."""

    file: ImportFile = ""
    """An `environment.yml`, `requirements.txt` or `pylock.toml` to take packages from: beside the profile, or absolute."""

    path: Folder = ""
    """Where it lives: absolute or `~/…`; empty: `~/envs/NAME`."""

    @field_validator("name")
    @classmethod
    def _not_condas(cls, name: str) -> str:
        if name == "base":
            raise mistake("is what conda calls its own environment", "give this one another name")
        return name

    @field_validator("frameworks")
    @classmethod
    def _once(cls, frameworks: tuple[str, ...]) -> tuple[str, ...]:
        names = [framework.partition("==")[0] for framework in frameworks]
        for index, name in enumerate(names):
            if name in names[:index]:
                raise mistake("is asked for twice", "once is enough", at=(index,))
        return frameworks

    @field_validator("pip")
    @classmethod
    def _with_conda(cls, pip: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if pip and info.data.get("manager") == "uv":
            raise mistake("is for conda environments", 'write it in `packages`, or `manager = "conda"` before it')
        return pip

    @field_validator("channels")
    @classmethod
    def _of_conda(cls, channels: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if info.data.get("manager") == "uv":
            raise mistake("is for conda environments", 'leave it out, or write `manager = "conda"` before it')
        if not channels:
            raise mistake("must not be empty", f'leave the line out for `["{CONDA_FORGE}"]`')
        names = [channel_name(channel) for channel in channels]
        for index, name in enumerate(names):
            if name in names[:index]:
                raise mistake("is called as another channel is", "once is enough", at=(index,))
        return channels

    @field_validator("file")
    @classmethod
    def _of_its_manager(cls, file: str, info: ValidationInfo) -> str:
        kind, manager = file_kind(file), info.data.get("manager")
        if kind == CONDA and manager == "uv":
            raise mistake("is for conda environments", 'write `manager = "conda"` too')
        if kind == PYLOCK and manager == "conda":
            raise mistake("is a lock for environments without conda", 'write `manager = "uv"`, or leave the line out')
        if kind == PYLOCK and any(info.data.get(field) for field in ("frameworks", "packages", "constraints")):
            raise mistake("says all that the environment holds", "leave out `frameworks`, `packages` and `constraints`")
        return file

    @model_validator(mode="after")
    def _from_its_channels(self) -> Environment:
        index = -1 if self.file else self.without_channel()
        if index >= 0:
            raise mistake("is from a channel that `channels` does not name", "add it to the list", at=("packages", index))
        return self

    def without_channel(self) -> int:
        """Return the index of the first package that names a channel (`nvidia::cuda`) besides those there are; -1 for none."""
        names = {channel_name(channel) for channel in self.channels}
        own = [package.rpartition("::")[0] for package in self.packages]
        return next((index for index, channel in enumerate(own) if channel and channel not in names), -1)


class Conda(Section):
    """`[conda]`: where conda environments come from, and `conda` itself."""

    mirrors: Annotated[dict[ChannelName, ChannelUri], AfterValidator(Pairs)] = Field(
        default_factory=Pairs, json_schema_extra={"default": {}, "additionalProperties": False}
    )
    """Where channels are fetched from, by name: `{ conda-forge = "http://mirror.lab/conda/conda-forge" }`."""

    base: bool = True
    """Whether `conda` and `mamba` are in `/opt/conda`, for everybody, where there is a conda environment."""


class Pip(Section):
    """`[pip]`: where the frameworks' own package indexes are fetched from; the ordinary index is the machine's own setting."""

    mirrors: Annotated[dict[IndexUri, IndexUri], AfterValidator(Pairs)] = Field(
        default_factory=Pairs, json_schema_extra={"default": {}, "additionalProperties": False}
    )
    """What the beginning of an index's address is replaced by: `{ "https://…/whl" = "http://mirror.lab/whl" }`."""

    @field_validator("mirrors")
    @classmethod
    def _of_indexes(cls, mirrors: dict[str, str]) -> dict[str, str]:
        known = framework_indexes() if mirrors else ()
        for before in mirrors:
            if not any(f"{index}/".startswith(f"{before}/") for index in known):
                begin = sorted({index.rpartition("/")[0] for index in known})
                raise mistake("holds what no framework's index begins with", f"known: {', '.join(f'`{one}`' for one in begin)}")
        return mirrors
