"""What dpkg's status file says, read with as little work as answers need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from provision.agent.host import Deb
from provision.errors import UnreadableError

STATUS = "/var/lib/dpkg/status"
UPDATES = "/var/lib/dpkg/updates"
"""Records a killed dpkg has not merged yet; each replaces the one in the status file."""
_STATUS_WORDS = 3


class Debs(Mapping[str, Deb]):
    """Packages by name: plain for the machine's own architecture and `all`, `name:arch` for foreign ones.

    `name:arch` with the machine's own architecture finds the plain one.
    """

    def __init__(self, debs: Iterable[Deb]) -> None:
        every = list(debs)
        self._native = next((deb.architecture for deb in every if deb.name == "dpkg"), "")
        self._debs: dict[str, Deb] = {}
        for deb in every:
            own = not self._native or deb.architecture in {"", "all", self._native}
            self._debs[deb.name if own else f"{deb.name}:{deb.architecture}"] = deb

    def __getitem__(self, name: str) -> Deb:
        found = self._debs.get(name)
        if found is None:
            plain, _, architecture = name.partition(":")
            if not architecture or architecture != self._native:
                raise KeyError(name)
            return self._debs[plain]
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._debs)

    def __len__(self) -> int:
        return len(self._debs)


def _field(stanza: bytes, name: bytes) -> str:
    """Return a one-line field of a stanza that begins with a newline, or an empty string."""
    at = stanza.find(b"\n" + name + b": ")
    if at < 0:
        return ""
    start = at + len(name) + 3
    end = stanza.find(b"\n", start)
    return (stanza[start:] if end < 0 else stanza[start:end]).decode("utf-8", "replace").strip()


def parse(data: bytes) -> Iterator[Deb]:
    """Yield the packages of a status file; raises `UnreadableError` where a record lacks a name or a status."""
    for block in data.split(b"\n\n"):
        stanza = b"\n" + block.strip(b"\n")
        if stanza == b"\n":
            continue
        name, words = _field(stanza, b"Package"), _field(stanza, b"Status").split()
        if not name or len(words) != _STATUS_WORDS:
            raise UnreadableError(
                f"`{STATUS}` is damaged at `{stanza[1:60].decode('utf-8', 'replace').splitlines()[0]}`",
                hint="`dpkg --audit`; the last good copies are `/var/backups/dpkg.status.*`",
            )
        yield Deb(
            name=name,
            version=_field(stanza, b"Version"),
            status=words[2],
            held=words[0] == "hold",
            architecture=_field(stanza, b"Architecture"),
        )


def debs(status: bytes, updates: Iterable[bytes] = ()) -> Debs:
    """Return all packages: those of `status`, replaced by those of the unmerged `updates` in their order."""
    merged = {(deb.name, deb.architecture): deb for deb in parse(status)}
    for update in updates:
        merged.update({(deb.name, deb.architecture): deb for deb in parse(update)})
    return Debs(merged.values())
