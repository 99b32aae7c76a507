"""How clusters are listed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.library.filled import filled_library
from tests.library.test_library import HUES
from vecclust.cli.clusters import show_clusters
from vecclust.errors import NotFound, UsageError
from vecclust.library.queries import clusters
from vecclust.library.watched import WatchedLibrary
from vecclust.testing import FakeEmbedder
from vecclust.types.clusters import ClusterParts
from vecclust.types.edits import EditRequest
from vecclust.types.search import Filters


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


def test_the_unclustered_photos_can_be_named_wherever_a_cluster_can(tmp_path: Path) -> None:
    """Listed by path, asked within, put into a cluster; and nothing is made of them that only a cluster can be."""
    with filled_library(tmp_path, n_each=8) as library:
        assert library.cluster("unclustered").photos == ()
        assert library.similar(tmp_path / "album" / "red0.jpg", filters=Filters(cluster="unclustered")).results == ()
        out = [str(tmp_path / "album" / f"{name}.jpg") for name in ("red5", "green2", "red1")]
        library.edit(EditRequest("move", photos=tuple(out), cluster="unclustered"))
        page = library.cluster("unclustered", limit=2)
        assert (page.entry.id, page.entry.name, page.entry.size, page.history) == ("unclustered", None, 3, ())
        assert [member.path for member in page.photos] == sorted(out)[:2]
        (tmp_path / "album" / "empty").mkdir()
        within = library.cluster("unclustered", filters=Filters(folder=tmp_path / "album" / "empty"))
        assert (within.photos, within.entry.size) == ((), 3)
        for hits in (
            library.similar(out[0], filters=Filters(cluster="unclustered")).results,
            library.search("something red", filters=Filters(cluster="unclustered")).results,
        ):
            assert hits
            assert {hit.path for hit in hits} <= set(out)
        assert library.inside("unclustered") == ClusterParts("unclustered", 3, ())
        counted = library.clusters()
        assert (counted.noise, counted.clustered) == (3, counted.photos - 3)
        home = counted.clusters[0].id
        for refused in (
            lambda: library.rename("unclustered", "Lagoon"),
            lambda: library.edit(EditRequest("merge", cluster=home, other="unclustered")),
            lambda: library.edit(EditRequest("not-together", cluster="unclustered", other=home)),
            lambda: library.edit(EditRequest("split-off", photos=(out[0],), cluster="unclustered", name="x")),
        ):
            with pytest.raises(UsageError, match="no cluster"):
                refused()
        library.edit(EditRequest("move", photos=tuple(out), cluster=home))
        assert library.cluster("unclustered").photos == ()


def test_before_the_first_run_there_is_nothing_to_name(tmp_path: Path) -> None:
    """Photos without a label are not unclustered, and it is said when there will be clusters."""
    with filled_library(tmp_path, n_each=1) as library:
        assert library.clusters().run is None
        with pytest.raises(NotFound) as refused:
            library.cluster("unclustered")
        assert "vecclust scan" in refused.value.hint


@pytest.mark.parametrize(
    ("n_each", "flags", "missing"),
    [(1, {}, 10 - len(HUES)), (1, {"clusters.min_cluster_size": 12}, 12 - len(HUES)), (8, {}, 0)],
)
def test_an_inventory_adds_up(tmp_path: Path, n_each: int, flags: dict[str, object], missing: int) -> None:
    """Photos are in clusters, in none, or without a label; files are photos, copies of them, or problems."""
    with filled_library(tmp_path, n_each=n_each, flags=flags) as library:
        shutil.copy(tmp_path / "album" / "red0.jpg", tmp_path / "album" / "copy.jpg")
        (tmp_path / "album" / "broken.jpg").write_bytes((tmp_path / "album" / "red0.jpg").read_bytes()[:300])
        library.scan()
        found, status = library.inventory(), library.status()
        assert (found.copies, found.missing_photos) == (1, missing)
        assert found.photos + found.copies + found.problems + status.pending == status.files
        assert found.photos == found.clusters.clustered + found.clusters.noise + found.unlabelled
        assert (found.unlabelled == 0) is (found.clusters.run is not None)
