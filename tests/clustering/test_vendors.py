"""What is read of hdbscan and umap that they do not promise: one module each, and a word of what breaks without it."""

from __future__ import annotations

import ast
import importlib
from importlib.metadata import version
from pathlib import Path

import hdbscan
import numpy as np
import pytest

from vecclust.clustering.layout import UMAP_KERNELS
from vecclust.clustering.warm_start import UMAP_A, UMAP_B

ROOM = Path(__file__).resolve().parents[2] / "vecclust" / "clustering"
# umap says at its first import that it does without TensorFlow.
pytestmark = pytest.mark.filterwarnings("ignore:Tensorflow:ImportWarning")


def part_of(package: str, module: str, name: str, *, reader: str) -> object:
    """Give a private part of a vendor, or say who reads it."""
    found = importlib.import_module(module)
    for each in name.split("."):
        found = getattr(found, each, None)
        assert found is not None, f"{package} {version(package)} no longer has {module}.{name}: {reader}"
    return found


def test_hdbscan_has_what_is_read_of_it() -> None:
    """Three private functions, the linkage of a fitted model, and the columns of a condensed tree."""
    condense_tree = part_of(
        "hdbscan", "hdbscan._hdbscan_tree", "condense_tree",
        reader="clustering/tree.py condenses one hierarchy for several smallest clusters with it",
    )  # fmt: skip
    part_of(
        "hdbscan", "hdbscan.prediction", "_find_cluster_and_probability",
        reader="clustering/prediction.py repeats it over plain arrays",
    )  # fmt: skip
    part_of(
        "hdbscan", "hdbscan.plots", "CondensedTree._select_clusters",
        reader="the golden test of predictions tells it which nodes were chosen",
    )  # fmt: skip
    part_of("hdbscan", "hdbscan.validity", "validity_index", reader="clustering/figures.py takes DBCV from it")
    points = np.random.default_rng(0).normal(size=(40, 2))
    model = hdbscan.HDBSCAN(min_cluster_size=2, core_dist_n_jobs=1).fit(points)
    tree = getattr(model, "single_linkage_tree_", None)
    reads = f"hdbscan {version('hdbscan')}: clustering/tree.py reads"
    assert tree is not None, f"{reads} `single_linkage_tree_`"
    assert callable(condense_tree)
    records = condense_tree(tree.to_numpy(), 5)
    wanted = {"parent", "child", "lambda_val", "child_size"}
    assert wanted <= set(records.dtype.names), f"{reads} these columns of a condensed tree"
    assert records["parent"].min() == len(points), f"{reads} the root as the first number after the points"


def test_umap_has_what_is_read_of_it() -> None:
    """The three kernels that are kept on disk, and the curve that light fits follow."""
    for module, name in UMAP_KERNELS:
        kernel = part_of("umap-learn", module, name, reader="clustering/layout.py lets numba keep it on disk")
        assert hasattr(kernel, "enable_caching"), f"{module}.{name} is not compiled by numba: every process starts cold"
    find_ab_params = part_of(
        "umap-learn", "umap.umap_", "find_ab_params", reader="this test holds the curve against it"
    )
    assert callable(find_ab_params)
    curve = find_ab_params(1.0, 0.0)
    assert curve == pytest.approx((UMAP_A, UMAP_B), rel=1e-4), "clustering/warm_start.py pulls and pushes by this curve"


@pytest.mark.parametrize(("private", "owner"), [("hdbscan._", "tree.py"), ("umap.", "layout.py")])
def test_one_module_alone_reaches_into_a_vendor(private: str, owner: str) -> None:
    """Another that imports a private part would have to be changed with it."""
    reaching = set()
    for file in ROOM.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []
            if any(name.startswith(private) and " " not in name for name in names):
                reaching.add(file.name)
    assert reaching == {owner}
