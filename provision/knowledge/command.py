"""A wish as the command that asks for it."""

from __future__ import annotations

import shlex

from provision.knowledge.stack import AUTO, Wish


def command(wish: Wish) -> str:
    """Return the `provision explain` command line that asks for `wish`."""
    words = ["provision", "explain"]
    for pci in wish.gpus or ("none",):
        words += ["--gpu", pci]
    words += ["--os", wish.system]
    if wish.secure_boot is not None:
        words.append("--secure-boot" if wish.secure_boot else "--no-secure-boot")
    for option, value in (("--driver", wish.branch), ("--flavour", wish.flavour), ("--origin", wish.origin)):
        words += [option, value] if value != AUTO else []
    for version in wish.toolkits or ("none",):
        words += ["--cuda", version] if version != AUTO else []
    for framework in wish.frameworks:
        words += ["--framework", framework]
    words += ["--python", wish.python] if wish.python != AUTO else []
    words += [] if wish.desktop else ["--headless"]
    words += ["--architecture", wish.architecture] if wish.architecture != "amd64" else []
    return shlex.join(words)
