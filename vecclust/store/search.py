"""Questions by vector, and what can be told of clusters in one pass.

Below the size at which an index pays, and whenever a filter is set, every vector is compared: the answer is
exact. Above it, an IVF_SQ index finds ten times as many candidates as asked for and compares their true
vectors. Scores are cosine similarities to six decimals, which is what float32 can tell; equal ones are
ordered by photo.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vecclust.store.filters import Filter, at_least, below, both, one_of
from vecclust.store.rows import check_vector, read_labels
from vecclust.store.schema import PHOTOS, labels_table, run_number
from vecclust.store.shelf import in_parts
from vecclust.store.values import LabelCounts, TimeSpan
from vecclust.store.words import WordShelf
from vecclust.types.clusters import Label

# Recall at 20 over 200,000 x 512 vectors: 0.975 without refining, 1.000 with this factor, at 7 to 12 ms.
_REFINE = 10
# Rows fetched beyond the limit, so that a burst of equal scores at its end can be put in order.
_SPARE = 32
# A filter of 10,000 ids takes 0.1 s to plan; a larger set is applied to the ordered answer instead.
_IDS_IN_FILTER = 10_000
_DECIMALS = 6


class SearchShelf(WordShelf):
    """The part of a store that answers questions."""

    def search(
        self,
        vector: NDArray[np.float32],
        *,
        limit: int,
        within: Collection[str] | None = None,
        since_ns: int | None = None,
        until_ns: int | None = None,
    ) -> list[tuple[str, float]]:
        """Find the photos most like a vector.

        Args:
            vector: (d,) of norm 1, from the library's model.
            limit: how many at most.
            within: only these photos.
            since_ns: only photos taken then or later, as `sort_ns` orders them; none that has no time.
            until_ns: only photos taken before then; none that has no time.

        Returns:
            Photo and cosine similarity in [-1, 1], best first, equal ones by photo.

        Raises:
            ValueError: a limit below 1, or a vector that is not of this library.
        """
        if limit < 1:
            raise ValueError(f"a search asks for at least one photo, not {limit}")
        model = self._meta.model()
        n_photos = self._tables.count(PHOTOS)
        if model is None or not n_photos or (within is not None and not within):
            return []
        query = check_vector(vector, dim=model.dim)
        where = None if since_ns is None else at_least("taken_ns", since_ns)
        where = both(where, None if until_ns is None else below("taken_ns", until_ns))
        wanted = None
        if within is not None:
            if len(within) <= _IDS_IN_FILTER:
                where = both(where, one_of("photo", within))
            else:
                wanted = frozenset(within)
        return self._best(query, limit=limit, n_photos=n_photos, where=where, wanted=wanted)

    def label_counts(self, run: str | None = None) -> LabelCounts:
        """Count a run's labels as the owner wants them, by cluster and by who assigned them first.

        Args:
            run: which run, None for the current one.
        """
        told = ["cluster", "assigned_by", "newcomer"]
        table = self._label_columns(run, told)
        if table is None:
            return LabelCounts(by_cluster={}, noise=0, arrivals=0, arrivals_noise=0, newcomers=0)
        standing = self.constraints()
        shown: Counter[tuple[str | None, bool, bool]] = Counter()
        for row in table.group_by(told).aggregate([([], "count_all")]).to_pylist():
            cluster, n = row["cluster"], row["count_all"]
            shown[cluster and standing.root(cluster), row["assigned_by"] == "predict", bool(row["newcomer"])] += n
        for label in self._pinned(run):
            is_arrival, is_new = label.assigned_by == "predict", label.newcomer
            shown[label.cluster and standing.root(label.cluster), is_arrival, is_new] -= 1
            shown[standing.label(label).cluster, is_arrival, is_new] += 1
        by_cluster: Counter[str] = Counter()
        for (cluster, _, _), n in shown.items():
            if cluster is not None:
                by_cluster[cluster] += n
        return LabelCounts(
            by_cluster={cluster: n for cluster, n in by_cluster.items() if n},
            noise=sum(n for (cluster, _, _), n in shown.items() if cluster is None),
            arrivals=sum(n for (_, is_arrival, _), n in shown.items() if is_arrival),
            arrivals_noise=shown[None, True, False] + shown[None, True, True],
            newcomers=shown[None, True, True],
        )

    def time_spans(self, run: str | None = None) -> dict[str, TimeSpan]:
        """Find first and last time taken of every cluster, in one pass over labels and photos.

        Args:
            run: which run, None for the current one.

        Returns:
            Spans by cluster. A time that is only the file's own mtime says when it was copied as likely as when it
            was taken, and is left out; so are clusters none of whose photos has a better one.
        """
        labels = self._label_columns(run, ["photo", "cluster"])
        if labels is None:
            return {}
        clusters = dict(zip(labels.column("photo").to_pylist(), labels.column("cluster").to_pylist(), strict=True))
        standing = self.constraints()
        if standing.joined:
            clusters = {photo: cluster and standing.root(cluster) for photo, cluster in clusters.items()}
        clusters |= {label.photo: standing.label(label).cluster for label in self._pinned(run)}
        first: dict[str, tuple[int, str]] = {}
        last: dict[str, tuple[int, str]] = {}
        for batch in self._tables.read(PHOTOS, ["photo", "taken", "taken_ns", "taken_source"]):
            for photo, taken, taken_ns, source in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                if taken is None or source == "mtime" or (cluster := clusters.get(photo)) is None:
                    continue
                time = (taken_ns, taken)
                first[cluster] = min(first.get(cluster, time), time)
                last[cluster] = max(last.get(cluster, time), time)
        return {
            cluster: TimeSpan(datetime.fromisoformat(first[cluster][1]), datetime.fromisoformat(last[cluster][1]))
            for cluster in first
        }

    def _pinned(self, run: str | None) -> Iterator[Label]:
        """Read what a run itself says of the photos that the owner put elsewhere or pinned."""
        run = self._meta.state().current_run if run is None else run
        if run is None:
            return
        for part in in_parts(self.constraints().pins):
            yield from read_labels(self._tables.read(labels_table(run), where=one_of("photo", part)))

    def _best(
        self,
        query: NDArray[np.float32],
        *,
        limit: int,
        n_photos: int,
        where: Filter | None,
        wanted: frozenset[str] | None,
    ) -> list[tuple[str, float]]:
        """Fetch more and more until the last place of the answer is beyond doubt."""
        n_fetch = limit + _SPARE
        if wanted is not None:
            n_fetch = n_fetch * 2 * max(1, n_photos // len(wanted))
        exact = where is not None or wanted is not None or n_photos < self._settings.index_from_photos
        while True:
            found = self._nearest(query, n_fetch=n_fetch, where=where, exact=exact)
            exhausted = len(found) < n_fetch
            if exhausted and not exact and len(found) < limit:
                # An index looks into the nearest parts only; who asks for more than they hold gets the exact answer.
                exact = True
                continue
            lowest = found[-1][1] if found else 0.0
            hits = [hit for hit in found if wanted is None or hit[0] in wanted]
            hits.sort(key=lambda hit: (-hit[1], hit[0]))
            if exhausted or (len(hits) >= limit and hits[limit - 1][1] > lowest):
                return hits[:limit]
            n_fetch *= 4

    def _nearest(
        self, query: NDArray[np.float32], *, n_fetch: int, where: Filter | None, exact: bool
    ) -> list[tuple[str, float]]:
        def ask(table: Any) -> Any:
            # An index answers only to its own metric, so the metric is always named.
            asked = table.search(query).distance_type("cosine").limit(n_fetch).select(["photo", "_distance"])
            asked = asked.bypass_vector_index() if exact else asked.refine_factor(_REFINE)
            return (asked if where is None else asked.where(where, prefilter=True)).to_arrow()

        answer = self._tables.query(PHOTOS, ask)
        distances = answer.column("_distance").to_numpy().astype(np.float64)
        scores = np.clip(np.round(1.0 - distances, _DECIMALS), -1.0, 1.0).tolist()
        return list(zip(answer.column("photo").to_pylist(), scores, strict=True))

    def _label_columns(self, run: str | None, columns: list[str]) -> Any:
        state = self._meta.state()
        run = state.current_run if run is None else run
        if run is None or not 0 < run_number(run) <= state.last_run:
            return None
        return self._tables.read_whole(labels_table(run), columns)
