"""modprobe's configuration (modprobe.d(5)), as far as it keeps a module from being loaded."""

from __future__ import annotations

from collections.abc import Iterator

from provision.agent.facts.links import resolve
from provision.agent.facts.tree import Tree

_FOLDERS = ("/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d")
"""A file in an earlier one replaces those of its name in later ones."""
_NOTHING = ("true", "false", ":")
_WORDS = 3


def blocked(tree: Tree, module: str) -> bool:
    """Return whether `module` is kept from being loaded: by `blacklist`, or by an `install` that does nothing."""
    return any(_blocks(line.split(), module) for line in lines(tree)) or _on_command_line(tree, module)


def lines(tree: Tree) -> Iterator[str]:
    """Yield the lines of modprobe's configuration, in the order in which it reads them."""
    paths: dict[str, str] = {}
    for folder in _FOLDERS:
        for name in tree.names(folder):
            if name.endswith(".conf"):
                paths.setdefault(name, f"{folder}/{name}")
    for name in sorted(paths):
        yield from tree.text(resolve(tree, paths[name])).replace("\\\n", " ").split("\n")


def _blocks(words: list[str], module: str) -> bool:
    if len(words) < 2 or words[1].replace("-", "_") != module:  # noqa: PLR2004 - a directive and a module
        return False
    command = words[2].rpartition("/")[2] if len(words) >= _WORDS else ""
    return words[0] == "blacklist" or (words[0] == "install" and command in _NOTHING)


def _on_command_line(tree: Tree, module: str) -> bool:
    for word in tree.line("/proc/cmdline").split():
        name, _, value = word.partition("=")
        if name in ("modprobe.blacklist", "module_blacklist") and module in value.replace("-", "_").split(","):
            return True
    return False
