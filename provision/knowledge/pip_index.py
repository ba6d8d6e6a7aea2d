"""The newest release of a project in the package indexes that pip is configured with."""

from __future__ import annotations

import base64
import json
import re
import ssl
import subprocess
import sys
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

from provision.box.pip_settings import PipSettings
from provision.errors import UnreadableError
from provision.knowledge.model import number

_ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.2"
_RELEASE = re.compile(r"\d+(?:\.\d+)*")
_SDIST = re.compile(r"(.+)-([^-]+)\.(?:tar\.gz|zip)")
_DEFAULT = re.compile(r"\(default\s+(\S+?)\)")
_MOST = 64 << 20
"""Bytes of an index page; the longest ones known take a tenth of it."""
_SECONDS = 30
_NOT_FOUND = 404


class PipIndex:
    """The indexes and folders of `settings`; without an index of its own, what pip takes by itself."""

    def __init__(self, settings: PipSettings) -> None:
        self._settings = settings
        self.index = settings.index_url or default_index()
        context = ssl.create_default_context(cafile=settings.cert or None)
        if _host(self.index) in dict(settings.others).get("trusted-host", "").split():
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        proxy = dict(settings.others).get("proxy", "")
        proxies = ProxyHandler({"http": proxy, "https": proxy} if proxy else None)
        self._opener = build_opener(HTTPSHandler(context=context), proxies)

    @property
    def places(self) -> tuple[str, ...]:
        """The indexes asked, without credentials."""
        return tuple(shown(place) for place in (self.index, *self._settings.extra_index_urls) if place)

    def newest(self, project: str) -> str:
        """Return the newest final release, empty where nobody has one; raises `UnreadableError`."""
        name = re.sub(r"[-_.]+", "-", project).lower()
        files: list[str] = []
        for index in (self.index, *self._settings.extra_index_urls):
            files += self._files(f"{index.rstrip('/')}/{name}/") if index else []
        for place in self._settings.find_links:
            files += self._files(place)
        found = {version for file in files if (version := release(file, name))}
        return max(found, key=number, default="")

    def _files(self, place: str) -> list[str]:
        """Return the file names that a page or a folder lists."""
        path = _path(place)
        if path is not None:
            page = path / "index.html"
            if page.is_file():
                return _listed(page.read_text(encoding="utf-8", errors="replace"))
            return [entry.name for entry in path.iterdir()] if path.is_dir() else []
        try:
            with self._opener.open(_request(place), timeout=_SECONDS) as answer:
                body, kind = answer.read(_MOST), answer.headers.get_content_type()
        except HTTPError as error:
            if error.code == _NOT_FOUND:
                return []
            raise UnreadableError(f"{shown(place)} answers {error.code}") from None
        except (OSError, ValueError) as error:
            raise UnreadableError(f"{shown(place)} does not answer: {getattr(error, 'reason', error)}") from None
        return _parsed(body) if kind.endswith("json") else _listed(body.decode("utf-8", "replace"))


def release(file: str, project: str) -> str:
    """Return the final release that `file` (a wheel or a source archive) is of `project`, empty when it is none."""
    wheel = file.removesuffix(".whl").split("-") if file.endswith(".whl") else []
    sdist = _SDIST.fullmatch(file)
    name, version = (wheel[0], wheel[1]) if len(wheel) > 1 else (sdist[1], sdist[2]) if sdist else ("", "")
    version = version.partition("+")[0]
    return version if re.sub(r"[-_.]+", "-", name).lower() == project and _RELEASE.fullmatch(version) else ""


def default_index() -> str:
    """Return the index that pip takes where none is configured, as pip itself says; empty where there is no pip."""
    for python in dict.fromkeys((sys.executable, "/usr/bin/python3", "python3")):
        try:
            said = subprocess.run(
                [python, "-m", "pip", "install", "--help"], capture_output=True, text=True, timeout=_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        option = " ".join(said.stdout.partition("--index-url")[2][:400].split())
        if match := _DEFAULT.search(option):
            return match[1]
    return ""


def shown(place: str) -> str:
    """Return an address without what is secret in it."""
    parts = urlsplit(place)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _host(place: str) -> str:
    return urlsplit(place).hostname or ""


def _request(place: str) -> Request:
    parts = urlsplit(place)
    login, _, host = parts.netloc.rpartition("@")
    request = Request(urlunsplit(parts._replace(netloc=host)), headers={"Accept": _ACCEPT})  # noqa: S310 - what pip itself would open
    if login:
        request.add_header("Authorization", "Basic " + base64.b64encode(unquote(login).encode()).decode())
    return request


def _path(place: str) -> Path | None:
    """Return the folder that `place` is, if it is none of the network's."""
    if place.startswith("file:"):
        return Path(unquote(urlsplit(place).path))
    return None if "://" in place else Path(place)


def _parsed(body: bytes) -> list[str]:
    """Return the files of an answer in JSON that were not withdrawn."""
    try:
        files: list[dict[str, Any]] = json.loads(body)["files"]
        return [file["filename"] for file in files if not file.get("yanked")]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UnreadableError("the index answers with JSON that is no list of files") from None


def _listed(text: str) -> list[str]:
    """Return the files of a page of links that were not withdrawn."""
    links = _Links()
    links.feed(text)
    return links.files


class _Links(HTMLParser):
    """The last parts of the paths that a page links to."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[str] = []

    def handle_starttag(self, tag: str, attrs: Iterable[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a" and given.get("href") and "data-yanked" not in given:
            self.files.append(unquote(urlsplit(given["href"] or "").path.rpartition("/")[2]))
