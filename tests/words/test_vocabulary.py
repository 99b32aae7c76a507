"""The shipped vocabulary: whole, without doubles, reachable upwards, and quick to read."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from vecclust.demo.scenes import SCENES
from vecclust.embeddings import find_vocabulary
from vecclust.words import LANGUAGES, TEMPLATES, Word, covers, load_words, words_meant
from vecclust.words.vocabulary import FOLDER

OTHERS = tuple(language for language in LANGUAGES if language != "en")
# One word for two things, as the language has it.
SAME_WORD = {
    "de": {"uhr", "fussball"},
    "es": {"reloj", "cometa"},
    "fr": {"bureau", "glace", "avocat", "café"},
    "zh": set[str](),
}
# What the bundled model was taught besides classes: plurals, and other phrasings of a scene that has its word.
PHRASINGS = {
    "clothes", "dunes in the desert", "flowers", "hoofed animal", "meadow full of flowers", "mountains in snow",
    "portrait of a person", "potter s wheel", "sailboat", "sea animal", "trees in a forest",
}  # fmt: skip
ABSTRACT = {"entity", "object", "whole", "artifact", "thing", "matter", "substance", "organism", "abstraction", "group"}


def texts() -> dict[str, Word]:
    """The words by what they say, in small letters."""
    return {word.text.casefold(): word for word in load_words()}


def test_some_thousands_of_words_ship_and_no_two_are_alike() -> None:
    """Neither ids nor texts repeat, whatever their letters."""
    words = load_words()
    assert 4_000 <= len(words) <= 4_500
    assert len({word.id for word in words}) == len(words) == len(texts())


def test_ids_are_of_wordnet_or_say_what_kind_of_thing_they_name() -> None:
    """A library keeps them, so their form is promised; none looks like a word of the owner's."""
    kinds = {word.id.split(":")[0] for word in load_words() if ":" in word.id}
    assert all(re.fullmatch(r"n\d{8}|[a-z]+:[a-z0-9]+(-[a-z0-9]+)*", word.id) for word in load_words())
    assert "own" not in kinds
    assert {"place", "event", "activity"} <= kinds


def test_wider_words_are_in_the_list_and_lead_up_without_a_circle() -> None:
    """Each way up ends, after a few steps, at a word that has none wider."""
    by_id = {word.id: word for word in load_words()}
    for word in by_id.values():
        level, steps = set(word.wider), 0
        while level:
            steps += 1
            assert level <= by_id.keys(), word
            assert word.id not in level, word
            assert steps < 10, word
            level = {wider for each in level for wider in by_id[each].wider}


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        ("palm tree", "tree"),
        ("puppy", "dog"),
        ("birthday cake", "cake"),
        ("golden retriever", "retriever"),
        ("beach at sunset", "beach"),
        ("beagle", "hound"),
        ("birthday party", "party"),
        ("pine", "conifer"),
        ("tulip", "flower"),
        ("city at night", "city"),
        ("computer mouse", "electronic device"),
        ("crane bird", "wading bird"),
    ],
)
def test_the_next_wider_word_is_what_people_would_say(narrow: str, wide: str) -> None:
    """Some of each kind, those with two meanings among them."""
    known = texts()
    assert known[wide].id in known[narrow].wider


def test_nothing_abstract_stands_in_the_list() -> None:
    """A cluster of "objects" says nothing."""
    assert not ABSTRACT & texts().keys()


def test_all_that_the_bundled_model_was_taught_is_there() -> None:
    """All classes of Tiny ImageNet and their kinds, the demo's scenes, and the kinds of the labelled sets."""
    taught = find_vocabulary("bundled")
    assert taught is not None
    known = texts()
    assert {phrase for phrase in taught.phrases if phrase not in known} == PHRASINGS
    assert "potter's wheel" in known
    for scene in SCENES:
        assert words_meant(scene.name), scene.name
    kinds = ("dog", "elephant", "giraffe", "guitar", "horse", "house", "person")
    assert all(kind in known for kind in (*kinds, "building", "forest", "glacier", "mountain", "sea", "street"))


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_every_word_once(language: str) -> None:
    """The same ids in the same order, none empty, and one word for two things only where the language has it so."""
    lines = [line.split("\t") for line in (FOLDER / f"{language}.tsv").read_text(encoding="utf-8").splitlines()]
    assert [line[0] for line in lines] == [word.id for word in load_words()]
    said = sorted(text.casefold() for _, text in lines)
    assert all(text == text.strip() and text for text in said)
    assert {before for before, after in pairwise(said) if before == after} == SAME_WORD[language]
    assert not any("(" in text for text in said)


def test_german_words_begin_with_a_capital() -> None:
    """Nouns do, and so does what stands before them in a name."""
    lines = (FOLDER / "de.tsv").read_text(encoding="utf-8").splitlines()
    small = [line for line in lines if not re.match(r"[A-ZÄÖÜ\d]|iPod", line.split("\t")[1])]
    assert small == []


def test_the_notices_of_the_sources_are_kept() -> None:
    """Whatever source stands in the list has its terms beside it."""
    notices = (FOLDER / "NOTICES.md").read_text(encoding="utf-8")
    sources = {line.split("\t")[3] for line in (FOLDER / "en.tsv").read_text(encoding="utf-8").splitlines()}
    assert sources == {"wordnet", "places365", "openimages", "vecclust"}
    assert all(f"`{source}`" in notices for source in sources)
    assert "WordNet 3.0 Copyright 2006 by Princeton University" in notices
    assert "NOTICES.md" in (Path(__file__).resolve().parents[2] / "pyproject.toml").read_text(encoding="utf-8")


def test_a_word_is_covered_by_itself_its_phrase_s_end_and_its_wider_words() -> None:
    """Nothing else covers it, and what is not asked about covers nothing."""
    tree, palm, mine, cake, candles = (
        Word("n1", "tree", ("n9",)),
        Word("n2", "date palm", ("n1",)),
        Word("own:our old Tree", "our old Tree"),
        Word("n3", "cake"),
        Word("n4", "cake with candles"),
    )
    found = covers((tree, palm, mine, cake, candles))
    assert found == (frozenset({0}), frozenset({1, 0}), frozenset({2, 0}), frozenset({3}), frozenset({4, 3}))


def test_a_part_of_a_word_covers_nothing() -> None:
    """An ant is not in an elephant, nor a car in a carpet."""
    words = (Word("n1", "ant"), Word("n2", "elephant"), Word("n3", "car"), Word("n4", "carpet"))
    assert covers(words) == tuple(frozenset({place}) for place in range(4))


def test_templates_hold_the_word_once_and_the_bare_word_is_first() -> None:
    """People's captions and their searches both."""
    assert TEMPLATES[0] == "{}"
    assert all(template.count("{}") == 1 for template in TEMPLATES)


def test_reading_the_list_is_quick_and_only_done_when_asked() -> None:
    """A tenth of a second would be felt in each command; nothing is read by importing the room."""
    program = (
        "import time, vecclust.words as words\n"
        "from vecclust.words import vocabulary\n"
        "assert vocabulary.load_words.cache_info().currsize == 0\n"
        "start = time.process_time(); words.load_words(); print(time.process_time() - start)"
    )
    took = min(
        float(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout)
        for _ in range(2)
    )
    assert took < 0.05  # 0.005 measured; a machine at work is slower
    start = time.process_time()
    load_words()
    assert time.process_time() - start < 0.001 or load_words() is load_words()
