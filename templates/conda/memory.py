"""What keeps the memory of a solve small."""

import ctypes
import threading
from contextlib import contextmanager
from pathlib import Path

MADV_DONTNEED = 4


@contextmanager
def lean(folder):
    """Meanwhile give the pages of files mapped from `folder` back, thirty times a second.

    rattler maps a channel's index (300 MB of conda-forge's) and reads all of it once to find its names, then little of it. The
    pages are the file's: what is read again comes from the kernel's cache.
    """
    libc, over = ctypes.CDLL(None), threading.Event()
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]

    def give_back():
        while not over.wait(0.03):
            for start, end in mappings(folder):
                libc.madvise(start, end - start, MADV_DONTNEED)

    thread = threading.Thread(target=give_back, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def mappings(folder):
    """Yield (start, end) of what this process has mapped from files below `folder` and cannot write to."""
    with Path("/proc/self/maps").open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            fields = line.split(maxsplit=5)
            if len(fields) == 6 and fields[5].startswith(f"{folder}/") and "w" not in fields[1]:
                start, end = fields[0].split("-")
                yield int(start, 16), int(end, 16)
