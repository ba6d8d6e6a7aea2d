"""`provision rehearse`: the same profile in a throwaway box first."""

from __future__ import annotations

from typing import Annotated

import typer

from provision.cli import options as o

Release = Annotated[
    str,
    typer.Option("--release", metavar="NAME", help="The box's distribution, such as `debian-13`.", show_default="this machine's"),
]
Keep = Annotated[bool, typer.Option("--keep", help="Leave the box, and say how to enter it.")]


def rehearse(
    roles: o.Roles = None,
    profile: o.Profile = None,
    skip: o.Skip = None,
    role_path: o.RolePaths = None,
    release: Release = "",
    keep: Keep = False,
    as_json: o.Json = False,
) -> None:
    """Apply the profile to a throwaway box, verify it there, apply again, and remove the box."""
    from provision.box.rehearse import rehearse as rehearse_in_box

    with o.shown(as_json=as_json, yes=True) as ui:
        code = rehearse_in_box(o.request(profile, roles, skip, role_path), ui, release=release, keep=keep)
        ui.end(code)
    o.end(code)
