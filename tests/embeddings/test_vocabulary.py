"""Which words a model was taught: said where it is known, and never guessed."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from vecclust.demo.scenes import SCENES
from vecclust.embeddings import COMMON_WORDS, Vocabulary, find_vocabulary, naming_words
from vecclust.embeddings.names import BUNDLED_NOT_GOOD_FOR
from vecclust.embeddings.vocabulary import WORDS_FILE, write_vocabulary
from vecclust.errors import ModelError

KINDS = Path(__file__).resolve().parents[2] / "scripts" / "tiny_clip" / "kinds.toml"


def bundled() -> Vocabulary:
    """What the bundled model was taught."""
    found = find_vocabulary("bundled")
    assert found is not None
    return found


def test_the_bundled_model_has_the_list_of_what_it_was_taught() -> None:
    """Every kind, every class of a kind and every scene's words are on it, and what is said of it has its length."""
    kinds = tomllib.loads(KINDS.read_text(encoding="utf-8"))["kinds"]
    taught = {*kinds, *(name for members in kinds.values() for name in members), *(w for s in SCENES for w in s.words)}
    phrases = bundled().phrases
    assert taught <= set(phrases)
    assert len(set(phrases)) == len(phrases)
    assert re.findall(r"\d+", BUNDLED_NOT_GOOD_FOR) == [str(len(phrases))]


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("a dog on the beach", ()),
        ("Golden Retriever's", ()),
        ("contrapuntal fugue, fugue", ("contrapuntal", "fugue")),
        ("dogs with xqzzt", ("dogs", "xqzzt")),
        ("Straße 2024 🌋", ("straße", "2024")),
        ("a photo of the", ()),
        ("", ()),
    ],
)
def test_words_that_were_never_taught_are_told(text: str, unknown: tuple[str, ...]) -> None:
    """Whatever the case and the punctuation; those that name nothing are passed over."""
    assert bundled().unknown(text) == unknown


def test_singular_and_plural_are_two_words_and_the_other_one_is_named() -> None:
    """To the bundled model "dogs" says nothing."""
    assert [bundled().nearest(word) for word in ("dogs", "mountains", "flower", "xs")] == [
        "dog",
        "mountain",
        "flowers",
        None,
    ]


def test_of_a_model_without_a_list_nothing_is_said(tmp_path: Path) -> None:
    """Models of the hub, and folders with weights alone; a list that cannot be read is an error, not an empty one."""
    assert find_vocabulary("ViT-B-32/openai") is None
    assert find_vocabulary("hf-hub:org/name") is None
    assert find_vocabulary(f"local-dir:{tmp_path}") is None
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / WORDS_FILE).write_bytes(b"\xff\xfe")
    with pytest.raises(ModelError, match="cannot be read"):
        find_vocabulary(f"local-dir:{tmp_path / 'bad'}")


def test_a_list_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Each phrase once, in order."""
    write_vocabulary(tmp_path, ["red car", "dog", "red car"])
    found = find_vocabulary(f"local-dir:{tmp_path}")
    assert found == Vocabulary(("dog", "red car"))


def test_common_words_are_single_words_none_twice() -> None:
    """Each is one that names something."""
    assert len(set(COMMON_WORDS)) == len(COMMON_WORDS) == 64
    assert all(naming_words(word) == (word,) for word in COMMON_WORDS)
