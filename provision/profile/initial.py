"""The first `workstation.toml`, made for the machine that was looked at."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import get_args

from pydantic_core import PydanticCustomError

from provision.errors import InputError, ProvisionError
from provision.facts.model import Facts
from provision.profile import fields
from provision.profile.document import file_name

_GIB = 1 << 30
_FIRST_UID = 1000


def _fits(kind: object, text: str) -> bool:
    rules: tuple[fields.Rule, ...] = get_args(kind)[1:]
    try:
        return bool(text) and all(rule.check(text) for rule in rules)
    except PydanticCustomError:
        return False


def _line(key: str, value: str, kind: object, why: str, example: str) -> str:
    """Return the line of `key`, as a comment with an `example` when the machine's own value would not be accepted."""
    fits = _fits(kind, value)
    assignment = f"{key} = {json.dumps(value if fits else example)}"
    return f"{assignment if fits else '# ' + assignment:<34}# {why}"


def _plain(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)


def _user(facts: Facts) -> str:
    """Return the ordinary user to propose: who called, else the first there is, else nobody."""
    people = [
        person.name for person in facts.people if person.uid >= _FIRST_UID and not person.shell.endswith(("nologin", "false"))
    ]
    return next((name for name in (facts.login, *people) if _fits(fields.OrdinaryUser, name)), "")


_GPU = """
[nvidia]                          # `provision explain` says what `auto` comes to, and why
branch = "auto"                   # or a branch of the driver, such as "580"
flavour = "auto"                  # or "open", "proprietary": the kernel modules
origin = "auto"                   # or "ubuntu", "debian", "nvidia": whose packages

[cuda]
toolkits = ["auto"]               # or lines side by side, such as ["12.8", "13.2"]; [] for none
"""


def initial_profile(facts: Facts) -> str:
    """Return the text of a commented profile for the machine of `facts`; it loads, whatever the facts hold."""
    gpus = ", ".join(gpu.name or gpu.pci for gpu in facts.nvidia_gpus) or "no NVIDIA GPU"
    about = f"{facts.system.name} · {facts.cpu.model} · {facts.memory / _GIB:.0f} GiB · {gpus}"
    name = "torch" if facts.nvidia_gpus else "lab"
    packages = ["pandas", "matplotlib"] if facts.nvidia_gpus else ["numpy", "pandas", "matplotlib"]
    frameworks = f'{"" if facts.nvidia_gpus else "# "}frameworks = ["torch"]'
    return f"""\
# What this machine should be. Every line may go: each field has a default.
# `provision plan` shows what would change, `provision apply` does it.
# Made for: {_plain(about)}

schema = 1
roles = ["auto"]                  # or names, such as ["base", "ssh"]; `provision roles` lists them

[machine]
{_line("hostname", facts.hostname, fields.Host, "as it is called now", "prometheus")}
{_line("timezone", facts.timezone, fields.Zone, "`timedatectl list-timezones` lists them", "Europe/Paris")}
{_line("locale", facts.locale, fields.LocaleName, "the default language and formats", "en_US.UTF-8")}
{_line("user", _user(facts), fields.OrdinaryUser, "whose environments and Jupyter these are", "me")}

[base]
packages = []                     # of the distribution, such as ["tmux", "htop"]
unattended_upgrades = true        # security updates install themselves
{_GPU if facts.nvidia_gpus else ""}
[[environment]]                   # repeat this table for more environments
name = "{name}"
python = "auto"                   # or a version, such as "3.12"
{frameworks:<34}# or "tensorflow", "jax", "fastai": the builds that fit the card
packages = {json.dumps(packages)}
# manager = "conda"               # packages of conda-forge then, `conda` in /opt/conda
# file = "environment.yml"        # of conda; or a "requirements.txt", a "pylock.toml": what is in it, too
# path = "~/envs/{name}"

[jupyter]
port = 8888                       # on 127.0.0.1 only; reach it through an SSH tunnel
packages = []                     # extensions of JupyterLab

[ssh]
authorized_keys = [
  # "ssh-ed25519 AAAA… me@laptop",  # the line in ~/.ssh/id_ed25519.pub of the machine you come from
]
"""


def write_initial(path: Path, text: str) -> None:
    """Write `text` to the new file `path`; raises `InputError` when it exists, `ProvisionError` when it cannot be written."""
    name = file_name(path)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    except FileExistsError:
        raise InputError(f"{name}: exists, and is never overwritten", hint="`provision plan` shows what it does") from None
    except OSError as error:
        raise ProvisionError(f"{name}: {(error.strerror or 'cannot be written').lower()}") from error
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink()
        raise ProvisionError(f"{name}: {(error.strerror or 'cannot be written').lower()}") from error
