"""Downloads: resumed, bounded in time, refused when one bit is not what was promised."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
from collections.abc import Callable, Mapping
from http.client import HTTPException, HTTPResponse
from typing import cast
from urllib import request
from urllib.error import HTTPError, URLError

from provision.agent.attributes import dress
from provision.agent.paths import Place, trusted_owners
from provision.agent.progress import OnProgress
from provision.agent.replace import write_all
from provision.agent.steps import Fetch
from provision.errors import StepError

STALL = 30.0
"""Seconds without a byte."""
_CHUNK = 1 << 18
_ETAG = "user.provision.etag"
_PART = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_PARTIAL = 206
_UNSATISFIABLE = 416
_USERINFO = re.compile(r"^(https?://)[^/@?#]*@")
_EVERY = 1 << 20
"""Bytes between two progress calls."""


def shown(url: str) -> str:
    """Return `url` without its credentials."""
    return _USERINFO.sub(r"\1***@", url)


def request_for(url: str, have: int = 0, etag: str = "") -> request.Request:
    """Return the request for `url`, from byte `have` on; its credentials go to its own host only."""
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"}:
        raise StepError(f"`{shown(url)}` is neither http nor https")
    headers = {"Accept-Encoding": "identity", "User-Agent": "provision"}
    asked = request.Request(_USERINFO.sub(r"\1", url), headers=headers)  # noqa: S310 - the scheme was looked at just above
    if parts.username is not None:
        import base64

        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        # Unredirected: another host never sees the credentials.
        asked.add_unredirected_header("Authorization", f"Basic {base64.b64encode(pair).decode()}")
    if have:
        asked.add_unredirected_header("Range", f"bytes={have}-")
        if etag:
            asked.add_unredirected_header("If-Range", etag)
    return asked


def opener(url: str, settings: Mapping[str, str]) -> request.OpenerDirector:
    """Return an opener that speaks http and https only, through the machine's own proxy and certificates."""
    import ssl
    from urllib.parse import urlsplit

    names = ("http", "https")
    proxies = {name: settings[f"{name}_proxy"] for name in names if settings.get(f"{name}_proxy")}
    bypass = cast("Callable[..., bool]", request.proxy_bypass_environment)  # type: ignore[attr-defined]  # typeshed lacks it
    if bypass(urlsplit(url).hostname or "", {"no": settings.get("no_proxy", "")}):
        proxies = {}
    context = ssl.create_default_context(cafile=settings.get("SSL_CERT_FILE") or None)
    made = request.OpenerDirector()
    for handler in (
        request.ProxyHandler(proxies),
        request.HTTPHandler(),
        request.HTTPSHandler(context=context),
        request.HTTPRedirectHandler(),
        request.HTTPDefaultErrorHandler(),
        request.HTTPErrorProcessor(),
        request.UnknownHandler(),
    ):
        made.add_handler(handler)
    return made


def broken(reason: object, stall: float) -> tuple[str, str]:
    """Return what is to be said of a connection that failed, and the hint, empty for the usual one."""
    if isinstance(reason, TimeoutError):
        return f"no byte came for {stall:g} s", "run it again"
    hint = "compare the clock (`timedatectl`) and the certificates" if "CERTIFICATE" in str(reason) else ""
    what = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return f"the connection failed: {what}", hint


