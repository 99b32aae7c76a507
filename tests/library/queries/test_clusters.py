"""How clusters are listed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.library.filled import filled_library
from vecclust.cli.clusters import show_clusters
from vecclust.library.queries import clusters
from vecclust.library.watched import WatchedLibrary
from vecclust.testing import FakeEmbedder


def test_a_cluster_whose_photos_are_mostly_unlikely_says_that_it_is_mixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Clear kinds are not mixed; with a threshold above their strength they are, and the table says so."""
    with filled_library(tmp_path, n_each=8) as library:
        found = library.clusters()
        assert found.clusters
        assert not any(entry.is_mixed for entry in found.clusters)
        assert min(entry.strength for entry in found.clusters) > 0.5
        monkeypatch.setattr(clusters, "MIXED_BELOW", 1.1)
        mixed = library.clusters()
        assert all(entry.is_mixed for entry in mixed.clusters)
        show_clusters(found)
        assert "mixed" not in capsys.readouterr().out
        show_clusters(mixed)
        assert ", mixed" in capsys.readouterr().out


def test_strengths_of_k_means_are_no_chances(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of another clusterer says nothing of mixtures."""
    monkeypatch.setattr(clusters, "MIXED_BELOW", 1.1)
    with filled_library(tmp_path, n_each=8):
        pass
    flags = {"clusters.reducer": "pca", "clusters.clusterer": "kmeans"}
    with WatchedLibrary.open(tmp_path / "library", write=True, flags=flags, embedder=FakeEmbedder()) as library:
        library.recluster()
        assert library.clusters().clusters
        assert not any(entry.is_mixed for entry in library.clusters().clusters)
