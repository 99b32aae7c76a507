"""The figures that judge a model: known answers, and the script on a model made on the fly."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_clip import figures, judging, model

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "eval_model"


def unit(rows: np.ndarray) -> np.ndarray:
    """Bring rows to norm 1."""
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def test_zero_shot_counts_pictures_nearest_to_their_own_text() -> None:
    """Three of four pictures lie at their class."""
    texts = np.eye(2, dtype=np.float32)
    pictures = unit(np.array([[1, 0.1], [0.9, 0.2], [0.1, 1], [1, 0.5]]))
    assert figures.zero_shot_top1(pictures, labels=np.array([0, 0, 1, 1]), class_vectors=texts) == 0.75


def test_a_picture_is_not_its_own_neighbour() -> None:
    """One odd picture among six of another class is outvoted, though nobody is nearer to it than itself."""
    vectors = unit(np.array([[1, 0.01 * i] for i in range(6)] + [[1, 0.5]]))
    labels = np.array([0, 0, 0, 0, 0, 0, 1])
    assert figures.neighbour_accuracy(vectors, labels=labels) == pytest.approx(6 / 7)


def test_two_far_groups_are_told_apart_across_blocks() -> None:
    """More pictures than one block holds: every neighbour is of the own group."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 1500)
    vectors = unit(np.eye(4)[labels] + rng.normal(0, 0.05, (1500, 4)))
    assert figures.neighbour_accuracy(vectors, labels=labels) == 1.0


def test_histograms_tell_colours_apart_and_have_unit_norm() -> None:
    """Red and blue pictures with noise are neighbours of their own kind; the vectors are valid."""
    rng = np.random.default_rng(0)
    labels = np.arange(20) % 2
    pixels = rng.integers(0, 80, (20, 3, 16, 16), dtype=np.uint8)
    pixels[np.arange(20), labels * 2] += 150
    vectors = figures.handmade_vectors(pixels)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert figures.neighbour_accuracy(vectors, labels=labels) == 1.0


def test_purity_is_the_share_of_the_commonest_class() -> None:
    """Two clusters of three, one stray: five of six; nothing clustered is no merit."""
    assert judging.purity(np.array([0, 0, 0, 1, 1, 1]), labels=np.array([5, 5, 6, 7, 7, 7])) == pytest.approx(5 / 6)
    assert judging.purity(np.empty(0, np.int64), labels=np.empty(0, np.int64)) == 0.0


@pytest.mark.slow
def test_the_script_judges_any_open_clip_directory(tmp_path: Path) -> None:
    """A fresh model on a folder of two colours: all sections that are asked for come as JSON, and no other."""
    torch.manual_seed(0)
    config = model.model_config(tower="test_resnet", image_px=32, embed_dim=32, text_width=64)
    model.export(model.build(config), tmp_path / "model", config=config)
    rng = np.random.default_rng(0)
    for channel, name in ((0, "red"), (2, "blue")):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(12):
            pixels = rng.integers(0, 80, (40, 40, 3), dtype=np.uint8)
            pixels[..., channel] += 150
            Image.fromarray(pixels).save(tmp_path / "data" / name / f"{number}.png")
    line = [sys.executable, str(SCRIPT), f"local-dir:{tmp_path / 'model'}", str(tmp_path / "data"), "--json"]
    done = subprocess.run([*line, "--clusters", "--speed"], capture_output=True, text=True, check=True, timeout=300)
    found = json.loads(done.stdout)
    assert set(found) == {"model", "data", "classes", "clusters", "clusters_untrained", "speed"}
    assert found["classes"]["n_pictures"] == 24
    assert found["classes"]["neighbours_5_histograms"] == 1.0
    assert found["speed"]["pictures_per_second"] > 0


def test_a_mistake_is_said_in_one_line(tmp_path: Path) -> None:
    """A model that is not there ends with exit code 1 and no traceback."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), f"local-dir:{tmp_path / 'none'}"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1
    assert done.stderr.startswith("eval_model: ")
    assert "Traceback" not in done.stderr
