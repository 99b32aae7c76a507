"""Several examples in one question, and what is said of words: the bundled model on the drawn album, and doubles."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.library.test_library import HUES, picture
from vecclust import Library
from vecclust.demo.album import write_album
from vecclust.demo.scenes import SCENES
from vecclust.errors import NotFound, UsageError
from vecclust.library import reference
from vecclust.library.naming import kept_vectors
from vecclust.library.naming.kept_vectors import FOLDER
from vecclust.library.queries import verdict
from vecclust.library.watched import WatchedLibrary
from vecclust.testing import FakeEmbedder
from vecclust.types.search import Examples, Filters

BUNDLED = {"model": "bundled", "clusters.reducer": "pca"}
MEANINGLESS = (
    "quarterly report",
    "contrapuntal fugue",
    "xqzzt",
    "asdfgh",
    "tax return",
    "democracy",
    "grammar",
    "irony",
)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of 96 drawn photos of twelve scenes, with the bundled model."""
    place = tmp_path_factory.mktemp("drawn")
    write_album(place / "album", n_photos=96)
    with Library.open(place / "library", write=True, flags=BUNDLED) as library:
        library.scan([place / "album"])
    return place / "library"


@pytest.fixture
def library(drawn: Path) -> Iterator[Library]:
    """It, opened for reading."""
    with Library.open(drawn) as opened:
        yield opened


@pytest.fixture(scope="module")
def coloured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedLibrary]:
    """Twelve photos of each hue, and an embedder that sees colours."""
    place = tmp_path_factory.mktemp("coloured")
    for hue in HUES:
        (place / "album" / hue).mkdir(parents=True)
        for number in range(12):
            (place / "album" / hue / f"{number:02}.jpg").write_bytes(picture(hue, number))
    flags = {"clusters.reducer": "pca", "photos.settle_s": 0.0}
    with WatchedLibrary.open(place / "library", write=True, flags=flags, embedder=FakeEmbedder()) as opened:
        opened.scan([place / "album"])
        yield opened


def album_of(library: Library) -> Path:
    """The folder that lies beside a library."""
    return library.folder.parent / "album"


# What is said of words.


@pytest.mark.parametrize("word", [scene.name for scene in SCENES])
def test_words_for_what_is_shown_are_better_than_chance(library: Library, word: str) -> None:
    """Every scene's own word, and nothing is said that nobody need know."""
    found = library.search(word, limit=3)
    assert (found.better_than_chance, found.unknown_words, found.notices) == (True, (), ())


def test_words_that_the_model_never_learnt_are_named_first_of_all(library: Library) -> None:
    """The answer says so before its hits, in one sentence for the photos and one for the words."""
    found = library.search("quarterly reports", limit=3)
    assert (found.better_than_chance, found.unknown_words) == (False, ("quarterly", "reports"))
    assert found.notices == (
        'no photo here matches "quarterly reports" better than chance: these are only the nearest ones',
        'this library\'s model does not know the words "quarterly" and "reports"',
    )
    assert len(found.results) == 3
    assert library.search("waterfalls").notices[-1].endswith('the word "waterfalls", but it knows "waterfall"')


