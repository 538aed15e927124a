"""How much of a file lies in the page cache: whether a load was cold or warm."""

import ctypes
import mmap
import os
from pathlib import Path

import numpy as np


def page_cache_fraction(path: Path) -> float | None:
    """Part of the file's pages in memory, 0 to 1; None where it cannot be known.

    Linux's mincore(2) tells only the file's owner or who may write it; to others it shows
    every page as resident (since Linux 5.2), so those get None.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            may_know = status.st_uid == os.geteuid() or os.access(path, os.W_OK)
            if status.st_size == 0 or not may_know:
                return None
            with mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as view:
                return _resident(view)
    except OSError:
        return None


def _resident(view: mmap.mmap) -> float | None:
    pages = -(-len(view) // mmap.PAGESIZE)
    seen = np.zeros(pages, dtype=np.uint8)
    libc = ctypes.CDLL(None, use_errno=True)
    data = np.frombuffer(view, dtype=np.uint8)
    failed = libc.mincore(
        ctypes.c_void_p(data.ctypes.data),
        ctypes.c_size_t(len(view)),
        ctypes.c_void_p(seen.ctypes.data),
    )
    # The array borrows the mapping, which cannot be closed before it is gone.
    del data
    if failed:
        return None
    return float(np.count_nonzero(seen & 1)) / pages
