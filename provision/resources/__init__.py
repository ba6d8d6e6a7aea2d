"""The nouns a role may yield: `from provision.resources import File, Packages`.

Each is imported on first use, so the agent loads only the kinds a catalog holds.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from provision.resources.alternative import Alternative
    from provision.resources.apt_components import AptComponents
    from provision.resources.apt_pin import AptPin
    from provision.resources.apt_source import AptSource
    from provision.resources.authorized_keys import AuthorizedKeys
    from provision.resources.base import Blob, Resource, Secret
    from provision.resources.command import Command
    from provision.resources.conda_environment import CondaEnvironment
    from provision.resources.directory import Directory
    from provision.resources.download import Download
    from provision.resources.driver_module import DriverModule
    from provision.resources.file import File
    from provision.resources.generated_secret import GeneratedSecret
    from provision.resources.group import Group
    from provision.resources.hostname import Hostname
    from provision.resources.initramfs import Initramfs
    from provision.resources.line import Line
    from provision.resources.link import Link
    from provision.resources.locale import Locale
    from provision.resources.packages import Packages
    from provision.resources.rattler import Rattler
    from provision.resources.reboot import Reboot
    from provision.resources.service import Service
    from provision.resources.sysctl import Sysctl
    from provision.resources.timezone import Timezone
    from provision.resources.unit import Unit
    from provision.resources.user import User
    from provision.resources.uv import Uv
    from provision.resources.uv_environment import UvEnvironment

_BASE = ("Blob", "Resource", "Secret")

__all__ = [
    "Alternative",
    "AptComponents",
    "AptPin",
    "AptSource",
    "AuthorizedKeys",
    "Blob",
    "Command",
    "CondaEnvironment",
    "Directory",
    "Download",
    "DriverModule",
    "File",
    "GeneratedSecret",
    "Group",
    "Hostname",
    "Initramfs",
    "Line",
    "Link",
    "Locale",
    "Packages",
    "Rattler",
    "Reboot",
    "Resource",
    "Secret",
    "Service",
    "Sysctl",
    "Timezone",
    "Unit",
    "User",
    "Uv",
    "UvEnvironment",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562
    if name not in __all__:
        raise AttributeError(name)
    snake = "".join(f"_{char.lower()}" if char.isupper() else char for char in name).lstrip("_")
    return getattr(importlib.import_module(f"provision.resources.{'base' if name in _BASE else snake}"), name)