def test_without_a_list_of_its_words_a_model_is_held_against_chance(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of any large model, nothing is known of this one: most of what means nothing is told all the same."""
    monkeypatch.setattr("vecclust.embeddings.find_vocabulary", lambda name: None)
    monkeypatch.setattr(verdict, "reference_vectors", lambda folder, texts: texts.embed_texts(WORDS))
    told = [library.search(word).better_than_chance for word in MEANINGLESS]
    assert told.count(False) >= len(told) - 2
    assert not library.search("xqzzt").unknown_words
    assert library.search("waterfall").better_than_chance


WORDS = reference.reference_words("bundled")


def test_a_small_library_says_only_what_it_knows(tmp_path: Path) -> None:
    """Of three photos nothing can be told by chance; words never learnt are known as such."""
    write_album(tmp_path / "album", n_photos=12)
    for photo in sorted((tmp_path / "album").rglob("*.jpg"))[3:]:
        photo.unlink()
    with Library.open(tmp_path / "library", write=True, flags=BUNDLED) as library:
        library.scan([tmp_path / "album"])
        assert (library.search("beach").better_than_chance, library.search("beach").notices) == (None, ())
        assert library.search("xqzzt").better_than_chance is False
        assert not (library.folder / FOLDER).exists()


def test_filters_are_judged_by_what_they_let_through(library: Library) -> None:
    """Of a folder with few photos nothing is said; no photo of the whole library becomes a hit of the filter's."""
    few = Filters(folder=album_of(library), cluster=library.clusters().clusters[0].id)
    assert library.search("waterfall", filters=few).better_than_chance in (None, True, False)
    assert library.search("waterfall", filters=Filters(folder=album_of(library))).better_than_chance


def test_reference_words_are_kept_and_made_again_where_they_are_damaged(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One file in the library's folder, or none where it cannot be written; the answer is the same."""
    monkeypatch.setattr(reference, "_known", {})
    expected = library.search("waterfall")
    kept = kept_vectors.kept_file(library.folder, kept_vectors.key_of(library._model.texts().model_id, WORDS))
    for damage in (b"nonsense", kept.read_bytes()[:200]):
        kept.write_bytes(damage)
        monkeypatch.setattr(reference, "_known", {})
        assert library.search("waterfall") == expected
        assert len(kept.read_bytes()) > 200
    kept.unlink()

    def refuse(file: Path, **arrays: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(kept_vectors, "save_arrays", refuse)
    monkeypatch.setattr(reference, "_known", {})
    assert library.search("waterfall") == expected
    assert not kept.exists()
    assert all(name.endswith(".npz") for name in os.listdir(library.folder / FOLDER))


# Several examples.


def test_a_question_with_one_example_is_what_it_was(coloured: WatchedLibrary) -> None:
    """Nothing is added, and scores are the cosines to the one vector."""
    photo = album_of(coloured) / "red" / "03.jpg"
    found = coloured.similar(photo, limit=50)
    assert (found.query, found.plus, found.minus, found.better_than_chance) == (str(photo), (), (), None)
    keys, vectors = coloured._store.vectors()
    cosines = dict(zip(keys, vectors @ coloured._store.vector(coloured.photo(photo).photo), strict=True))
    assert [hit.score for hit in found.results] == pytest.approx(
        [cosines[hit.photo] for hit in found.results], abs=1e-5
    )
    assert len(found.results) == 35


def test_several_pictures_are_asked_about_and_are_no_answers(coloured: WatchedLibrary) -> None:
    """Neither those to be near nor those to be far; the answer says what was asked, in absolute paths."""
    red, blue = album_of(coloured) / "red", album_of(coloured) / "blue"
    examples = [red / "00.jpg", red / "01.jpg", red / "02.jpg"]
    found = coloured.similar(
        examples[0], limit=50, plus=Examples(photos=tuple(examples[1:])), minus=Examples(photos=(blue / "00.jpg",))
    )
    assert found.query == str(examples[0])
    assert (found.plus, found.minus) == (tuple(map(str, examples[1:])), (str(blue / "00.jpg"),))
    paths = [Path(hit.path) for hit in found.results]
    assert not {*examples, blue / "00.jpg"} & set(paths)
    assert len(paths) == 32
    assert {path.parent.name for path in paths[:9]} == {"red"}
    assert {path.parent.name for path in paths[-11:]} == {"blue"}


def test_words_and_pictures_add_up_and_take_away(coloured: WatchedLibrary) -> None:
    """The vector is the sum of unit vectors with their signs, of norm 1."""
    embed, photo = FakeEmbedder().embed_texts, album_of(coloured) / "green" / "00.jpg"
    near, far = Examples(texts=("blue",), photos=(photo,)), Examples(texts=("red",))
    found = coloured.search("sea", limit=50, plus=near, minus=far)
    assert (found.plus, found.minus) == (("blue", str(photo)), ("red",))
    sea, blue, red = embed(["sea", "blue", "red"])
    green = coloured._store.vector(coloured.photo(photo).photo)
    whole = sea + blue + green - red
    scores = {
        key: vector @ whole / np.linalg.norm(whole) for key, vector in zip(*coloured._store.vectors(), strict=True)
    }
    assert [hit.score for hit in found.results] == pytest.approx([scores[hit.photo] for hit in found.results], abs=1e-5)
    assert Path(found.results[-1].path).parent.name == "red"


def test_what_cannot_be_asked_is_refused(coloured: WatchedLibrary) -> None:
    """An empty text, a file that is not there, and a question that takes all of itself away again."""
    for empty in (Examples(texts=(" ",)), Examples(texts=("", "red"))):
        with pytest.raises(UsageError, match="nothing to search for"):
            coloured.search("red", plus=empty)
        with pytest.raises(UsageError, match="nothing to search for"):
            coloured.similar(album_of(coloured) / "red" / "00.jpg", minus=empty)
    with pytest.raises(NotFound, match="nowhere"):
        coloured.search("red", minus=Examples(photos=(Path("/nowhere.jpg"),)))
    with pytest.raises(UsageError, match="nothing is left"):
        coloured.search("red", minus=Examples(texts=("red",)))


def test_pictures_alone_load_no_model(coloured: WatchedLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    """Photos of the library need no embedding, however many are asked about."""
    monkeypatch.setattr(FakeEmbedder, "embed_texts", lambda *_: pytest.fail("words were embedded"))
    monkeypatch.setattr(FakeEmbedder, "embed_each", lambda *_: pytest.fail("a picture was embedded"))
    red = album_of(coloured) / "red"
    assert coloured.similar(red / "00.jpg", minus=Examples(photos=(red / "01.jpg",))).results
