"""The table of what can be asked: each verb is a method of `Library`, and its arguments and result are that method's.

Client and server both read it, so that neither repeats a verb by hand. Light: it knows the methods by their
annotations alone.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_type_hints

from vecclust.library.library import Library

# Of what is asked and answered; another one is another way of asking.
API = 1


@dataclass(frozen=True, slots=True)
class Verb:
    """One thing that can be asked of a library.

    Attributes:
        name: of the verb and of the method.
        types: the module of `vecclust.types` that has its own; who asks imports no other.
        writes: whether it is the one writer's to do; then its progress is told before its result.
    """

    name: str
    types: str
    writes: bool = False

    @property
    def summary(self) -> str:
        """What it does, in one sentence."""
        return (inspect.getdoc(getattr(Library, self.name)) or "").partition("\n")[0]

    @property
    def parameters(self) -> Mapping[str, inspect.Parameter]:
        """What it is asked with, by name."""
        parameters = inspect.signature(getattr(Library, self.name)).parameters
        return {name: one for name, one in parameters.items() if name not in ("self", "progress")}

    def bind(self, given: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
        """Give arguments by name, as the method takes them.

        Args:
            given: those by position.
            named: those by name.

        Raises:
            TypeError: the method takes no such arguments.
        """
        arguments = inspect.signature(getattr(Library, self.name)).bind(None, *given, **named).arguments
        return {name: value for name, value in arguments.items() if name != "self"}

    @property
    def result(self) -> Any:
        """The type of its result."""
        return _hints(self)["return"]

    def hint(self, parameter: str) -> Any:
        """Give the type of a parameter.

        Args:
            parameter: its name.
        """
        return _hints(self)[parameter]

    def is_path(self, parameter: str) -> bool:
        """Say whether a parameter names a file that is to be read.

        Args:
            parameter: its name.
        """
        return Path in (self.hint(parameter), *get_args(self.hint(parameter)))


@cache
def _hints(verb: Verb) -> Mapping[str, Any]:
    types = vars(import_module(f"vecclust.types.{verb.types}"))
    return get_type_hints(getattr(Library, verb.name), localns=types, include_extras=True)


VERBS: Mapping[str, Verb] = {
    verb.name: verb
    for verb in (
        Verb("similar", "search"),
        Verb("alike", "search"),
        Verb("search", "search"),
        Verb("photo", "photos"),
        Verb("clusters", "clusters"),
        Verb("cluster", "clusters"),
        Verb("inside", "clusters"),
        Verb("caption", "clusters"),
        Verb("events", "timeline"),
        Verb("event", "timeline"),
        Verb("trips", "timeline"),
        Verb("places", "timeline"),
        Verb("runs", "runs"),
        Verb("edits", "edits"),
        Verb("status", "status"),
        Verb("problems", "files"),
        Verb("skipped", "files"),
        Verb("kept_folders", "files"),
        Verb("recluster", "runs", writes=True),
        Verb("rename", "clusters", writes=True),
        Verb("accept_names", "clusters", writes=True),
        Verb("refuse_names", "edits", writes=True),
        Verb("edit", "edits", writes=True),
        Verb("accept_drive", "files", writes=True),
        Verb("rollback", "runs", writes=True),
        Verb("switch_model", "migrations", writes=True),
        Verb("drop_former_model", "migrations", writes=True),
    )
}
