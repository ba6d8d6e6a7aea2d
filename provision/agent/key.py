"""The key of a repository, fetched from its publisher and held against the fingerprint that was promised."""

from __future__ import annotations

import time
from collections.abc import Mapping
from http.client import HTTPException
from urllib.error import HTTPError, URLError

from provision.agent import openpgp
from provision.agent.fetch import broken, opener, request_for, shown
from provision.errors import ProvisionError, StepError

LARGEST = 1 << 18
"""Bytes; real keys have a few thousand."""
LONGEST = 60.0
"""Seconds for all of it."""
_CHUNK = 1 << 14
_BEGIN, _END = "-----BEGIN PGP PUBLIC KEY BLOCK-----", "-----END PGP PUBLIC KEY BLOCK-----"


def fetched(url: str, fingerprint: str, settings: Mapping[str, str], stall: float) -> bytes:
    """Return the armoured key at `url`; raises `StepError` unless it comes whole, in time, and is the one promised.

    `stall` is how many seconds may pass without a byte.
    """
    try:
        return checked(_received(url, settings, stall), url, fingerprint)
    except HTTPError as error:
        error.close()
        raise _failed(url, f"the server answers {error.code} {error.reason}".rstrip()) from None
    except URLError as error:
        raise _failed(url, *broken(error.reason, stall)) from None
    except (OSError, HTTPException) as error:
        raise _failed(url, *broken(error, stall)) from None


def checked(data: bytes, url: str, fingerprint: str) -> bytes:
    """Return the armoured block in `data`; raises `StepError` unless it is the one key of that fingerprint."""
    text = data.decode("utf-8", "replace")
    start = text[:512].lstrip("\ufeff \t\r\n").lower()
    if start.startswith(("<!doctype", "<html", "<?xml", "<head")):
        raise _failed(url, "a web page came instead of a key", "open it in a browser: a proxy may want a login, or it has moved")
    try:
        found = openpgp.fingerprint(text)
    except ProvisionError as error:
        raise _failed(url, error.message) from None
    if found != fingerprint:
        raise StepError(
            f"the key at {shown(url)} has the fingerprint {found}, {fingerprint} is expected",
            hint="it was thrown away; compare both with what the publisher says, and do not use it before that",
        )
    return f"{text[text.index(_BEGIN) : text.index(_END)]}{_END}\n".encode()


def _received(url: str, settings: Mapping[str, str], stall: float) -> bytes:
    deadline = time.monotonic() + LONGEST
    with opener(url, settings).open(request_for(url), timeout=stall) as response:
        data = b""
        while part := response.read1(_CHUNK):
            data += part
            if len(data) > LARGEST:
                raise _failed(url, f"more than {LARGEST} bytes came: that is no key")
            if time.monotonic() > deadline:
                raise _failed(url, f"it did not come whole within {LONGEST:g} s", "run it again")
        promised = response.headers.get("Content-Length", "")
    if promised.isdecimal() and len(data) < int(promised):
        raise _failed(url, f"the connection ended after {len(data)} of {promised} bytes", "run it again")
    return data


def _failed(url: str, what: str, hint: str = "") -> StepError:
    return StepError(f"{shown(url)}: {what}", hint=hint or f"`curl -fL '{shown(url)}'` shows what the server answers")
