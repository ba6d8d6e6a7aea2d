"""What children print: its last lines, in bounded memory, without secrets."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable

LINES = 40
WIDTH = 500
_HELD = 8192
"""Bytes kept of one line; the rest of it is dropped."""
_SHORTEST = 4
_ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|.)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class Redactor:
    """Replaces secrets by `***`, as they are, line by line, percent-encoded and as JSON has them."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms: set[str] = set()
        for secret in secrets:
            for text in (secret, *secret.splitlines()):
                encoded = "".join(c if c.isalnum() or c in "-._~" else "".join(f"%{b:02X}" for b in c.encode()) for c in text)
                forms.update((text, text.strip(), encoded, text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")))
        needles = sorted((form for form in forms if len(form) >= _SHORTEST), key=len, reverse=True)
        self.longest = len(needles[0]) if needles else 0
        self._pattern = re.compile("|".join(re.escape(needle) for needle in needles)) if needles else None

    def __call__(self, text: str) -> str:
        """Return `text` without secrets."""
        return self._pattern.sub("***", text) if self._pattern else text


class Tail:
    """The last lines of a stream; `on_line` is told each one, redacted and without escape sequences."""

    def __init__(self, redact: Redactor, on_line: Callable[[str], None] | None = None) -> None:
        self._redact = redact
        self._on_line = on_line
        self._lines: deque[str] = deque(maxlen=LINES)
        self._rest = b""
        self._dropping = False

    def feed(self, data: bytes) -> None:
        """Take the next bytes; a carriage return ends a line too, as progress bars have it."""
        *whole, rest = data.replace(b"\r", b"\n").split(b"\n")
        for line in whole:
            self._hold(line)
            self._end()
        self._hold(rest)

    def text(self) -> str:
        """Return the last lines, also one that has not ended yet."""
        self._end()
        return "\n".join(self._lines)

    def _hold(self, data: bytes) -> None:
        room = _HELD + 4 * self._redact.longest - len(self._rest)
        self._dropping = self._dropping or len(data) > room
        self._rest += data[:room]

    def _end(self) -> None:
        raw, dropped = self._rest.decode("utf-8", "replace"), self._dropping
        self._rest, self._dropping = b"", False
        line = self._redact(_CONTROL.sub("", _ESCAPES.sub("", raw))).rstrip()
        if dropped and self._redact.longest:
            # A secret may have been cut in two at the end of what was held.
            line = line[: -self._redact.longest]
        if line:
            if len(line) > WIDTH:
                line = f"{line[:WIDTH]}…"
            self._lines.append(line)
            if self._on_line:
                self._on_line(line)
