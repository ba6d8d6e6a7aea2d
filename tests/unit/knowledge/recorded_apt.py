"""`apt-cache` as it answered: on Debian 12 (recorded), and on Ubuntu 24.04 with NVIDIA's repository and a PPA (put together)."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).with_name("apt")


class RecordedApt:
    """Answers `policy`, `madison` and `pkgnames` from `apt/NAME.policy` and `apt/NAME.madison`; both may be edited."""

    def __init__(self, name: str) -> None:
        self.policy = (_FOLDER / f"{name}.policy").read_text()
        self.madison = (_FOLDER / f"{name}.madison").read_text()

    def __call__(self, verb: str, *arguments: str) -> str:
        rows = [(line.partition("|")[0].strip(), line) for line in self.madison.splitlines()]
        if verb == "pkgnames":
            return "".join(f"{name}\n" for name in {name for name, _ in rows} if name.startswith(arguments))
        if verb == "madison":
            return "".join(f"{line}\n" for name, line in rows if name in arguments)
        assert verb == "policy"
        return self.policy

    def replace(self, old: str, new: str) -> None:
        """Change what `madison` says."""
        assert old in self.madison
        self.madison = self.madison.replace(old, new)

    def without(self, *words: str) -> None:
        """Take away the lines of `madison` with one of `words`."""
        kept = [line for line in self.madison.splitlines() if not any(word in line for word in words)]
        assert len(kept) < len(self.madison.splitlines())
        self.madison = "\n".join(kept)
