"""The programs that only look, with the reason each may be asked."""

from __future__ import annotations

from collections.abc import Sequence

READS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("systemctl", "show"), "prints properties"),
    (("systemctl", "is-system-running"), "prints one word"),
    (("systemctl", "is-enabled"), "prints one word"),
    (("systemctl", "is-active"), "prints one word"),
    (("systemctl", "cat"), "prints unit files"),
    (("systemctl", "list-unit-files"), "prints a list"),
    (("systemctl", "list-units"), "prints a list"),
    (("systemd-detect-virt",), "prints one word"),
    (("systemd-analyze", "verify"), "reads unit files and prints what is wrong"),
    (("dpkg-query",), "prints records; it has no verb that writes"),
    (("dpkg", "--audit"), "prints half-installed packages"),
    (("dpkg", "--print-architecture"), "prints one word"),
    (("dpkg", "--print-foreign-architectures"), "prints words"),
    (("dpkg", "--compare-versions"), "answers by its exit code"),
    (("apt-get", "indextargets"), "prints where indexes lie"),
    (("apt-cache", "policy"), "prints candidates"),
    (("apt-cache", "show"), "prints records"),
    (("apt-cache", "madison"), "prints versions"),
    (("apt-config", "dump"), "prints settings"),
    (("apt-config", "shell"), "prints settings"),
    (("apt-mark", "showhold"), "prints names"),
    (("apt-mark", "showmanual"), "prints names"),
    (("debconf-show",), "prints answers"),
    (("ssh-keygen", "-l"), "prints fingerprints"),
    (("journalctl", "-u"), "prints the log of a unit"),
    (("locale", "-a"), "prints names"),
    (("localectl", "status"), "prints settings"),
    (("timedatectl", "show"), "prints settings"),
    (("hostnamectl", "status"), "prints settings"),
    (("getent",), "prints entries"),
    (("id",), "prints numbers"),
    (("uname",), "prints the kernel's release"),
    (("sysctl", "-n"), "prints a value; `-w` and `name=value` are refused"),
    (("findmnt",), "prints mounts"),
    (("lsblk",), "prints devices"),
    (("modinfo",), "prints a module's fields"),
    (("nvidia-smi", "-q"), "prints what the driver says of its GPUs"),
    (("uv", "--version"), "prints one line"),
    (("uv", "pip", "list"), "prints what an environment holds"),
    (("uv", "pip", "freeze"), "as above"),
    (("uv", "pip", "check"), "answers by its exit code"),
    (("uv", "python", "find"), "prints a path"),
)

_APT_ONLY_SAYS = frozenset({"-s", "--simulate", "--print-uris"})
"""With one of these apt-get says what it would do, or fetch, and takes no lock."""


def allowed(argv: Sequence[str]) -> bool:
    """Return whether `argv` is one of the programs that only look; a program may be named by its absolute path."""
    if not argv or ("/" in argv[0] and not argv[0].startswith("/")):
        return False
    words = (argv[0].rpartition("/")[2], *argv[1:])
    if words[0] == "sysctl" and any("=" in word or word in {"-w", "--write", "-p", "--load", "--system"} for word in words[1:]):
        return False
    if words[0] == "apt-get" and _APT_ONLY_SAYS.intersection(words):
        return True
    return any(words[: len(prefix)] == prefix for prefix, _ in READS)
