"""What numba keeps of compiled loops on the disk: a gain of seconds, and never a reason to fail.

Numba lets every error of its cache through: on a full disk or a file that a power loss tore, a fit would end in the
middle of what it can do very well without.
"""

from __future__ import annotations

import functools
import logging
import pickle
from collections.abc import Callable
from contextlib import suppress
from typing import Any

_log = logging.getLogger(__name__)
# A file that cannot be read or written, and what reading one raises that is cut short or zeroed.
_FAILURES = (OSError, EOFError, pickle.UnpicklingError, ValueError, TypeError, AttributeError, IndexError, ImportError)


@functools.cache
def shield_cache() -> None:
    """Have numba compile where it can neither read nor keep what it compiled; for all functions of this process."""
    from numba.core import caching

    cache: Any = getattr(caching, "Cache", None)
    for name in ("save_overload", "load_overload"):
        if (way := getattr(cache, name, None)) is not None:
            setattr(cache, name, _shielded(way))


def _shielded(way: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(way)
    def call(cache: Any, *given: Any, **named: Any) -> Any:
        try:
            return way(cache, *given, **named)
        except _FAILURES as error:
            _log.debug("numba compiles without its cache: %s", error)
            # An index that is torn would be so for ever.
            with suppress(*_FAILURES):
                cache.flush()
            return None

    return call
