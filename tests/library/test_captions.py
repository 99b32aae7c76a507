"""Captions of clusters: which pictures they are made from, and what is said where they cannot be had."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.library.filled import filled_library
from vecclust.errors import ModelError, NotFound, UsageError
from vecclust.library import captions
from vecclust.library.watched import WatchedLibrary
from vecclust.testing import TAUGHT_CAPTION


@pytest.fixture
def library(tmp_path: Path, tiny_captioner: Path) -> Iterator[WatchedLibrary]:
    """A library of three colours, whose captions the tiny model writes."""
    flags = {"names.captioner": f"local-dir:{tiny_captioner}", "embed.threads": 1}
    with filled_library(tmp_path, n_each=8, flags=flags) as opened:
        yield opened


def colour_of(library: WatchedLibrary, cluster: str) -> str:
    """Give the colour of a cluster's photos, by the names of their files."""
    return Path(library.cluster(cluster).photos[0].path or "").stem.rstrip("0123456789")


def said_of(colour: str) -> str:
    """Give what the model was taught to say."""
    return TAUGHT_CAPTION.format(colour).capitalize() + "."


def test_each_cluster_is_described(library: WatchedLibrary) -> None:
    """From the most central picture, and from the mean of all; asked about together, in the order asked for."""
    ids = tuple(entry.id for entry in library.clusters().clusters)
    wanted = [said_of(colour_of(library, one)) for one in ids]
    by_medoid, by_mean = library.caption(ids), library.caption(ids, mean=True)
    assert [one.text for one in by_medoid] == [one.text for one in by_mean] == wanted
    assert [one.cluster for one in by_medoid] == list(ids)
    medoids = [(entry.medoid_photo, entry.medoid) for entry in library.clusters().clusters]
    assert [(one.photo, one.path) for one in by_medoid] == medoids
    assert [(one.of, one.photos) for one in by_medoid] == [("medoid", 1)] * 3
    assert [(one.of, one.photos, one.photo) for one in by_mean] == [("mean", 8, None)] * 3
    assert by_medoid == library.caption(ids)


def test_a_mean_is_of_some_of_many_pictures(library: WatchedLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    """Evenly from the strongest to the weakest, and never more than the limit."""
    monkeypatch.setattr(captions, "MOST_OF_MEAN", 3)
    (written,) = library.caption(("c1",), mean=True)
    assert written.photos == 3
    assert written.text == said_of(colour_of(library, "c1"))


def test_a_cluster_is_asked_about_by_its_name(library: WatchedLibrary) -> None:
    """As everywhere."""
    library.rename("c2", "Lagoon")
    assert library.caption(("Lagoon",))[0].cluster == "c2"


def test_a_picture_that_is_gone_or_damaged_is_left_out(
    library: WatchedLibrary, caplog: pytest.LogCaptureFixture
) -> None:
    """The next most typical one stands in, and a mean is of the others; what cannot be read is said."""
    entry = next(one for one in library.clusters().clusters if one.id == "c1")
    colour = colour_of(library, "c1")
    medoid = Path(entry.medoid or "")
    medoid.unlink()
    (written,) = library.caption(("c1",))
    assert written.text == said_of(colour)
    assert written.photo != entry.medoid_photo
    Path(written.path or "").write_bytes(b"no picture")
    with caplog.at_level(logging.WARNING):
        (again,) = library.caption(("c1",))
        (mean,) = library.caption(("c1",), mean=True)
    assert again.path not in (str(medoid), written.path)
    assert mean.photos == 6
    assert "left out of a caption" in caplog.text


def test_no_picture_at_all_is_said(library: WatchedLibrary) -> None:
    """Rather than a sentence about nothing."""
    for member in library.cluster("c1").photos:
        Path(member.path or "").unlink()
    with pytest.raises(NotFound, match="no picture of c1 can be read now"):
        library.caption(("c1",))


def test_what_is_no_cluster_has_no_caption(library: WatchedLibrary) -> None:
    """Neither the unclustered photos nor an id of nobody; nothing is loaded for it."""
    with pytest.raises(UsageError, match="no cluster"):
        library.caption(("unclustered",))
    with pytest.raises(NotFound, match="c99"):
        library.caption(("c1", "c99"))


def test_a_model_that_cannot_write_is_an_error_with_a_way_out(tmp_path: Path, tiny_model_folder: Path) -> None:
    """The library's own where no other one is named."""
    with filled_library(tmp_path, n_each=8, flags={"names.captioner": f"local-dir:{tiny_model_folder}"}) as library:
        with pytest.raises(ModelError, match="has no decoder") as caught:
            library.caption(("c1",))
        assert caught.value.exit_code == 5
        assert "names.captioner" in caught.value.hint


@pytest.fixture
def tiny_model_folder(tmp_path: Path) -> Path:
    """A model without a decoder."""
    from vecclust.testing import make_tiny_model

    return make_tiny_model(tmp_path / "mute")


def test_the_librarys_own_model_writes_where_it_can(tmp_path: Path, tiny_captioner: Path) -> None:
    """A library of a CoCa needs no setting."""
    import time

    from tests.library.test_library import picture
    from vecclust.testing import FakeClock

    album = tmp_path / "album"
    album.mkdir()
    for colour in ("red", "blue"):
        for number in range(10):
            (album / f"{colour}{number}.jpg").write_bytes(picture(colour, number))
    flags = {"model": f"local-dir:{tiny_captioner}", "clusters.reducer": "pca", "embed.threads": 1}
    clock = FakeClock(time.time_ns() + 3600 * 10**9)
    with WatchedLibrary.open(tmp_path / "library", write=True, flags=flags, clock=clock) as library:
        library.scan([album])
        entry = library.clusters().clusters[0]
        (written,) = library.caption((entry.id,))
        assert written.text == said_of(colour_of(library, entry.id))
        assert written.model == library.status().model
