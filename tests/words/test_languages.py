"""Words in other languages, and which word a typed text means."""

from __future__ import annotations

import pytest

from vecclust.words import LANGUAGES, load_words, spoken, words_meant


def named(text: str) -> str:
    """The id of the word that says this in English."""
    return next(word.id for word in load_words() if word.text == text)


@pytest.mark.parametrize(
    ("language", "said"), [("en", "beach"), ("de", "Strand"), ("es", "playa"), ("fr", "plage"), ("zh", "海滩")]
)
def test_a_word_is_said_in_each_language(language: str, said: str) -> None:
    """By the same id everywhere."""
    assert spoken(named("beach"), language) == said


def test_an_owner_s_word_is_said_as_it_was_written() -> None:
    """No language has it."""
    assert all(spoken("own:Oma's Garten", language) == "Oma's Garten" for language in LANGUAGES)


def test_a_word_that_is_in_no_list_is_said_by_its_id() -> None:
    """Such an id is of a later version's vocabulary."""
    assert spoken("n99999999", "de") == "n99999999"


def test_a_language_that_does_not_ship_is_refused() -> None:
    """By its name, with those that do."""
    with pytest.raises(ValueError, match=r"'it' is none of en, de, es, fr, zh"):
        spoken(named("beach"), "it")
    with pytest.raises(ValueError, match="'it'"):
        words_meant("spiaggia", "it")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("beach", "beach"),
        ("  BEACHES ", "beach"),
        ("dogs", "dog"),
        ("mice", "mouse"),
        ("wolves", "wolf"),
        ("cherries", "cherry"),
        ("glasses", "glasses"),
        ("birthday-cake", "birthday cake"),
        ("Valentine\N{RIGHT SINGLE QUOTATION MARK}s Day", "Valentine's Day"),
        ("strand", "beach"),
        ("Hunde", "dog"),
        ("Häuser", "house"),
        ("Bäume", "tree"),
        ("Geburtstagstorten", "birthday cake"),
        ("playas", "beach"),
        ("árboles", "tree"),
        ("arboles", "tree"),
        ("plages", "beach"),
        ("chevaux", "horse"),
        ("gâteaux", "cake"),
        ("autobuses", "bus"),
        ("gâteau d'anniversaire", "birthday cake"),
        ("海滩", "beach"),
        ("生日蛋糕", "birthday cake"),
    ],
)
def test_a_text_means_a_word_in_any_case_number_and_language(text: str, word: str) -> None:
    """Whatever language is asked first, where no other has the same text."""
    assert named(word) in words_meant(text)
    assert named(word) in words_meant(text, "fr")


@pytest.mark.parametrize(("text", "word"), [("automobile", "car"), ("moose", "elk"), ("red panda", "lesser panda")])
def test_further_names_of_a_thing_mean_it_too(text: str, word: str) -> None:
    """As WordNet has them."""
    assert words_meant(text) == (named(word),)


def test_the_language_asked_goes_first() -> None:
    """A rock is a stone in English, and a skirt in German."""
    assert words_meant("Rock", "en") == (named("rock"),)
    assert words_meant("Rock", "de") == (named("skirt"),)


def test_a_word_written_exactly_goes_before_a_form_of_another() -> None:
    """A form is a guess."""
    assert words_meant("glass") == (named("glass"),)
    assert words_meant("glasses") == (named("glasses"),)


def test_one_word_for_two_things_means_both() -> None:
    """Which one was meant cannot be known."""
    assert set(words_meant("avocat", "fr")) == {named("avocado"), named("lawyer")}


@pytest.mark.parametrize("text", ["", "   ", "xyzzy", "a photo of my dog"])
def test_other_texts_mean_no_word(text: str) -> None:
    """A sentence is a question for the model."""
    assert words_meant(text) == ()


def test_every_word_finds_itself_in_every_language() -> None:
    """What is shown may be typed."""
    for language in LANGUAGES:
        for word in load_words():
            assert word.id in words_meant(spoken(word.id, language), language)
