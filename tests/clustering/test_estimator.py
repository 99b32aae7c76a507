"""The fits in scikit-learn's manner."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import adjusted_mutual_info_score
from sklearn.utils.estimator_checks import check_estimator

from tests.clustering.conftest import Fitted
from vecclust.clustering import VectorClusterer

README = Path(__file__).resolve().parents[2] / "docs" / "library.md"


# Rows of zeros have no direction; arrays of other kinds are not looked at.
NOT_OURS = {"check_estimators_dtypes", "check_array_api_input"}


@pytest.mark.parametrize(
    ("reducer", "clusterer", "fails"),
    [
        # `n_clusters` is set to three: that of k-means, which communities do not ask for.
        ("pca", "hdbscan", NOT_OURS | {"check_clustering"}),
        pytest.param("pca", "kmeans", NOT_OURS, marks=pytest.mark.slow),
        pytest.param("umap", "hdbscan", NOT_OURS | {"check_clustering"}, marks=pytest.mark.slow),
    ],
)
def test_scikit_learns_own_checks_hold(reducer: str, clusterer: str, fails: set[str]) -> None:
    """All that apply."""
    with warnings.catch_warnings():
        # scikit-learn warns of checks that are skipped, hdbscan of an argument that it renamed.
        warnings.simplefilter("ignore")
        results = check_estimator(VectorClusterer(reducer=reducer, clusterer=clusterer), on_fail=None)
    others = {result["check_name"] for result in results if result["status"] != "passed"}
    assert others == fails
    assert len(results) > 40


def test_labels_keep_their_meaning_when_rows_come(groups: Fitted) -> None:
    """Old rows keep their numbers over refits, a kind that comes late gets a new one, lengths of rows do not matter."""
    vectors, truth = groups.vectors, groups.truth
    order = np.argsort(truth == 11, kind="stable")
    parts = np.split(order, [300, 400, int((truth != 11).sum())])
    model = VectorClusterer()
    for part in parts[:3]:
        model.partial_fit(3.0 * vectors[part])
    before = model.labels_
    model.partial_fit(vectors[parts[3]])
    assert model.fit_.kind == "continued"
    assert model.labels_.shape == model.probabilities_.shape == (len(vectors),)
    stayed = model.labels_[: len(before)] == before
    assert stayed[before >= 0].mean() > 0.97
    late = model.labels_[len(before) :]
    assert np.bincount(late[late >= 0]).argmax() > before.max()
    assert adjusted_mutual_info_score(truth[order], model.labels_) > 0.95
    np.testing.assert_array_equal(model.predict(vectors[order]), model.labels_)
    np.testing.assert_array_equal(model.predict(-vectors[:5]), [-1] * 5)


def test_a_fit_begins_anew(groups: Fitted) -> None:
    """Its numbers begin at 0; those of a continued one go on where the numbers were."""
    vectors = groups.vectors
    model = VectorClusterer().fit(vectors)
    before = model.labels_
    assert sorted(set(before.tolist()) - {-1}) == list(range(12))
    model.set_params(clusterer="kmeans", n_clusters=30).partial_fit(vectors[:1])
    assert sorted(set(model.labels_.tolist()) - set(before.tolist())) == list(range(12, 30))
    assert model.fit(vectors).labels_.max() == 29


def test_the_example_in_the_readme_does_what_it_says() -> None:
    """Its assertions hold as they stand there."""
    (example,) = re.findall(r"```python\n(import numpy.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert example.count("assert") == 2
    exec(example, {})
