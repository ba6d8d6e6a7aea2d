"""Who holds the GPU: the processes that have its devices open, and the containers that could."""

from __future__ import annotations

from collections.abc import Iterator

from provision.agent.facts.tree import Tree, number

_OURS = "nvidia-persiste"
"""The persistence daemon, as the kernel cuts its name: it holds the GPU so that others find it awake."""
_MOST = 50
_ID = 12
"""Characters of a container's id that people use."""
_WHOLE_ID = 64
_HEXADECIMAL = frozenset("0123456789abcdef")
_MANAGERS = (
    ("docker-", "docker"),
    ("libpod-", "podman"),
    ("cri-containerd-", "containerd"),
    ("crio-", "cri-o"),
    ("lxc.payload.", "lxc"),
    ("systemd-nspawn@", "machine"),
    ("machine-", "machine"),
)


def users(tree: Tree) -> tuple[str, ...]:
    """Return `NAME (pid N, USER)`, and the container where there is one, in the order of their ids."""
    names = _names(tree)
    here = tree.link("/proc/1/ns/mnt")
    seen = {here, ""}
    found = []
    for process in sorted((name for name in tree.names("/proc") if name.isascii() and name.isdigit()), key=int):
        place = f"/proc/{process}"
        namespace = tree.link(f"{place}/ns/mnt")
        holds = _holds(tree, place)
        if not holds and namespace in seen:
            continue
        container = _container(tree, place) if namespace != here else ""
        may = bool(container) and tree.exists(f"{place}/root/dev/nvidiactl")
        seen.add(namespace)
        name = "".join(letter if letter.isprintable() else "?" for letter in tree.line(f"{place}/comm"))
        if (holds or may) and name != _OURS:
            found.append(f"{name or '?'} ({', '.join(_who(tree, process, names, container))})")
        if len(found) == _MOST:
            break
    return tuple(found)


def _who(tree: Tree, process: str, names: dict[int, str], container: str) -> Iterator[str]:
    yield f"pid {process}"
    user = _user(tree, process, names)
    if user:
        yield user
    if container:
        yield container


def _holds(tree: Tree, place: str) -> bool:
    return any(_is_device(tree.link(f"{place}/fd/{descriptor}")) for descriptor in tree.names(f"{place}/fd"))


def _is_device(path: str) -> bool:
    if not path.startswith("/dev/nvidia"):
        return False
    rest = path.removeprefix("/dev/nvidia")
    return rest in ("ctl", "-uvm") or (rest.isascii() and rest.isdigit())


def _names(tree: Tree) -> dict[int, str]:
    lines = (line.split(":") for line in tree.text("/etc/passwd").split("\n"))
    return {number(fields[2]): fields[0] for fields in lines if len(fields) > 2}  # noqa: PLR2004 - the third field is read


def _user(tree: Tree, process: str, names: dict[int, str]) -> str:
    for line in tree.text(f"/proc/{process}/status").split("\n"):
        if line.startswith("Uid:"):
            words = line.split()[1:]
            return names.get(number(words[0]), words[0]) if words else ""
    return ""


def _container(tree: Tree, place: str) -> str:
    """Return `docker 0123456789ab`, `machine NAME`…, or nothing, from the names of the control groups a process is in."""
    above = ""
    for part in tree.text(f"{place}/cgroup").replace(":", "/").replace("\n", "/").split("/"):
        name = part.removesuffix(".scope").removesuffix(".service")
        for start, manager in _MANAGERS:
            if name.startswith(start):
                return f"{manager} {name.removeprefix(start)[:_ID]}"
        if len(name) == _WHOLE_ID and set(name) <= _HEXADECIMAL:
            return f"{'docker' if above == 'docker' else 'container'} {name[:_ID]}"
        above = part
    return ""
