"""Names by words through a change of models: there with the switch, the same words, and back again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.library.migration.models import OTHER, OtherEmbedder, make_album, opened
from tests.library.naming.coloured import use_colours
from vecclust.errors import ModelError
from vecclust.library.watched import WatchedLibrary


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library of three hues, which words name."""
    use_colours(monkeypatch)
    with opened(tmp_path / "library") as library:
        library.scan([make_album(tmp_path / "album")])
        assert named(library) == {"Red", "Green", "Blue"}
    return tmp_path / "library"


def named(library: WatchedLibrary) -> set[str | None]:
    """Give the names there are."""
    return {entry.name for entry in library.clusters().clusters}


def test_a_switch_comes_with_names_and_so_does_the_way_back(folder: Path) -> None:
    """The words' vectors were made with the photos'; afterwards no model is asked for them."""
    with opened(folder) as library:
        report = library.prepare_model(OTHER)
        assert named(library) == {"Red", "Green", "Blue"}
        library.switch_model()
        assert (library.folder / "fits" / str(report.run) / "words.json").exists()
        assert named(library) == {"Red", "Green", "Blue"}
    with opened(folder, embedder=OtherEmbedder()) as library:
        library.prepare_model(back=True)
        library.switch_model(back=True)
        assert (library.runs()[1], named(library)) == ("r1", {"Red", "Green", "Blue"})


def test_another_model_that_knows_no_words_is_prepared_all_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without names, and somebody is told why; the next process with that model finds them."""

    def refuse(*_: object) -> None:
        raise ModelError("it has no words")

    with opened(folder) as library, monkeypatch.context() as patched:
        patched.setattr(OtherEmbedder, "embed_texts", refuse)
        library.prepare_model(OTHER)
        library.switch_model()
        assert named(library) == {None}
    assert "it has no words" in caplog.text
    with opened(folder, embedder=OtherEmbedder()) as library:
        library.scan()
        assert named(library) == {"Red", "Green", "Blue"}
