"""Read where pip fetches from on this machine, so that uv and the boxes fetch from the same places.

Also a program: prints `export UV_…` lines for a shell. Started by `bootstrap` with the system's Python before anything is
installed, so the standard library only and no imports of our own.
"""

from __future__ import annotations

import configparser
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True, kw_only=True)
class PipSettings:
    """What pip is configured with: places to fetch from, a bundle of certificates, and the rest a box needs as well."""

    index_url: str = ""
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    cert: str = ""
    others: tuple[tuple[str, str], ...] = ()
    """`trusted-host`, `timeout`, `proxy`, `retries`."""

    def conf(self, *, cert: str = "") -> str:
        """Return the text of a pip.conf with these settings (`cert` in place of ours); empty when nothing is set."""
        values = {
            "index-url": self.index_url,
            "extra-index-url": "\n    ".join(self.extra_index_urls),
            "find-links": "\n    ".join(self.find_links),
            "cert": cert or self.cert,
            **dict(self.others),
        }
        lines = [f"{key} = {value}" for key, value in values.items() if value]
        return "\n".join(["[global]", *lines, ""]) if lines else ""

    def directories(self) -> tuple[Path, ...]:
        """Return the local directories these settings point into; of an index (`…/simple`) the folder its files are beside."""
        found = []
        for place in (self.index_url, *self.extra_index_urls, *self.find_links):
            path = Path(unquote(urlsplit(place).path)) if place.startswith("file://") else Path(place)
            if not path.is_absolute() or not path.is_dir():
                continue
            own = path.parent if path.name == "simple" and len(path.parts) > 2 else path  # noqa: PLR2004 - never `/` itself
            if own not in found:
                found.append(own)
        return tuple(found)

    def for_uv(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Return the variables that make uv fetch as pip does; what `environment` already tells uv stays as it is."""
        wanted = {
            "UV_DEFAULT_INDEX": self.index_url,
            "UV_INDEX": " ".join(self.extra_index_urls),
            "UV_FIND_LINKS": ",".join(self.find_links),
            "SSL_CERT_FILE": self.cert,
            # pip looks at all indexes for the best version; uv by default only at the first that knows the name.
            "UV_INDEX_STRATEGY": "unsafe-best-match" if self.extra_index_urls else "",
        }
        return {name: value for name, value in wanted.items() if value and not environment.get(name)}


def files(environment: Mapping[str, str], home: Path) -> tuple[Path, ...]:
    """Return pip's configuration files, those that win last."""
    named = environment.get("PIP_CONFIG_FILE", "")
    if named == os.devnull:
        return ()
    config = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    shared = [Path("/etc/xdg/pip/pip.conf"), Path("/etc/pip.conf")]
    own = [home / ".pip/pip.conf", config / "pip/pip.conf"]
    return (*shared, *own, *([Path(named)] if named else []))


def read(environment: Mapping[str, str], paths: Sequence[Path]) -> PipSettings:
    """Return pip's settings from its files at `paths` and its variables, which win."""
    values: dict[str, str] = {}
    for path in paths:
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue  # pip itself refuses it and says why
        for section in ("global", "install"):
            if parser.has_section(section):
                values.update({key.replace("_", "-"): value for key, value in parser.items(section)})
    prefix = "PIP_"
    values.update(
        {
            name[len(prefix) :].lower().replace("_", "-"): text
            for name, text in environment.items()
            if name.startswith(prefix) and text
        }
    )
    return PipSettings(
        index_url=values.get("index-url", ""),
        extra_index_urls=tuple(values.get("extra-index-url", "").split()),
        find_links=tuple(values.get("find-links", "").split()),
        cert=values.get("cert", ""),
        others=tuple((key, values[key]) for key in ("trusted-host", "timeout", "proxy", "retries") if values.get(key)),
    )


def here() -> PipSettings:
    """Return pip's settings for who calls, on this machine."""
    return read(os.environ, files(os.environ, Path.home()))


if __name__ == "__main__":
    for variable, setting in here().for_uv(os.environ).items():
        sys.stdout.write(f"export {variable}={shlex.quote(setting)}\n")
