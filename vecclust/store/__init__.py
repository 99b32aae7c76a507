"""The library on disk: tables, schema version, search, maintenance and the writer's lock.

The one room that knows lancedb, pyarrow and filelock. A library is one directory; `Store.open` is the way in.
It refuses to know what a photo looks like, how a vector is made and how clusters are found.
Invariants: one writer at a time by a lock that a killed process gives back; one commit per visible change;
readers take no lock, never wait and never see half a run; vectors of two models never lie in one library.
Importing this room costs nothing: lancedb and pyarrow are imported when a store is opened.
"""

from __future__ import annotations

from vecclust.store.files import Counts
from vecclust.store.labels import LabelCounts, TimeSpan
from vecclust.store.layout import StoreSettings, storable_text
from vecclust.store.store import Maintained, Store
from vecclust.store.writer import Holder

__all__ = [
    "Counts",
    "Holder",
    "LabelCounts",
    "Maintained",
    "Store",
    "StoreSettings",
    "TimeSpan",
    "storable_text",
]
