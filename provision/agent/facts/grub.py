"""What GRUB boots next, read from its menu, its environment block and `/boot`; never written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from provision.agent.facts.assignments import assignments
from provision.agent.facts.tree import Tree
from provision.agent.facts.version_order import version_key

_LEFT_OVERS = (".old", ".bak", ".dpkg-new", ".dpkg-old", ".dpkg-dist", ".dpkg-tmp", ".efi.signed", "~")


@dataclass
class Entry:
    """An entry of the menu; a submenu has `entries`, one that boots Linux a `kernel` (its release)."""

    title: str
    id: str
    kernel: str = ""
    entries: list[Entry] = field(default_factory=list)


def next_kernel(tree: Tree) -> str:
    """Return the release GRUB boots next; empty when `/boot` holds no kernel.

    The chosen entry counts only when its kernel lies in `/boot`: an entry that starts Windows, or a system on another
    disk, says nothing of the Linux here, for which the newest kernel is then taken, as GRUB's own menu would have it.
    """
    kernels = installed(tree)
    if not kernels:
        return ""
    menu, default = parse(tree.text("/boot/grub/grub.cfg"))
    environment = assignments(tree.text("/boot/grub/grubenv"))
    if not default:
        default = assignments(tree.text("/etc/default/grub")).get("GRUB_DEFAULT", "0")
    if default in ("saved", "${saved_entry}"):
        default = environment.get("saved_entry", "0")
    wanted = environment.get("next_entry") or default
    if menu:
        chosen = find(menu, wanted)
        return chosen if chosen in kernels else kernels[-1]
    named = [release for release in kernels if release in wanted]
    return max(named, key=len) if named else kernels[-1]


def installed(tree: Tree) -> list[str]:
    """Return the releases of the kernels in `/boot`, oldest first."""
    names = (name.partition("-") for name in tree.names("/boot"))
    releases = {rest for stem, _, rest in names if stem in ("vmlinuz", "vmlinux") and rest and not rest.endswith(_LEFT_OVERS)}
    return sorted(releases, key=version_key)


def find(menu: list[Entry], wanted: str) -> str:
    """Return the kernel of the entry `wanted` names, by number, id or title, with `>` into submenus; else the first one's."""
    here = menu
    entry = None
    for word in _path(wanted):
        entry = _match(here, word)
        if entry is None:
            entry = menu[0]
            break
        here = entry.entries
    while entry is not None and entry.entries:
        entry = entry.entries[0]
    return entry.kernel if entry else ""


def _path(wanted: str) -> Iterator[str]:
    """Split at single `>`; a doubled one is a `>` in a title."""
    for word in wanted.replace(">>", "\0").split(">"):
        yield word.replace("\0", ">")


def _match(entries: list[Entry], word: str) -> Entry | None:
    if word.isascii() and word.isdigit():
        at = int(word[:9])
        return entries[at] if at < len(entries) else None
    return next((entry for entry in entries if word and word in (entry.id, entry.title)), None)


def parse(text: str) -> tuple[list[Entry], str]:
    """Return the menu of a grub.cfg, and its default: a number, an id, a title or `${saved_entry}`."""
    top = Entry(title="", id="")
    stack = [top]
    default = ""
    for raw in text.split("\n"):
        line = raw.strip()
        word, _, rest = line.replace("\t", " ").partition(" ")
        if word in ("menuentry", "submenu"):
            entry = _entry(rest)
            stack[-1].entries.append(entry)
            stack.append(entry)
        elif line == "}":
            if len(stack) > 1:
                stack.pop()
        elif line.endswith("{"):
            stack.append(Entry(title="", id=""))
        elif word in ("linux", "linuxefi", "linux16") and not stack[-1].kernel:
            image = (rest.split() or [""])[0].rpartition("/")[2]
            stack[-1].kernel = image.partition("-")[2]
        elif line.startswith("set default=") and "next_entry" not in line:
            default = line.removeprefix("set default=").strip("\"'")
    return top.entries, default


def _entry(rest: str) -> Entry:
    words = _words(rest)
    title = next(words, "")
    before = ""
    for word in words:
        if before in ("$menuentry_id_option", "--id"):
            return Entry(title=title, id=word)
        before = word
    return Entry(title=title, id="")


def _words(text: str) -> Iterator[str]:
    r"""Yield the words of a GRUB command, whole or quoted; GRUB writes a quote inside quotes as `'\\''`."""
    word = ""
    quote = ""
    started = False
    characters = iter(text)
    for character in characters:
        if quote:
            if character == quote:
                quote = ""
            else:
                word += character
        elif character in "'\"":
            quote, started = character, True
        elif character == "\\":
            word += next(characters, "")
        elif character.isspace():
            if word or started:
                yield word
            word, started = "", False
        else:
            word += character
    if word or started:
        yield word
