"""What pip is configured with: its files, the environment, `/etc/environment`; never a URL that carries a credential."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from provision.agent.facts.assignments import assignments
from provision.agent.facts.tree import Tree
from provision.facts.model import Person, PipSettings

_MACHINE = ("/etc/xdg/pip/pip.conf", "/etc/pip.conf")
_HOME = (".pip/pip.conf", ".config/pip/pip.conf")
_SECTIONS = ("global", "install")
_WHEEL = re.compile(r"(?:torch|torchvision|torchaudio|tensorflow|jax|jaxlib)-[A-Za-z0-9.+_-]+\.whl")
"""A build of a framework: whoever keeps one beside the index means it to be used."""
_WHEELS = 200


def pip_settings(tree: Tree, person: Person | None, environment: Mapping[str, str]) -> PipSettings:
    """Return the settings as pip weighs them: machine, then home, then environment; `[install]` over `[global]`."""
    texts = [tree.text(path) for path in _MACHINE]
    if person is not None and person.home.startswith("/"):
        trusted = person.uid == 0 or os.geteuid() == person.uid
        texts += [tree.home_text(person.home, path, trusted=trusted) for path in _HOME]
    sections: dict[str, dict[str, str]] = {}
    for text in texts:
        for section, values in parse(text).items():
            sections.setdefault(section, {}).update(values)
    outside = {**assignments(tree.text("/etc/environment")), **environment}
    settings = {name: value for section in _SECTIONS for name, value in sections.get(section, {}).items()}
    settings.update({_option(name[4:]): value for name, value in outside.items() if name.startswith("PIP_") and value})
    index = _places(settings.get("index-url", ""))[:1]
    links = _places(settings.get("find-links", ""))
    return PipSettings(
        index_url=index[0] if index else "",
        extra_index_urls=_places(settings.get("extra-index-url", "")),
        find_links=links,
        certificates=_path(settings.get("cert", "")) or _path(outside.get("SSL_CERT_FILE", "")),
        wheels=_wheels(tree, links),
    )


def _wheels(tree: Tree, links: tuple[str, ...]) -> tuple[str, ...]:
    folders = (link.removeprefix("file://") for link in links)
    names = {name for folder in folders if folder.startswith("/") for name in tree.names(folder) if _WHEEL.fullmatch(name)}
    return tuple(sorted(names)[:_WHEELS])


def parse(text: str) -> dict[str, dict[str, str]]:
    """Return the sections of a pip.conf, with options spelt `index-url`; what configparser would reject is passed over."""
    sections: dict[str, dict[str, str]] = {}
    values: dict[str, str] = {}
    option = ""
    for line in text.split("\n"):
        word = line.strip()
        if not word or word[0] in "#;":
            continue
        if line[0].isspace() and option:
            values[option] += "\n" + word
        elif word[0] == "[":
            values, option = sections.setdefault(word[1:].partition("]")[0], {}), ""
        else:
            cut = min((at for at in (word.find("="), word.find(":")) if at >= 0), default=-1)
            option = _option(word[:cut].strip()) if cut > 0 else ""
            if option:
                values[option] = word[cut + 1 :].strip()
    return sections


def _option(name: str) -> str:
    """Return an option as pip's own normalisation has it."""
    return name.lower().replace("_", "-").removeprefix("--")


def _places(value: str) -> tuple[str, ...]:
    """Return the URLs and paths in `value` that carry neither a credential nor a query, where one might be."""
    return tuple(place for place in value.split() if not set("@?#") & set(place) and place.isprintable())


def _path(value: str) -> str:
    return value if value.startswith("/") and value.isprintable() and "@" not in value else ""
