"""An apt with an archive, for a `FakeHost`: it answers in apt's own words and changes what dpkg knows."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from provision.agent.host import Output
from provision.agent.steps import Run
from tests.fake_host import FakeHost


@dataclass(frozen=True)
class Candidate:
    """A package in the archive; `replaces` are removed when it comes."""

    version: str = "2.0"
    size: int = 1000
    depends: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()


@dataclass
class Apt:
    """`archive` is what the index says, `published` what it will say after the next `apt-get update`."""

    host: FakeHost
    archive: dict[str, Candidate] = field(default_factory=dict)
    published: dict[str, Candidate] = field(default_factory=dict)
    broken_update: bool = False
    installed: list[tuple[str, ...]] = field(default_factory=list)
    answers: str = ""

    def __post_init__(self) -> None:
        self.host.answer(("apt-get", "install", "--print-uris"), self.simulate)
        self.host.on(("apt-get", "install"), self.install)
        self.host.on(("apt-get", "update"), self.update)
        self.host.on(("apt-mark",), self.mark)
        self.host.on(("dpkg",), self.configure)
        self.host.on(("debconf-set-selections",), self.debconf)

    def fresh(self, seconds_ago: int = 0) -> None:
        """Make the index `seconds_ago` old."""
        self.host.put_file("/var/lib/apt/lists/mirror.test_dists_stable_InRelease")
        self.host.state["apt-index"] = str(self.host.now // 1_000_000_000 - seconds_ago)

    def plan(self, words: tuple[str, ...]) -> tuple[list[str], list[str]]:
        """Return what would be installed, with dependencies, and removed."""
        wanted = [word for word in words if not word.endswith("-")]
        removed = [word[:-1] for word in words if word.endswith("-")]
        install: list[str] = []
        while wanted:
            name = wanted.pop(0)
            if name not in install and not self.has(name):
                install.append(name)
                wanted += self.archive[name].depends
        removed += [gone for name in install for gone in self.archive[name].replaces if self.has(gone)]
        return sorted(install), list(dict.fromkeys(removed))

    def has(self, name: str) -> bool:
        deb = self.host.packages.get(name)
        return deb is not None and deb.status == "installed"

    def simulate(self, argv: tuple[str, ...]) -> Output:
        words = _names(argv)
        missing = [word for word in words if not word.endswith("-") and word not in self.archive]
        if missing:
            return Output(code=100, stdout="", stderr="".join(f"E: Unable to locate package {name}\n" for name in missing))
        install, remove = self.plan(words)
        lines = ["Reading package lists..."]
        lines += ["The following packages will be REMOVED:", *(f"   {name} (1.0)" for name in remove)] if remove else []
        lines += ["The following NEW packages will be installed:"]
        lines += [f"   {name} ({self.archive[name].version})" for name in install]
        lines += [f"0 upgraded, {len(install)} newly installed, {len(remove)} to remove and 0 not upgraded."]
        lines += [f"'http://mirror.test/{name}.deb' {name}.deb {self.archive[name].size} MD5Sum:00" for name in install]
        return Output(code=0, stdout="\n".join(lines), stderr="")

    def install(self, step: Run, host: FakeHost) -> int:
        self.installed.append(step.argv)
        words = _names(step.argv)
        if any(not word.endswith("-") and word not in self.archive for word in words):
            return 100
        install, remove = self.plan(words)
        if any(host.packages[name].held for name in (*install, *remove) if name in host.packages):
            return 100
        if remove and "--no-remove" in step.argv:
            return 100
        for name in install:
            host.add_deb(name, self.archive[name].version)
        for name in remove:
            host.packages[name] = dataclasses.replace(host.packages[name], status="config-files")
        return 0

    def update(self, _step: Run, host: FakeHost) -> int:
        if self.broken_update:
            return 100
        self.archive.update(self.published)
        host.put_file("/var/lib/apt/lists/mirror.test_dists_stable_InRelease")
        return 0

    def mark(self, step: Run, host: FakeHost) -> int:
        for name in step.argv[2:]:
            host.packages[name] = dataclasses.replace(host.packages[name], held=step.argv[1] == "hold")
        return 0

    def configure(self, step: Run, host: FakeHost) -> int:
        assert step.argv[-2:] == ("--configure", "-a")
        for name, deb in host.packages.items():
            if deb.status in {"half-configured", "unpacked"}:
                host.packages[name] = dataclasses.replace(deb, status="installed")
        return 0

    def debconf(self, step: Run, _host: FakeHost) -> int:
        self.answers += step.stdin
        return 0


def _names(argv: tuple[str, ...]) -> tuple[str, ...]:
    """Return the packages in a command line of apt-get, without its options and their values."""
    values = {index + 1 for index, word in enumerate(argv) if word == "-o"}
    return tuple(word for index, word in enumerate(argv) if index > 1 and index not in values and not word.startswith("-"))
