"""Memory of a model that nobody holds any more, back to the system: Python, torch and the C library each keep some."""

from __future__ import annotations

import ctypes
import gc
import sys
from typing import Any


def give_memory_back() -> None:
    """Give freed memory back to the system and to other users of the graphics card.

    Costs some tenths of a second, so it is for those who will be idle. Imports no torch where none is loaded.
    """
    # A model and its closures hold one another; collected once, by hand, they are gone now and not at some time.
    gc.collect()
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch is not None and torch.backends.mps.is_available():
        torch.mps.empty_cache()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:  # glibc alone keeps whole freed arenas
        trim(0)
