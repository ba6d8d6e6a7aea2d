"""A profile tried in a throwaway box before it is let near a real machine."""

from __future__ import annotations

from collections.abc import Callable

from provision.box.box import Box
from provision.box.signals import ending_raises
from provision.errors import Exit
from provision.profile.model import Profile
from provision.run.connect import Sudo
from provision.run.drive import Drive
from provision.run.recipe import read_recipe
from provision.run.request import Request
from provision.run.ui import Ui
from provision.transports.ssh import Ssh


def rehearse(request: Request, ui: Ui, *, release: str = "", keep: bool = False) -> Exit:
    """Apply what `request` asks for to a fresh box over SSH, verify it, apply again; the box is gone afterwards unless `keep`.

    `release` is the box's distribution (empty: this machine's). Nothing is written beside the profile. Raises
    `ProvisionError` where no box can be made, `InputError` for a profile that cannot be used.
    """
    recipe = read_recipe(request)  # mistakes are found before a box is made
    name = release or "host"
    ui.connecting("box", f"booting a box of {name}")
    with ending_raises(), Box(name, keep=keep, say=lambda doing: ui.connecting("box", doing)) as box:
        add_users(box, recipe.loaded.profile)

        def drive() -> Drive:
            return Drive([Ssh(box.name, ssh_config=box.ssh_config)], {}, request, Sudo(), ui, keeps_locks=False)

        verbs: tuple[Callable[[], Exit], ...] = (lambda: drive().apply(), lambda: drive().verify(), lambda: drive().apply())
        code = next((found for found in (verb() for verb in verbs) if found is not Exit.DONE), Exit.DONE)
        if keep:
            ui.note(box.name, f"kept: `ssh -F {box.ssh_config} {box.name}` enters it")
    return code


def add_users(box: Box, profile: Profile) -> None:
    """Make the users the profile names, as they are on the machine it is meant for."""
    for user in dict.fromkeys((profile.machine.user, profile.jupyter.user)):
        if user and box.execute(["id", "--user", user]).returncode != 0:
            box.succeed(["useradd", "--create-home", "--shell", "/bin/bash", "--", user])
