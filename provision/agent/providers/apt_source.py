"""An apt repository: its key, its deb822 text, and an index fetched since either changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from provision.agent import apt, openpgp, sources_list, textfile
from provision.agent.host import Reader
from provision.agent.provider import NOTHING_PENDING, Pending
from provision.agent.sources_list import Origin
from provision.agent.steps import FetchKey, Remember, Step
from provision.agent.textfile import TextFile
from provision.errors import ProvisionError
from provision.plan.model import Change, Diff, differs, same
from provision.resources.apt_source import AptSource


@dataclass(frozen=True, kw_only=True)
class Observed:
    """The two files; the digest of what was last fetched; the other files' repositories in the same places."""

    source: TextFile
    key: TextFile
    fetched: str
    rivals: tuple[Origin, ...]
    now_ns: int


def render(want: AptSource) -> bytes | None:
    """Return the deb822 text, `None` for none."""
    if want.absent:
        return None
    fields = {
        "Types": want.types,
        "URIs": want.uris,
        "Suites": want.suites,
        "Components": want.components,
        "Architectures": want.architectures,
        "Signed-By": (want.keyring,),
    }
    return "".join(f"{name}: {' '.join(values)}\n" for name, values in fields.items() if values).encode()


def key(want: AptSource) -> bytes | None:
    """Return the text of the key file, `None` for none or one that is fetched."""
    return None if want.absent or not want.key_text else f"{want.key_text.strip()}\n".encode()


def digest(want: AptSource) -> str:
    """Return what is remembered once the index of exactly this source was fetched; empty for an absent one."""
    own = key(want) or (want.fingerprint.encode() if want.key_url else b"")
    return "" if want.absent else hashlib.sha256((render(want) or b"") + b"\0" + own).hexdigest()


class AptSources:
    """A source whose index was not fetched since it changed is not ok, however right its file is."""

    def observe(self, want: AptSource, host: Reader) -> Observed:
        places = [(uri, suite) for uri in want.uris for suite in want.suites]
        origins = () if want.absent else sources_list.origins(host)
        return Observed(
            source=textfile.observe(want.path, host),
            key=textfile.observe(want.keyring, host),
            fetched=host.recall(f"apt-source-{want.name}") or "",
            rivals=tuple(each for each in origins if each.file != want.path and any(each.same_place(*at) for at in places)),
            now_ns=host.now_ns(),
        )

    def diff(self, want: AptSource, have: Observed, pending: Pending) -> Diff:
        if not want.absent:
            _check_key(want, have, pending)
            _check_rivals(want, have, pending)
        changes = _changes(want, have)
        if not changes:
            return same(f"{want.path} is absent" if want.absent else f"{want.path} says so, and its index was fetched since")
        if want.absent:
            return differs(*changes, text=textfile.text(have.source, None))
        return differs(*changes, text=textfile.text(have.source, render(want)), seconds=10)

    def steps(self, want: AptSource, have: Observed) -> Iterator[Step]:
        yield from self.batch_steps([(want, have)])

    def batch_steps(self, pairs: Sequence[tuple[AptSource, Observed]]) -> Iterator[Step]:
        todo = [(want, have) for want, have in pairs if _changes(want, have)]
        for want, have in todo:
            yield from _key_steps(want, have)
            yield from textfile.steps(have.source, render(want))
        if any(not want.absent for want, _ in todo):
            yield from apt.update(todo[0][1].now_ns)
        for want, _ in todo:
            yield Remember(name=f"apt-source-{want.name}", value=digest(want))


def _changes(want: AptSource, have: Observed) -> tuple[Change, ...]:
    found = [Change(field=f"key {each.field}", before=each.before, after=each.after) for each in _key_changes(want, have)]
    found += textfile.changes(have.source, render(want))
    if have.fetched != digest(want) and not (want.absent and not found):
        found.append(
            Change(field="index", before="not fetched since the source changed", after="forgotten" if want.absent else "fetched")
        )
    return tuple(found)


def _key_changes(want: AptSource, have: Observed) -> tuple[Change, ...]:
    if want.signed_by:
        return ()
    if not _fetches(want, have):
        return textfile.changes(have.key, have.key.content if want.key_url and not want.absent else key(want))
    textfile.changes(have.key, b"")  # raises where the file can never be
    place = have.key.place
    before = _fingerprint(have.key.content) or ("no key" if place.kind == "file" else place.says)
    return (*place.parent_changes(NOTHING_PENDING), Change(field="fingerprint", before=before, after=want.fingerprint))


def _key_steps(want: AptSource, have: Observed) -> Iterator[Step]:
    if _fetches(want, have):
        yield from have.key.place.parents()
        yield FetchKey(url=want.key_url, path=want.keyring, fingerprint=want.fingerprint)
    elif not want.signed_by:
        yield from textfile.steps(have.key, have.key.content if want.key_url and not want.absent else key(want))


def _fetches(want: AptSource, have: Observed) -> bool:
    """Return whether the key is to be fetched. One that is there and was renewed since is the same key still."""
    return bool(want.key_url) and not want.absent and _fingerprint(have.key.content) != want.fingerprint


def _fingerprint(content: bytes | None) -> str:
    """Return the fingerprint of the key in a file, empty where there is no one key in it."""
    try:
        return openpgp.fingerprint((content or b"").decode("utf-8", "replace"))
    except ProvisionError:
        return ""


def _check_key(want: AptSource, have: Observed, pending: Pending) -> None:
    if want.key_text:
        found = openpgp.fingerprint(want.key_text)
        if found != want.fingerprint:
            raise ProvisionError(
                f"the key of apt source `{want.name}` has the fingerprint {found}, {want.fingerprint} is expected",
                hint="do not use it; get the key from where the fingerprint was published",
            )
    elif want.signed_by and not have.key.there and not pending.has(f"path:{want.keyring}") and not pending.kind("packages"):
        raise ProvisionError(f"the keyring `{want.keyring}` of apt source `{want.name}` is not there")


def _check_rivals(want: AptSource, have: Observed, pending: Pending) -> None:
    for rival in have.rivals:
        # apt lets a repository without a key take over the one it already knows for the place, but not the other way round.
        overrides = rival.signed_by or rival.file > want.path
        if rival.signed_by != want.keyring and overrides and not pending.has(f"path:{rival.file}"):
            signed = f"signed by {rival.signed_by}" if rival.signed_by else "without a key"
            raise ProvisionError(
                f"`{rival.file}` names {rival.uri} {rival.suite} too, {signed}: apt refuses two values of Signed-By",
                hint=f"remove `{rival.file}`, or its entry for {rival.uri}",
            )


provider = AptSources()
