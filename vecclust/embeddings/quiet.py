"""Keep the vendors' noise away, and turn what they say into a line for a person.

open_clip logs through the root logger, which gives the whole program a handler on stderr at the first such call;
torch, timm and transformers warn of one another. Nothing of it is for a user to mend.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from vecclust.embeddings.names import ModelName
from vecclust.errors import ModelError

_one_at_a_time = threading.RLock()
_LINE_CHARACTERS = 300  # a mismatch of weights and architecture lists every layer


@contextmanager
def kept_quiet() -> Iterator[None]:
    """Drop warnings, and what is logged through the root logger itself, while vendors load."""
    root = logging.getLogger()

    def is_ours(record: logging.LogRecord) -> bool:
        return record.name != "root"

    # `logging.warning` calls basicConfig where the root has no handler.
    silent = logging.NullHandler()
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        root.addFilter(is_ours)
        root.addHandler(silent)
        try:
            yield
        finally:
            root.removeHandler(silent)
            root.removeFilter(is_ours)


def first_line(error: BaseException) -> str:
    """Give what an error says, as one line of bearable length."""
    line = " ".join(str(error).split()) or type(error).__name__
    return line if len(line) <= _LINE_CHARACTERS else line[:_LINE_CHARACTERS] + "..."


def needs_package(name: ModelName, error: ImportError) -> ModelError:
    """Say that a model needs more than vecclust installs."""
    return ModelError(
        f"{name} needs a Python package that is not installed: {error.name or first_line(error)}",
        hint="Install it beside vecclust, or choose another model.",
    )