class Download:
    """One file on its way to `place`, as the `.part` beside it."""

    def __init__(self, step: Fetch, place: Place, settings: Mapping[str, str], on_progress: OnProgress, stall: float) -> None:
        self._step = step
        self._place = place
        self._settings = settings
        self._on_progress = on_progress
        self._stall = stall
        self._part = f"{place.name}.part"
        self._says = f"downloading {place.name}"
        self._fd = -1

    def __enter__(self) -> Download:  # noqa: PYI034 - typing.Self needs Python 3.11
        self._fd = self._open()
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    def receive(self, uid: int, gid: int) -> None:
        """Fetch what is missing, check all of it, and leave the `.part` complete, dressed and on disk."""
        resumed = self._fetch()
        if resumed and not self._matches():
            # What an earlier run left belonged to something else: once more, from the beginning.
            os.ftruncate(self._fd, 0)
            self._fetch()
        if not self._matches():
            os.unlink(self._part, dir_fd=self._place.fd)
            raise StepError(
                f"{shown(self._step.url)} is not what was promised: SHA-256 {self._digest()}, expected {self._step.sha256}",
                hint="the file was thrown away; if the publisher has replaced it, correct the hash, else ask them",
            )
        dress(self._fd, self._step.mode, uid, gid)
        os.fsync(self._fd)

    def commit(self) -> None:
        """Take the place, atomically."""
        os.rename(self._part, self._place.name, src_dir_fd=self._place.fd, dst_dir_fd=self._place.fd)
        self._place.sync()

    def _open(self) -> int:
        """Open our own earlier `.part`, or a new one in place of whatever has that name."""
        at = {"dir_fd": self._place.fd}
        try:
            fd = os.open(self._part, _PART, **at)
        except FileNotFoundError:
            return os.open(self._part, _PART | os.O_CREAT | os.O_EXCL, 0o600, **at)
        except OSError:
            fd = -1
        if fd >= 0:
            info = os.fstat(fd)
            ours = info.st_uid in trusted_owners() and info.st_nlink == 1 and not info.st_mode & 0o077
            if stat.S_ISREG(info.st_mode) and ours:
                return fd
            os.close(fd)
        os.unlink(self._part, **at)
        return os.open(self._part, _PART | os.O_CREAT | os.O_EXCL, 0o600, **at)

    def _etag(self) -> str:
        try:
            return os.getxattr(self._fd, _ETAG).decode("latin-1")
        except OSError:
            return ""

    def _keep_etag(self, etag: str) -> None:
        # A weak tag must not be used with If-Range (RFC 9110, 13.1.5); without one the hash still decides.
        with contextlib.suppress(OSError):
            os.setxattr(self._fd, _ETAG, (etag if etag.startswith('"') else "").encode("latin-1"))

    def _digest(self) -> str:
        digest = hashlib.sha256()
        at = 0
        while data := os.pread(self._fd, _CHUNK, at):
            digest.update(data)
            at += len(data)
        return digest.hexdigest()

    def _matches(self) -> bool:
        return self._digest() == self._step.sha256

    def _fail(self, what: str, hint: str = "") -> StepError:
        url = shown(self._step.url)
        return StepError(f"{url}: {what}", hint=hint or f"`curl -fIL '{url}'` shows what the server answers; then run it again")

    def _fetch(self) -> bool:
        """Bring the `.part` to its full length; return whether it began with bytes of an earlier run."""
        have = os.fstat(self._fd).st_size
        if have and have == self._step.size:
            return True
        if self._step.size and have > self._step.size:
            os.ftruncate(self._fd, 0)
            have = 0
        self._on_progress(self._says, None, have or None, self._step.size or None)
        try:
            response = self._ask(have)
        except HTTPError as error:
            error.close()
            if error.code == _UNSATISFIABLE and have:
                os.ftruncate(self._fd, 0)
                return self._fetch()
            raise self._fail(f"the server answers {error.code} {error.reason}".rstrip()) from None
        except URLError as error:
            raise self._broken(error.reason) from None
        except (OSError, HTTPException) as error:
            raise self._broken(error) from None
        with response:
            return self._take(response, have)

    def _ask(self, have: int) -> HTTPResponse:
        asked = request_for(self._step.url, have, self._etag() if have else "")
        return cast("HTTPResponse", opener(self._step.url, self._settings).open(asked, timeout=self._stall))

    def _next(self, response: HTTPResponse) -> bytes:
        try:
            return response.read1(_CHUNK)
        except (OSError, HTTPException) as error:
            raise self._broken(error) from None

    def _broken(self, reason: object) -> StepError:
        """Return what is to be said of a connection that failed."""
        what, hint = broken(reason, self._stall)
        return self._fail(what, f"{hint}: what came so far is kept" if isinstance(reason, TimeoutError) else hint)

    def _take(self, response: HTTPResponse, have: int) -> bool:
        """Append the body; raises `StepError` when it is too short or too long."""
        begins = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
        if response.status != _PARTIAL or begins != str(have):
            if response.status == _PARTIAL:
                raise self._fail(f"asked for bytes from {have} on, the server sends others ({begins or 'it does not say which'})")
            os.ftruncate(self._fd, 0)
            have = 0
        length = response.headers.get("Content-Length", "")
        total = have + int(length) if length.isdecimal() else self._step.size
        if self._step.size and total != self._step.size:
            os.ftruncate(self._fd, 0)
            raise self._fail(f"the server offers {total} bytes, expected {self._step.size}")
        self._check_space(total - have)
        self._keep_etag(response.headers.get("ETag", ""))
        done = self._copy(response, have, total)
        if total and done < total:
            os.fsync(self._fd)
            raise self._fail(f"the connection ended after {done} of {total} bytes", "run it again: what came so far is kept")
        return have > 0

    def _check_space(self, needed: int) -> None:
        space = os.fstatvfs(self._fd)
        free = space.f_bavail * space.f_frsize
        if needed > free:
            raise StepError(f"no room for `{self._place.path}`: {needed} bytes needed, {free} free", hint="`df -h`")

    def _copy(self, response: HTTPResponse, done: int, total: int) -> int:
        """Write the body at the end of the `.part`; return the size reached."""
        os.lseek(self._fd, done, os.SEEK_SET)
        told = done
        while data := self._next(response):
            write_all(self._fd, data)
            done += len(data)
            if total and done > total:
                os.ftruncate(self._fd, 0)
                raise self._fail(f"the server sends more than the {total} bytes it should")
            if done - told >= _EVERY or done == total:
                told = done
                self._on_progress(self._says, done / total if total else None, done, total or None)
        return done
