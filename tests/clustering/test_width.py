"""How many neighbours a layout looks at: chosen once, by the photos, and kept."""

from __future__ import annotations

import numpy as np
import pytest

from tests.clustering.worlds import blobs, world
from vecclust.clustering import Earlier, FitParams, Placer, fit, width
from vecclust.clustering.choose import Worth, settled
from vecclust.clustering.neighbours import NEAR, Neighbours

AUTO = FitParams(n_neighbors=0)


def test_it_is_chosen_where_it_is_worth_something_and_kept() -> None:
    """What was chosen is in the run, given back it changes nothing, and later fits of the collection have the same."""
    vectors, _ = blobs(n_blobs=2, n_groups=4, size=40)
    found = fit(vectors, AUTO)
    assert found.params.n_neighbors in width.WIDTHS
    assert found.params.chosen_at == len(vectors)
    assert found.state.neighbours.shape[1] == found.params.n_neighbors
    given = fit(vectors, found.params)
    np.testing.assert_array_equal(given.labels, found.labels)
    np.testing.assert_array_equal(given.state.layout, found.state.layout)


@pytest.mark.parametrize("best", width.WIDTHS)
def test_the_layout_whose_clusters_keep_neighbours_together_is_taken(
    best: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever it is; a fit that is wider keeps longer lists, and still asks the nearest few what a photo is like."""
    vectors, _ = world([60] * 5, n_noise=10)
    layouts: list[int] = []
    real = width.chosen_and_worth

    def judged(params: FitParams, points: np.ndarray, *, neighbours: np.ndarray) -> tuple[FitParams, Worth]:
        """The real clusters, worth more at one width."""
        layouts.append(params.n_neighbors)
        assert neighbours.shape[1] == NEAR
        chosen, (useful, cohesion) = real(params, points, neighbours=neighbours)
        return chosen, (useful, cohesion + (params.n_neighbors == best))

    monkeypatch.setattr(width, "chosen_and_worth", judged)
    found = fit(vectors, AUTO)
    assert layouts == list(width.WIDTHS)
    assert (found.params.n_neighbors, found.state.near.indices.shape[1]) == (best, NEAR)
    assert found.figures["n_clusters"] == 5
    placed = Placer(found.state, vectors).place(vectors[:20])
    np.testing.assert_array_equal(placed.labels, found.labels[:20])
    later = fit(vectors, AUTO, earlier=Earlier(found.state, np.arange(len(vectors))), kind="continued")
    assert layouts == list(width.WIDTHS), "chosen once"
    assert later.params.n_neighbors == best
    assert later.kind == "continued"


def test_kept_until_the_collection_has_doubled_or_for_as_long_as_its_layout_is_continued() -> None:
    """And what is given is not chosen."""
    before = FitParams(n_neighbors=30, min_cluster_size=20, min_samples=5, chosen_at=1000)
    assert settled(AUTO, n_pictures=1500, before=before).n_neighbors == 30
    assert settled(AUTO, n_pictures=2500, before=before).n_neighbors == 0
    assert settled(AUTO, n_pictures=2500, before=before, continued=True).n_neighbors == 30
    assert settled(FitParams(n_neighbors=20), n_pictures=1500, before=before).n_neighbors == 20
    sized = settled(FitParams(n_neighbors=0, min_cluster_size=8), n_pictures=1500, before=before)
    assert (sized.n_neighbors, sized.min_cluster_size, sized.chosen_at) == (30, 8, 1000)


@pytest.mark.parametrize("params", [AUTO, FitParams(n_neighbors=0, reducer="pca")])
def test_where_there_is_nothing_to_choose_it_is_the_usual(params: FitParams) -> None:
    """A few photos are one another's neighbours in any case; without UMAP nothing is laid out by them."""
    vectors, _ = world([20] * 4 if params is AUTO else [80] * 4)
    assert fit(vectors, params).params.n_neighbors == NEAR


def test_of_many_photos_a_sample_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same sample each time."""
    monkeypatch.setattr(width, "MOST_TRIED", 300)
    vectors, _ = world([100] * 6)
    seen: list[int] = []
    real = width.umap_layout

    def noted(pictures: np.ndarray, graph: Neighbours, *, params: FitParams) -> np.ndarray:
        """Lay out, and note of how many."""
        seen.append(len(pictures))
        return real(pictures, graph, params=params)

    monkeypatch.setattr(width, "umap_layout", noted)
    first = width.chosen_width(vectors, AUTO)
    assert seen == [300] * len(width.WIDTHS)
    assert first.chosen_at == 600
    assert width.chosen_width(vectors, AUTO) == first
