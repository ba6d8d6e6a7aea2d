"""The initramfs of each installed kernel, made anew by the machine's own program."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from provision.agent import ctimes
from provision.agent.ctimes import Ctimes
from provision.agent.facts import grub
from provision.agent.files import Files
from provision.agent.host import Reader
from provision.agent.provider import Pending
from provision.agent.steps import Remember, Run, Step
from provision.errors import ProvisionError
from provision.plan.model import Change, Diff, Status, differs, same
from provision.resources.initramfs import Initramfs

DRACUT, TOOLS = "dracut", "update-initramfs"
_SETTINGS = "/etc/initramfs-tools/update-initramfs.conf"
_SECONDS = 20


@dataclass(frozen=True, kw_only=True)
class Image:
    """The initramfs of `release`: when it was made, and which changes it is remembered to hold."""

    release: str
    ctime_ns: int
    holds: Ctimes = ()


@dataclass(frozen=True, kw_only=True)
class Observed:
    """When the files changed, and the images.

    `maker` is what makes them (empty: nothing here does), `refuses` the file that forbids it.
    """

    ctimes: Ctimes
    kernels: tuple[str, ...]
    images: tuple[Image, ...] = ()
    maker: str = ""
    refuses: str = ""
    now_ns: int = 0

    def stale(self, image: Image) -> tuple[str, ...]:
        """Return the files that changed after `image` was made."""
        newer = ctimes.since(self.ctimes, image.ctime_ns)
        return tuple(path for path, ctime in self.ctimes if path in newer and (path, ctime) not in image.holds)


class InitramfsImages:
    """A kernel without an initramfs was built to do without: none is made for it."""

    def observe(self, want: Initramfs, host: Reader) -> Observed:
        files = Files(host)
        kernels = tuple(grub.installed(files))
        stats = ((release, host.lstat(_path(release))) for release in kernels)
        return Observed(
            ctimes=ctimes.observe(want.after, host),
            kernels=kernels,
            images=tuple(
                Image(release=release, ctime_ns=stat.ctime_ns, holds=_held(host.recall(f"initramfs-{release}")))
                for release, stat in stats
                if stat is not None
            ),
            maker=_maker(host),
            refuses=_SETTINGS if files.setting(_SETTINGS, "update_initramfs") == "no" else "",
            now_ns=host.now_ns(),
        )

    def diff(self, want: Initramfs, have: Observed, pending: Pending) -> Diff:
        if not have.images:
            return same("no kernel here has an initramfs" if have.kernels else "no kernel is installed here")
        if not have.maker:
            return same("nothing here makes an initramfs: neither initramfs-tools nor dracut")
        coming = ctimes.will_change(want.after, pending)
        changes = []
        for image in have.images:
            paths = tuple(dict.fromkeys((*have.stale(image), *coming)))
            if paths:
                changes.append(Change(field=image.release, before=f"older than {', '.join(paths)}", after="made anew"))
        perhaps = ctimes.may_change(want.after, pending)
        if (changes or perhaps) and have.refuses:
            raise _refused(have.refuses)
        if changes:
            return differs(*changes, seconds=_SECONDS * len(changes))
        if perhaps:
            return Diff(status=Status.KNOWN_AFTER_APPLY, why=f"made anew if {', '.join(perhaps)} changes")
        return same("newer than what is copied into it")

    def steps(self, want: Initramfs, have: Observed) -> Iterator[Step]:  # noqa: ARG002 - the contract's
        for image in have.images if have.maker else ():
            if not have.stale(image):
                continue
            argv = (DRACUT, "--force", _path(image.release), image.release)
            if have.maker == TOOLS:
                argv = (TOOLS, "-u", "-k", image.release)
            yield Run(argv=argv, says=f"making the initramfs of {image.release}", timeout=1800)
            # What was written by a clock that ran ahead is newer than any image for as long as that lasts.
            ahead = {path: ctime for path, ctime in have.ctimes if ctime > have.now_ns}
            if ahead:
                yield Remember(name=f"initramfs-{image.release}", value=json.dumps(ahead))


def _path(release: str) -> str:
    return f"/boot/initrd.img-{release}"


def _maker(host: Reader) -> str:
    """Return what makes this machine's images: since Ubuntu 25.10 dracut does, with initramfs-tools still beside it."""
    deb = host.debs().get(DRACUT)
    if deb is not None and deb.status == "installed":
        return DRACUT
    return TOOLS if host.lstat(f"/usr/sbin/{TOOLS}") is not None else ""


def _held(value: str | None) -> Ctimes:
    try:
        return tuple((str(path), int(ctime)) for path, ctime in json.loads(value or "{}").items())
    except (ValueError, TypeError, AttributeError):
        return ()  # state that was damaged: the ctimes decide alone


def _refused(path: str) -> ProvisionError:
    return ProvisionError(
        f"`{path}` says `update_initramfs=no`: what the kernels boot from would stay as it is",
        hint=f"set it to `yes` in `{path}`, then apply again",
    )


provider = InitramfsImages()
