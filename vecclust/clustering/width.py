"""How many neighbours a layout looks at, chosen for a collection by trying.

Knows that few neighbours show small kinds and many show large ones. Refuses to know a truth: the layout is taken whose
clusters keep the photos' nearest neighbours together best, as for the sizes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vecclust.clustering.choose import LEAST_GAIN, chosen_and_worth
from vecclust.clustering.neighbours import NEAR, neighbour_graph
from vecclust.clustering.params import FitParams
from vecclust.clustering.reduce import umap_layout

logger = logging.getLogger(__name__)

# What is tried. Photos by the bundled model come out a little truer with 60 than with 15 (AMI, means of four seeds:
# pacs-photo 0.499 and 0.485, 20 classes of Tiny ImageNet 0.492 and 0.472), synthetic kinds that overlap with 15; the
# demo's album and clear synthetic kinds are the same with any. 8 was never better.
WIDTHS = (NEAR, 30, 60)
# Fewer pictures than so many times the widest are one another's neighbours in any case.
LEAST_TIMES_WIDEST = 4
# Of more, a sample of so many is tried: its three layouts cost ten seconds, about half of a fit of 20,000.
MOST_TRIED = 4000


def _is_open(params: FitParams, *, n_pictures: int) -> bool:
    """Say whether there is something to choose.

    Args:
        params: as `settled` gives them.
        n_pictures: distinct pictures.
    """
    automatic = params.n_neighbors == 0 and params.reducer == "umap" and params.clusterer == "hdbscan"
    return automatic and n_pictures >= LEAST_TIMES_WIDEST * max(WIDTHS)


def chosen_width(
    pictures: NDArray[np.float32],
    params: FitParams,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> FitParams:
    """Choose how many neighbours a layout looks at.

    Args:
        pictures: (p, d) float32 unit norm.
        params: as `settled` gives them.
        progress: called with layouts made and layouts to make.

    Returns:
        The parameters with `n_neighbors` set, and `chosen_at` where it was chosen.
    """
    if params.n_neighbors:
        return params
    if not _is_open(params, n_pictures=len(pictures)):
        return replace(params, n_neighbors=NEAR)
    rows = np.arange(len(pictures))
    if len(rows) > MOST_TRIED:
        rows = np.sort(np.random.default_rng(params.seed).choice(rows, MOST_TRIED, replace=False))
    graph = neighbour_graph(pictures[rows], k=max(WIDTHS), threads=params.threads)
    worths = {}
    for number, width in enumerate(WIDTHS):
        tried = replace(params, n_neighbors=width)
        layout = umap_layout(pictures[rows], graph, params=tried)
        _, worths[width] = chosen_and_worth(tried, layout, neighbours=graph.nearest(NEAR).indices)
        if progress is not None:
            progress(number + 1, len(WIDTHS))
    logger.info("neighbours: clusters of use, cohesion: %s", worths)
    best = max(worths, key=lambda width: (worths[width], -width))
    useful, cohesion = worths[NEAR]
    if useful == worths[best][0] and worths[best][1] < cohesion + LEAST_GAIN:
        best = NEAR
    return replace(params, n_neighbors=best, chosen_at=len(pictures))
