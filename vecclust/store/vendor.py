"""The border to lancedb: how it is imported without what a library on disk never uses.

What is left out is imported when it is used: by a version of lancedb that uses it while it is being imported, or by
whoever else shares the process. `tests/store/test_store_vendor.py` says what holds.
"""

from __future__ import annotations

import functools
import gc
import importlib
import importlib.util
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

# Clients of servers, and the 195 pydantic models that they send: 0.2 of the 0.75 CPU s that lancedb's import took
# without the other half of them (lancedb 0.40, two busy cores of an EPYC, 2026-11-30; 1.7 s with all of it).
# `importlib.util.LazyLoader` does not help, for whoever imports a name of a module loads it.
_LEFT_OUT = ("lance_namespace", "lancedb.namespace", "lancedb.remote.db")

_import_lock = threading.Lock()


def load_lancedb() -> Any:
    """Import lancedb without its clients of servers, which stay where they are looked for."""
    if "lancedb" not in sys.modules:
        with _import_lock, _unchecked_overrides(), _left_out(), _uncollected():
            importlib.import_module("lancedb")
        # Ctrl-C between the making of a call and the loop that is to make it: nothing is lost by it.
        warnings.filterwarnings("ignore", message=r"coroutine '\w*(Async|Lance)", category=RuntimeWarning)
    import lancedb

    return lancedb


@contextmanager
def _unchecked_overrides() -> Iterator[None]:
    """Have lancedb's `override` check nothing, as it does by itself from Python 3.12 on.

    The package overrides reads the bytecode of each class for it: 0.1 of the 0.65 CPU s that lancedb's import takes.
    It also holds types against one another, which are not there yet where they are left out.
    """
    if sys.version_info >= (3, 12):
        yield
        return
    name = "overrides"
    before = sys.modules.get(name)
    stand_in: Any = ModuleType(name)
    stand_in.override = lambda method: method
    stand_in.EnforceOverrides = object
    sys.modules[name] = stand_in
    try:
        yield
    finally:
        del sys.modules[name]
        if before is not None:
            sys.modules[name] = before


@contextmanager
def _uncollected() -> Iterator[None]:
    """Look for no garbage where next to nothing goes: 0.05 CPU s."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def _left_out() -> Iterator[None]:
    """Have modules there whose code runs when one of their names is used; inside, importing a name is no use yet."""
    late = [_LateModule(spec) for name in _LEFT_OUT if name not in sys.modules and (spec := _spec(name)) is not None]
    sys.modules.update({module.__name__: module for module in late})
    try:
        yield
    finally:
        for module in late:
            module.gives_names = False
            parent, _, leaf = module.__name__.rpartition(".")
            if parent in sys.modules:
                setattr(sys.modules[parent], leaf, module)


def _spec(name: str) -> ModuleSpec | None:
    """Find a module without importing the packages that it lies in."""
    spec: ModuleSpec | None = None
    for depth in range(1, name.count(".") + 2):
        path = None if spec is None else spec.submodule_search_locations
        spec = PathFinder.find_spec(".".join(name.split(".")[:depth]), path)
        if spec is None or spec.loader is None:
            return None
    return spec


class _LateModule(ModuleType):
    """A module whose code has not run yet.

    Args:
        spec: where its code lies.

    Attributes:
        gives_names: whether a name of it that is asked for is only noted, until it is used.
    """

    def __init__(self, spec: ModuleSpec) -> None:
        super().__init__(spec.name)
        self.__spec__, self.__file__, self.__loader__ = spec, spec.origin, spec.loader
        if spec.submodule_search_locations is not None:
            self.__path__ = spec.submodule_search_locations
        self.__package__ = spec.parent
        self.gives_names = True
        self._is_run = False

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or self._is_run:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return _LateName(self, name) if self.gives_names else self.real(name)

    def real(self, name: str) -> Any:
        """Run the code, where that was not done yet, and give what it makes.

        Args:
            name: which part of it.
        """
        loader: Any = self.__loader__
        if not self._is_run:
            self._is_run = True
            with _unchecked_overrides():
                loader.exec_module(self)
        return getattr(self, name)


class _LateName:
    """A class or function of a late module, which is fetched when it is used.

    Args:
        module: where it is.
        name: its name there.
    """

    def __init__(self, module: _LateModule, name: str) -> None:
        self._module = module
        self._name = name

    @functools.cached_property
    def _real(self) -> Any:
        return self._module.real(self._name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._real(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        # Types are looked over for such names where annotations are made of them.
        if name.startswith("__") and self._module.gives_names:
            raise AttributeError(name)
        return getattr(self._real, name)

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self._real,)

    def __instancecheck__(self, one: object) -> bool:
        return isinstance(one, self._real)

    def __subclasscheck__(self, one: type) -> bool:
        return issubclass(one, self._real)
