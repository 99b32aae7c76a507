"""Photos of another model beside those of the library's own, and the library as it looks with them.

A library answers from one table of photos, which its entries name. A table that no entry names is being filled for
another model; it says in its own schema which, so that the commit that makes it is all there is to the beginning of a
migration, and dropping it to its end. It is filled by a process that does not hold the writer's lock but one of its
own: nobody else writes that table, and nothing reads it. A view is the library with the other model's entries laid over
its own: whatever commits entries through it, a run that becomes the current one, makes the switch in the same commit.
The table of the model before stays, named by an entry, until its owner lets it go.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import time
from collections.abc import Collection
from dataclasses import asdict
from typing import Self

from vecclust.errors import NotFound, StoreDamaged, StoreUnsuitable
from vecclust.store.layout import LibraryPlace
from vecclust.store.runs import RunTables
from vecclust.store.schema import FORMER, MODEL, PHOTOS, PHOTOS_TABLE, Entries, Meta, read_model, table_schema
from vecclust.types.migrations import ModelTable
from vecclust.types.status import LibraryModel

_GO_ON_HINT = "`vecclust migrate` goes on with what is whole of it, `vecclust migrate --stop` throws it away"
_MODEL_KEY = b"vecclust_model"


class ModelTables(RunTables):
    """The part of a store that knows of other models."""

    def former_model(self) -> ModelTable | None:
        """Tell which model was the library's before this one; None where none was."""
        entry = self._meta.entries().get(FORMER)
        return None if entry is None else ModelTable(**{**entry, "model": read_model(entry["model"])})

    def next_model(self) -> ModelTable | None:
        """Tell for which model a table is being filled; None where none is."""
        former = self.former_model()
        named = {self._photos, None if former is None else former.table}
        for table in self._tables.place.photo_tables():
            if table not in named and self._tables.has(table):
                try:
                    metadata = self._tables.query(table, lambda handle: handle.schema.metadata) or {}
                except StoreDamaged as error:
                    raise StoreDamaged(error.message, hint=_GO_ON_HINT) from error
                if _MODEL_KEY in metadata:
                    return ModelTable(read_model(json.loads(metadata[_MODEL_KEY])), table)
        return None

    def begin_model(self, model: LibraryModel) -> ModelTable:
        """Make an empty table for the photos of another model; none may be being filled.

        Args:
            model: which.

        Returns:
            The table.
        """
        if (under_way := self.next_model()) is not None:
            raise ValueError(f"the table {under_way.table} is being filled for {under_way.model.name}")
        former = self.former_model()
        made_tables = filter(self._tables.has, self._tables.place.photo_tables())
        taken = {*made_tables, self._photos, None if former is None else former.table}
        number = next(number for number in range(2, 2 + len(taken) + 1) if f"{PHOTOS}_{number}" not in taken)
        made = ModelTable(model, f"{PHOTOS}_{number}")
        schema = table_schema(PHOTOS, dim=model.dim).with_metadata({_MODEL_KEY: json.dumps(asdict(model)).encode()})
        self._tables.create(made.table, schema.empty_table())
        return made

    def drop_next_model(self) -> ModelTable | None:
        """Drop the table that is being filled.

        Returns:
            What it was for; None where there was none.
        """
        under_way = self.next_model()
        if under_way is not None:
            self._tables.drop(under_way.table)
        return under_way

    def drop_former_model(self) -> ModelTable:
        """Let go of the photos of the model before; which one it was is still known.

        Returns:
            What it was.

        Raises:
            NotFound: none is kept.
        """
        with self._writing():
            former = self.former_model()
            if former is None or not former.kept:
                raise NotFound("no earlier model's vectors are kept", hint="vecclust migrate --status says more.")
            # First by word: a kill leaves a table that `sweep_former_model` drops.
            self._meta.commit({FORMER: asdict(dataclasses.replace(former, kept=False))})
            self._tables.drop(former.table)
        return former

    def sweep_former_model(self) -> bool:
        """Drop the photos of the model before where they were let go of, and that was killed; tell whether it was."""
        former = self.former_model()
        left = former is not None and not former.kept and former.table in self._tables.place.photo_tables()
        if former is not None and left:
            self._tables.drop(former.table)
        return left

    def seen_with(self, other: ModelTable) -> Self:
        """Give the library as it will be once another model is its own: the same tables, another one of photos.

        Args:
            other: the photos of that model.

        Returns:
            A view, open as long as this is. What commits the library's state through it makes the switch.
        """
        own = self._meta.entries()
        former = ModelTable(read_model(own[MODEL]), self._photos, run=self.state().current_run, until_ns=time.time_ns())
        laid_over: Entries = {MODEL: asdict(other.model), PHOTOS_TABLE: other.table, FORMER: asdict(former)}
        view = copy.copy(self)
        view._meta = Meta(self._tables, laid_over=laid_over)
        return view

    def commit_model(self) -> None:
        """Through a view: make the other model the library's own, with no run yet."""
        with self._writing():
            self._meta.commit_state(self.state())

    def tidy_photos(self) -> None:
        """Compact the table of the photos where it pays; many small commits filled it."""
        self._tables.tidy(self._photos)

    def keep_photos(self, photos: Collection[str]) -> int:
        """Remove the rows of all other photos, with nothing that belongs to them.

        Args:
            photos: which ones stay.

        Returns:
            How many went.
        """
        return self._tables.delete(self._photos, {"photo": self._tables.keys(self._photos, "photo") - set(photos)})

    def bytes_of(self, other: ModelTable) -> int:
        """Say what a model's photos take on the disk.

        Args:
            other: the photos.
        """
        folder = self._tables.place.table(other.table)
        return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def migration_place(place: LibraryPlace) -> LibraryPlace:
    """Give where the lock lies of who fills another model's table.

    Args:
        place: the library.

    Raises:
        StoreUnsuitable: the library cannot be written to.
    """
    try:
        place.migration.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise StoreUnsuitable(f"cannot write in {place.folder}: {error.strerror or error}") from error
    return LibraryPlace(place.migration)
