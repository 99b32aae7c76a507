"""The plain values a store is opened with.

Every default carries its reason; the configuration room may hand in others. Nothing here is read from a file.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """How a store commits, tidies up and searches.

    Attributes:
        max_merge_rows: rows per keyed commit; larger calls are cut. A keyed write joins in memory, and one of
            100,000 whole rows can end in "Resources exhausted".
        compact_fragments: small fragments left alone; 64 cost a query a few milliseconds, 2,000 cost 300.
        keep_versions_s: age up to which old versions stay, so that a reader that began before still finishes.
        index_from_photos: photos from which an index pays; below, brute force takes under 0.1 s.
        keep_runs: runs that stay restorable.
        lock_wait_s: how long a writer waits for another that is just ending.
        index_cache_bytes: bound on cached index parts; lancedb's own default lets its caches reach 6 GiB.
        metadata_cache_bytes: bound on cached table metadata, which grows by about 0.5 MB per commit.
        durable: fsync after every commit (about 2 ms); without it, losing power can lose the last commits.
    """

    max_merge_rows: int = 20_000
    compact_fragments: int = 64
    keep_versions_s: float = 3600.0
    index_from_photos: int = 50_000
    keep_runs: int = 10
    lock_wait_s: float = 0.5
    index_cache_bytes: int = 256 << 20
    metadata_cache_bytes: int = 64 << 20
    durable: bool = True

    def __post_init__(self) -> None:
        lowest = {"max_merge_rows": 1, "compact_fragments": 1, "index_from_photos": 1, "keep_runs": 1}
        for name, least in lowest.items():
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, not {getattr(self, name)}")
        if self.keep_versions_s <= 0:
            raise ValueError("keep_versions_s must be above 0: a reader needs the version it reads")
        if self.lock_wait_s < 0:
            raise ValueError("lock_wait_s cannot be negative")
