"""The script that judges how clusters are chosen: floors that are held, and what it makes of figures."""

from __future__ import annotations

import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import numpy as np
import pytest

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def script() -> Any:
    """The script, as a module."""
    loader = SourceFileLoader("eval_clusters", str(PROJECT / "scripts" / "eval_clusters"))
    spec = spec_from_loader("eval_clusters", loader)
    assert spec is not None
    module = module_from_spec(spec)
    sys.modules["eval_clusters"] = module
    loader.exec_module(module)
    return module


def shown(script: Any, **amis: float) -> dict[str, dict[str, float]]:
    """Figures of methods that find 3 clusters each, of which the largest is the largest kind."""
    figures: dict[str, dict[str, float]] = {}
    for method, ami in amis.items():
        scores = script.Scores()
        scores.add(np.repeat([0, 1, 2], 5), [np.repeat([0, 1, 2], 5)] * 2)
        scores.cpu_s.append(1.0)
        figures[method.replace("kmeans", "k-means")] = scores.figures() | {"ami": ami, "ari": ami}
    return figures


@pytest.mark.slow
def test_clusters_are_chosen_no_worse_than_the_floors() -> None:
    """On a few collections that are quick to look at; CLIP's vectors too where they are."""
    command = [sys.executable, "scripts/eval_clusters", "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("all floors held\n")


def test_a_floor_that_does_not_hold_is_named(script: Any) -> None:
    """Which, where, and by how much."""
    assert script.fallen(dict.fromkeys(script.FLOORS, 1.0)) == []
    assert script.fallen({"demo album": 0.5, "clip-vectors": 1.0}) == ["demo album: AMI 0.500 is below 0.99"]


def test_every_floor_is_of_a_collection(script: Any) -> None:
    """Where CLIP's vectors are."""
    assert set(script.FLOORS) <= set(script.catalogue({"clip-vectors": Path("clip-vectors.npz")}))


def test_bars_say_whether_and_where_they_are_missed(script: Any) -> None:
    """Those of methods that did not take part are not looked at."""
    figures = {
        "clip-vectors": shown(script, vecclust=1.0, Leiden=0.9, kmeans=0.9),
        "30 kinds, 10 % strangers": shown(script, vecclust=0.9, Leiden=0.95, kmeans=0.9),
    }
    told = list(script.bars(figures))
    assert told == [
        "bar: mean AMI 0.950 above every other method (Leiden 0.925, k-means 0.900): met",
        "bar: mean ARI 0.950 above every other method (Leiden 0.925, k-means 0.900): met",
        "bar: nowhere more than 0.01 AMI below Leiden: not met: 30 kinds, 10 % strangers by 0.050",
        "bar: nowhere more than 0.01 AMI below against: not looked at",
        "bar: no cluster larger than 1.5 times the largest kind (in any one fit 1.00, clip-vectors): met",
        "bar: clip-vectors at least 0.99: met",
        "bar: every world with strangers at least 0.99: not met: 30 kinds, 10 % strangers 0.900",
    ]


def test_small_collections_of_one_size_count_once(script: Any) -> None:
    """Three of them weigh as much as one large one."""
    figures = {name: shown(script, vecclust=0.3) for name in ("small: 12 of a", "small: 12 of b", "small: 12 of c")}
    assert script.mean_of(figures | {"large": shown(script, vecclust=0.9)}, "vecclust", "ami") == pytest.approx(0.6)


def test_the_largest_cluster_is_that_of_the_worst_seed(script: Any) -> None:
    """Over the largest kind, strangers left out; draws are averaged."""
    scores = script.Scores()
    truth = np.array([0, 0, 1, 1, -1, -1, -1, -1])
    apart, lumped = np.array([0, 0, 1, 1, -1, -1, -1, -1]), np.array([0, 0, 0, 0, -1, -1, -1, -1])
    scores.add(truth, [apart, lumped])
    scores.add(truth, [apart, apart])
    figures = scores.figures()
    assert (figures["largest"], figures["largest_ever"]) == (1.5, 2.0)
    assert (figures["least_clusters"], figures["most_clusters"], figures["clustered"]) == (1, 2, 0.5)


def test_every_part_of_the_end_is_a_table(script: Any) -> None:
    """With as many cells in each line."""
    figures = {name: shown(script, vecclust=1.0, kmeans=0.9) for name in ("large", "small: 12 of a")}
    for part in script.tables(figures):
        assert len({line.count("|") for line in part.splitlines()}) == 1


def test_strengths_are_judged_by_the_kind_of_their_cluster(script: Any) -> None:
    """Clear kinds are right at any strength; a bin with few photos has no share."""
    shares = script.calibrate("clear", [script.world([40] * 3)], n_seeds=1)
    assert sum(n for n, _ in shares) > 100
    assert {share for n, share in shares if n} == {1.0}
    few = script.calibration({"few": [(3, 1.0), *[(20, 0.5)] * 5]}).splitlines()
    assert few[2].startswith("| few | - (3) | 0.50 (20) |")
    assert few[3].startswith("| mean of the collections | - | 0.50 |")
