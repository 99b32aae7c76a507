"""A library as it was before it was brought to a newer schema, kept until the newer one has proved itself.

A copy in links: files of tables never change, so that the copy takes the place of nothing but what is replaced. It is
whole or not there. A migration that was killed finds it and goes on; it goes once the library has been opened as it is
now. Refuses to know what a migration does.
"""

from __future__ import annotations

import logging
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vecclust.errors import StoreError
from vecclust.store.layout import BEFORE_SCHEMA
from vecclust.store.tables import Tables, border

_log = logging.getLogger(__name__)

# What a migration may write into. The arrays of runs are left as they are.
_LINKED = ("tables",)
# These are added to or written in place of one another, so that a link would change along.
_COPIED = ("ledger", "journal.jsonl")


@contextmanager
def kept_as_before(tables: Tables, *, version: int) -> Iterator[None]:
    """Keep the library as it is before the block changes it, where that is not done yet.

    Args:
        tables: its tables, open for writing.
        version: of the schema that the block leads to.

    Raises:
        StoreError: the block failed, with the place of the copy in the hint where there was none.
    """
    kept = tables.place.before_schema(version)
    if not kept.is_dir():
        with border("keeping the library as it was", place=tables.place.folder):
            _keep(tables.place.folder, kept)
        tables.sync_folder(kept)
    try:
        yield
    except StoreError as error:
        error.hint = error.hint or f"The next command goes on with it; as it was before, the library lies in {kept}"
        raise


def drop_kept(folder: Path) -> list[str]:
    """Remove what was kept before migrations, once the library has been opened after them.

    Args:
        folder: the library's directory.

    Returns:
        The names of what was removed.
    """
    kept = [path for path in folder.glob(f"*{BEFORE_SCHEMA}*") if path.name.lstrip(".").startswith(BEFORE_SCHEMA)]
    for path in kept:
        # Out of its name first: what is half removed is no copy.
        going = path if path.name.startswith(".") else path.rename(_aside(path))
        shutil.rmtree(going, ignore_errors=True)
    if kept:
        _log.info("the library as it was before its migration is let go")
    return [path.name for path in kept]


def _keep(folder: Path, kept: Path) -> None:
    aside = _aside(kept)
    aside.mkdir(mode=0o700)
    for name in _LINKED:
        shutil.copytree(folder / name, aside / name, copy_function=os.link)
    for name in _COPIED:
        if (folder / name).is_dir():
            shutil.copytree(folder / name, aside / name)
        elif (folder / name).exists():
            shutil.copy2(folder / name, aside / name)
    aside.rename(kept)


def _aside(kept: Path) -> Path:
    return kept.with_name(f".{kept.name}-{uuid.uuid4().hex[:8]}")
