"""The NVIDIA driver as it is. Where there is neither a GPU of NVIDIA's nor a trace of a driver, nearly nothing is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provision.agent.facts.tree import Tree
from provision.facts.model import Driver

if TYPE_CHECKING:
    from provision.agent.facts.dpkg_status import DpkgStatus
    from provision.facts.model import Gpu, Kernel

_LOADED = "/sys/module/nvidia"
_SAYS = "/proc/driver/nvidia/version"
_TRACES = (_LOADED, "/usr/bin/nvidia-smi", "/usr/bin/nvidia-uninstall", "/usr/bin/nvidia-persistenced", "/var/lib/nvidia/log")
"""Besides these: sources and builds of DKMS, the driver's library, and modules of the running and of the next kernel."""
_NATIVE = {"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}
_LIBRARY = "libnvidia-ml.so.1"
_FREE = ("nouveau", "nova_core")
_UNINSTALLERS = ("/usr/bin/nvidia-uninstall", "/usr/bin/nvidia-installer", "/var/lib/nvidia/log")
"""The last is the installer's record of what it did, which it removes when it uninstalls."""
_KERNELS = ("linux-image-", "proxmox-kernel-", "pve-kernel-")
_DAEMON, _DAEMONS_RUN = "/usr/bin/nvidia-persistenced", "/run/nvidia-persistenced"


def driver(tree: Tree, status: DpkgStatus, *, gpus: tuple[Gpu, ...], kernel: Kernel, architecture: str) -> Driver:
    """Return the driver's facts; programs are asked only on the running machine, for what no file holds."""
    if not (any(gpu.nvidia for gpu in gpus) or _traces(tree, kernel, architecture)):
        return Driver()
    from provision.agent.facts import dkms, driver_packages, gpu_users, kernel_log, kernel_modules, modprobe, mok
    from provision.agent.facts.throttle import throttle

    packages = driver_packages.packages(tree, status)  # apt looks while we do
    loaded, flavour = _loaded(tree)
    owned = frozenset(package.name for package in status.installed(_KERNELS))
    users = gpu_users.users(tree) if loaded else ()
    persistence = _persistence(tree)
    bound = {gpu.driver for gpu in gpus if gpu.nvidia}
    return Driver(
        loaded=loaded,
        loaded_flavour=flavour,
        library=_library(tree, architecture),
        nouveau=next((name for name in _FREE if name in bound or tree.exists(f"/sys/module/{name}")), ""),
        nouveau_blocked=modprobe.blocked(tree, "nouveau"),
        modules=kernel_modules.modules(tree, kernel),
        kernels=kernel_modules.kernels(tree, owned),
        dkms=dkms.builds(tree),
        runfile=_runfile(tree),
        sources=driver_packages.sources(tree),
        mok_enrolled=mok.mok_enrolled(tree),
        users=users,
        persistence=persistence,
        # A GPU nobody holds is asleep: asking would wake it, which takes a second, and it would have nothing to say.
        throttle=throttle(tree) if loaded and (users or persistence) else (),
        log=kernel_log.lines(tree),
        packages=packages(),
    )


def _traces(tree: Tree, kernel: Kernel, architecture: str) -> bool:
    libraries = (f"{folder}/{_LIBRARY}" for folder in _folders(architecture))
    if any(tree.link(path) or tree.exists(path) for path in (*_TRACES, *libraries)):
        return True
    if any(name.startswith("nvidia") for folder in ("/var/lib/dkms", "/usr/src") for name in tree.names(folder)):
        return True
    releases = {kernel.running, kernel.next} - {""}
    return any(name.startswith("nvidia") for release in releases for name in tree.names(f"/lib/modules/{release}/kernel"))


def _loaded(tree: Tree) -> tuple[str, str]:
    """Return the loaded module's version and flavour."""
    says = tree.line(_SAYS)
    version = tree.line(f"{_LOADED}/version") or next(filter(_is_version, says.split()), "")
    flavour = "open" if "Open Kernel Module" in says else "proprietary" if "Kernel Module" in says else ""
    return version, flavour if version else ""


def _is_version(word: str) -> bool:
    parts = word.split(".")
    return word.isascii() and len(parts) in (2, 3) and all(part.isdigit() for part in parts)


def _library(tree: Tree, architecture: str) -> str:
    """Return the version in the name of the file that `libnvidia-ml.so.1` leads to."""
    from provision.agent.facts.links import resolve

    for folder in _folders(architecture):
        version = resolve(tree, f"{folder}/{_LIBRARY}").rpartition(".so.")[2]
        if _is_version(version):
            return version
    return ""


def _folders(architecture: str) -> tuple[str, ...]:
    """Return where the library may be: the distribution's place, Debian's beside it, NVIDIA's installer's, WSL's."""
    native = f"/usr/lib/{_NATIVE.get(architecture, architecture)}"
    return (native, f"{native}/nvidia/current", "/usr/lib64", "/usr/lib", "/usr/lib/wsl/lib")


def _runfile(tree: Tree) -> str:
    found = next((path for path in _UNINSTALLERS if tree.link(path) or tree.exists(path)), "")
    if not found:
        return ""
    folder = "/var/lib/dpkg/info"
    lists = (name for name in tree.names(folder) if name.startswith("nvidia") and name.endswith(".list"))
    return "" if any(f"{found}\n" in tree.text(f"{folder}/{name}") for name in lists) else found


def _persistence(tree: Tree) -> bool | None:
    """Return whether the daemon's process, whose id it wrote down, is there; `None` where it is not installed."""
    if not tree.exists(_DAEMON):
        return None
    ids = [tree.number(f"{_DAEMONS_RUN}/{name}") for name in tree.names(_DAEMONS_RUN) if name.endswith(".pid")]
    return any(tree.exists(f"/proc/{process}") for process in ids)
