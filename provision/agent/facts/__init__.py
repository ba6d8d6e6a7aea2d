"""What the machine is, read from its files: `/proc`, `/sys`, `/run`, `/etc`. No program is run and nothing is written.

Read `docs/facts.md` for where each value comes from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provision.facts.model import Facts


def collect(*, root: str = "/", login: str = "") -> Facts:
    """Return the facts of the machine whose files lie below `root`; what cannot be read takes its documented default.

    `login` is who called, where the caller knows better than `SUDO_USER`. The answers that only the kernel has (free
    space, IPv4 addresses, users of a directory service) and the environment are asked for only where `root` is `/`.
    """
    import os

    from provision.agent.facts import machine
    from provision.agent.facts.tree import Tree

    tree = Tree(root)
    return machine.read(tree, login=login, environment=os.environ if tree.live else {})
