"""Let the kernel refuse every write of this process and of all it starts."""

from __future__ import annotations

_CLONE_NEWNS = 0x20000
_MS_REC = 1 << 14
_MS_PRIVATE = 1 << 18
_MOUNT_SETATTR = 442
"""The same number on every architecture."""
_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_RDONLY = 1
_SAFE = 2 | 4 | 8
"""nosuid, nodev, noexec."""
SCRATCH = "/dev/shm"  # noqa: S108 - in our own namespace it is ours alone
"""Where programs that cannot look without a temporary file (apt checks signatures in one) may still write: private memory."""


def make_read_only() -> bool:
    """Move into a mount namespace of our own where every mount is read-only; return whether the kernel agreed.

    Only `SCRATCH` is writable, as memory of our own that nobody else sees. Devices such as /dev/null, pipes and sockets
    stay usable, so a service can still be *asked* to change something, and descriptors that are already open for
    writing keep their way out. `False` without CAP_SYS_ADMIN and on Linux < 5.12.
    """
    try:
        import ctypes

        libc = ctypes.CDLL(None, use_errno=True)
    except (ImportError, OSError):
        return False
    if libc.unshare(_CLONE_NEWNS) or libc.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None):
        return False
    attributes = (ctypes.c_uint64 * 4)(_RDONLY, 0, 0, 0)
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    if libc.syscall(_MOUNT_SETATTR, _AT_FDCWD, b"/", _AT_RECURSIVE, attributes, size):
        return False
    libc.mount(b"tmpfs", SCRATCH.encode(), b"tmpfs", _SAFE, b"mode=1777,size=64m")
    return True


def forbid_growth() -> None:
    """Keep this process and its children from writing a byte to any file: what is left where `make_read_only` fails."""
    import resource
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def seal() -> None:
    """Make this process read-only as far as the kernel lets us."""
    if not make_read_only():
        forbid_growth()
