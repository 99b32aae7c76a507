"""What a fit is asked to do."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from vecclust.clustering import FitParams


@pytest.mark.parametrize(
    ("n_pictures", "size"), [(0, 5), (6, 5), (499, 5), (700, 7), (2_000, 20), (2_100, 20), (200_000, 20)]
)
def test_smallest_cluster_is_one_percent_between_five_and_twenty(n_pictures: int, size: int) -> None:
    """1 % fits the article's 2,100 photos; of a large collection it loses the small clusters."""
    assert FitParams().resolved(n_pictures).min_cluster_size == size


def test_a_given_size_is_taken_as_it_is() -> None:
    """Only 0 means automatic."""
    params = FitParams(min_cluster_size=33, min_samples=7).resolved(100)
    assert (params.min_cluster_size, params.min_samples) == (33, 7)


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
        {"max_share": 0.0},
        {"max_share": 1.5},
        {"max_share": "0.2"},
        {"max_share": float("nan")},
        {"threads": -1},
    ],
)
def test_a_value_out_of_range_is_refused_by_name(wrong: dict[str, Any]) -> None:
    """The message names the parameter."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        FitParams(**wrong)


def test_parameters_survive_the_way_to_json_and_back() -> None:
    """A run's record rebuilds them; a field more or less is refused."""
    params = FitParams(reducer="pca", seed=7, max_share=0.5)
    values = params.as_dict()
    assert FitParams.from_dict(values) == params
    assert set(values) == {field.name for field in fields(FitParams)}
    with pytest.raises(ValueError, match="exactly"):
        FitParams.from_dict(values | {"epsilon": 1})
    values.pop("seed")
    with pytest.raises(ValueError, match="exactly"):
        FitParams.from_dict(values)
