"""What a fit is asked to do."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from vecclust.clustering import FitParams


@pytest.mark.parametrize(("n_photos", "size"), [(0, 3), (12, 3), (32, 4), (39, 4), (40, 5), (2_000, 5), (200_000, 5)])
def test_the_smallest_cluster_has_five_photos_and_three_or_four_of_a_handful(n_photos: int, size: int) -> None:
    """Kinds of a dozen photos have four, and a trip of eight among thousands is a cluster."""
    assert FitParams().resolved(n_photos).min_cluster_size == size


def test_what_is_automatic_is_resolved_for_any_size() -> None:
    """Thirty neighbours, five of which make a photo dense; the resolution is left to the photos."""
    params = FitParams().resolved(1_000)
    assert (params.n_neighbors, params.min_samples) == (30, 5)
    assert (params.resolution, params.n_clusters, params.chosen_at) == (0.0, 0, 0)


def test_a_given_size_is_taken_as_it_is() -> None:
    """Only 0 means automatic."""
    params = FitParams(min_cluster_size=33, min_samples=7, n_neighbors=12).resolved(100)
    assert (params.min_cluster_size, params.min_samples, params.n_neighbors) == (33, 7, 12)


def test_resolving_twice_changes_nothing() -> None:
    """What a run records can be given back to the next fit."""
    once = FitParams().resolved(1_000)
    assert once.resolved(5) == once


@pytest.mark.parametrize(
    "wrong",
    [
        {"reducer": "tsne"},
        {"clusterer": "dbscan"},
        {"n_neighbors": 1},
        {"n_neighbors": 15.0},
        {"n_components": 0},
        {"seed": -1},
        {"seed": 2**32},
        {"min_cluster_size": 1},
        {"min_cluster_size": True},
        {"min_samples": -1},
        {"n_clusters": -2},
        {"resolution": -0.5},
        {"resolution": "1"},
        {"resolution": float("nan")},
        {"resolution": float("inf")},
        {"chosen_at": -1},
        {"granularity": "medium"},
        {"assign_all": 1},
        {"threads": -1},
    ],
)
def test_a_value_out_of_range_is_refused_by_name(wrong: dict[str, Any]) -> None:
    """The message names the parameter."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        FitParams(**wrong)


def test_parameters_survive_the_way_to_json_and_back() -> None:
    """A run's record rebuilds them; a field more or less is refused."""
    params = FitParams(reducer="pca", seed=7, resolution=1.5)
    values = params.as_dict()
    assert FitParams.from_dict(values) == params
    assert set(values) == {field.name for field in fields(FitParams)}
    with pytest.raises(ValueError, match="exactly"):
        FitParams.from_dict(values | {"epsilon": 1})
    values.pop("seed")
    with pytest.raises(ValueError, match="exactly"):
        FitParams.from_dict(values)


def test_parameters_of_a_run_made_before_this_version_are_read() -> None:
    """They name sizes that are gone and no resolution: it is chosen by the next fit."""
    values = FitParams(seed=7).as_dict() | {"min_group_size": 5, "max_share": 0.15}
    values.pop("resolution")
    assert FitParams.from_dict(values) == FitParams(seed=7)


def test_what_is_no_dict_is_refused_as_one() -> None:
    """A run whose facts name no parameters is damaged, and says so instead of failing elsewhere."""
    for values in (None, 3):
        with pytest.raises(TypeError):
            FitParams.from_dict(values)  # type: ignore[arg-type]


BEFORE = FitParams(resolution=1.7, chosen_at=1_000, granularity="fine")


def test_the_resolution_is_kept_while_the_collection_is_about_as_large() -> None:
    """Chosen anew when it has doubled or halved; the size for which it was chosen goes along."""
    for n, resolution, chosen_at in [(600, 1.7, 1_000), (1_500, 1.7, 1_000), (400, 0.0, 0), (2_100, 0.0, 0)]:
        kept = FitParams().carry_over(BEFORE, n_pictures=n)
        assert (kept.resolution, kept.chosen_at) == (resolution, chosen_at)


def test_what_is_given_or_named_is_not_carried_over() -> None:
    """A resolution that is asked for counts; a granularity that is named replaces the earlier one; else it stays."""
    assert FitParams(resolution=3.0).carry_over(BEFORE, n_pictures=1_000).resolution == 3.0
    assert FitParams(granularity="coarse").carry_over(BEFORE, n_pictures=1_000).granularity == "coarse"
    assert FitParams().carry_over(BEFORE, n_pictures=1_000).granularity == "fine"
    assert FitParams().carry_over(BEFORE, n_pictures=9_000).granularity == "fine"


def test_without_an_earlier_choice_nothing_is_carried_over() -> None:
    """No fit before, or one of k-means: automatic, and no longer `kept`."""
    for before in (None, FitParams(clusterer="kmeans", granularity="auto")):
        kept = FitParams().carry_over(before, n_pictures=1_000)
        assert kept == FitParams(granularity="auto")
