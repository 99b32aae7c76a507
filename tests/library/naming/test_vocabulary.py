"""The words of a library and their vectors: made once a model, in parts, and kept."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from vecclust.errors import ModelError
from vecclust.library.naming import vocabulary
from vecclust.library.naming.vocabulary import (
    PART_WORDS,
    Vocabulary,
    embed_words,
    kept_words,
    lacking_words,
    let_go_of_words,
    read_vocabulary,
)
from vecclust.testing import FakeEmbedder
from vecclust.words import Word

SHIPPED = tuple(Word(f"n:{number}", f"red {number}") for number in range(2 * PART_WORDS + 1))


class Counting(FakeEmbedder):
    """A model that counts the words it is asked for, and may refuse."""

    n_asked, refuses_after = 0, 10**9

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Count, and refuse from some number on."""
        if self.n_asked >= self.refuses_after:
            raise ModelError("it went away")
        self.n_asked += len(texts)
        return super().embed_texts(texts)


@pytest.fixture(autouse=True)
def _shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "load_words", lambda: SHIPPED)
    monkeypatch.setattr(vocabulary, "_vectors", {})
    monkeypatch.setattr(vocabulary, "_read", {})


def kept_files(folder: Path) -> list[Path]:
    """Give the files of vectors."""
    return sorted((folder / "words").glob("*"))


def test_the_owners_words_come_first_and_none_stands_twice(tmp_path: Path) -> None:
    """In whatever case; what cannot be a cluster's name is left out, and the file is read anew when it changes."""
    assert read_vocabulary(tmp_path).words == SHIPPED
    file = tmp_path / "vocabulary.txt"
    file.write_text("# ours\nGrandma's kitchen\nRED 7\nc5\nunclustered\nGRANDMA'S kitchen\n")
    found = read_vocabulary(tmp_path)
    assert [word.text for word in found.words[: found.n_own + 1]] == ["Grandma's kitchen", "RED 7", "red 0"]
    assert len(found.words) == len(SHIPPED) + 1
    assert read_vocabulary(tmp_path) is found
    file.write_bytes(b"\xff\xfe\xff")
    assert read_vocabulary(tmp_path).words == SHIPPED


def test_vectors_are_made_once_and_another_word_costs_its_part_alone(tmp_path: Path) -> None:
    """Whoever asks next reads them, of this process or another; each is that of its word."""
    model = Counting()
    told: list[tuple[str, int, int]] = []
    found = read_vocabulary(tmp_path)
    made = embed_words(tmp_path, lambda: model, found, progress=lambda *step: told.append(step))
    assert (model.n_asked, len(kept_files(tmp_path))) == (len(SHIPPED), 3)
    assert [done for _, done, _ in told] == [0, PART_WORDS, 2 * PART_WORDS, len(SHIPPED)]
    let_go_of_words()
    again = kept_words(tmp_path, model.model_id, found)
    assert again is not None
    assert np.array_equal(again, made)
    assert np.array_equal(again, model.embed_texts([word.text for word in SHIPPED]))
    n_asked = model.n_asked
    (tmp_path / "vocabulary.txt").write_text("Grandma's kitchen\n")
    own = read_vocabulary(tmp_path)
    assert lacking_words(tmp_path, model.model_id, own)
    assert kept_words(tmp_path, model.model_id, own) is None
    assert len(embed_words(tmp_path, lambda: model, own)) == len(SHIPPED) + 1
    assert model.n_asked == n_asked + 1


def test_another_models_vectors_are_made_beside(tmp_path: Path) -> None:
    """Going back to a model costs nothing."""
    found, other = read_vocabulary(tmp_path), Counting(model_id="fake/other@111111111111")
    embed_words(tmp_path, Counting, found)
    assert kept_words(tmp_path, other.model_id, found) is None
    embed_words(tmp_path, lambda: other, found)
    assert other.n_asked == len(SHIPPED)
    assert kept_words(tmp_path, FakeEmbedder().model_id, found) is not None


def test_whoever_is_interrupted_goes_on_where_it_was(tmp_path: Path) -> None:
    """What was made is kept part by part."""
    model, found = Counting(), read_vocabulary(tmp_path)
    model.refuses_after = PART_WORDS
    with pytest.raises(ModelError):
        embed_words(tmp_path, lambda: model, found)
    model.refuses_after, model.n_asked = 10**9, 0
    embed_words(tmp_path, lambda: model, found)
    assert model.n_asked == len(SHIPPED) - PART_WORDS


@pytest.mark.parametrize("damage", [b"", b"nonsense", None])
def test_vectors_that_are_damaged_are_made_again(tmp_path: Path, damage: bytes | None) -> None:
    """Those of the part alone."""
    model, found = Counting(), read_vocabulary(tmp_path)
    embed_words(tmp_path, lambda: model, found)
    let_go_of_words()
    file = max(kept_files(tmp_path), key=os.path.getsize)
    if damage is None:
        np.savez(file, vectors=np.zeros((PART_WORDS, 32), np.float32))
    else:
        file.write_bytes(damage)
    assert kept_words(tmp_path, model.model_id, found) is None
    n_asked = model.n_asked
    embed_words(tmp_path, lambda: model, found)
    assert model.n_asked == n_asked + PART_WORDS
    let_go_of_words()
    assert kept_words(tmp_path, model.model_id, found) is not None


def test_a_folder_that_cannot_be_written_costs_only_the_time(tmp_path: Path) -> None:
    """The vectors are there for this process."""
    (tmp_path / "words").write_text("a file where the folder should be")
    found = read_vocabulary(tmp_path)
    made = embed_words(tmp_path, FakeEmbedder, found)
    assert kept_words(tmp_path, FakeEmbedder().model_id, found) is made


def test_a_vocabulary_is_told_by_its_words_and_what_covers_them() -> None:
    """A word that gets another wider one is another vocabulary."""
    one, other = Vocabulary((Word("n:1", "red"),)), Vocabulary((Word("n:1", "red", ("n:2",)),))
    assert one.key != other.key
    assert one.key == Vocabulary((Word("n:1", "red"),)).key
    assert list(Vocabulary(SHIPPED[:3], n_own=1).parts()) == [("red 0",), ("red 1", "red 2")]


def test_only_words_that_a_model_was_taught_may_name() -> None:
    """Where a list beside its weights says what these are; the wider words of one stay those that they were."""
    words = (Word("1", "koala"), Word("2", "zither"), Word("3", "goldfish", ("4",)), Word("4", "fish"))
    found = Vocabulary(words)
    assert found.covers("ViT-B-32/laion2b_s34b_b79k")[:2] == (frozenset({0}), frozenset({1}))
    assert found.covers("bundled")[0] == frozenset({0})
    assert found.covers("bundled")[1] == frozenset()
    assert found.covers("bundled")[2] == frozenset({2, 3})


def test_a_model_that_is_another_meanwhile_makes_no_vectors_in_its_name(tmp_path: Path) -> None:
    """Vectors of two models never meet: what was made stays the first one's, and the second makes all of its own."""
    first, second = Counting(), Counting(model_id="another@1")
    given = iter([first, first, second, second, second])
    words = Vocabulary(SHIPPED)
    with pytest.raises(ModelError, match="by now"):
        embed_words(tmp_path, lambda: next(given), words)
    assert (first.n_asked, second.n_asked, len(kept_files(tmp_path))) == (PART_WORDS, 0, 1)
    embed_words(tmp_path, lambda: second, words)
    assert second.n_asked == len(SHIPPED)
    assert kept_words(tmp_path, first.model_id, words) is None
