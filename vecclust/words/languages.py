"""The vocabulary in other languages: how a word is said there, and which word a typed text means."""

from __future__ import annotations

from functools import cache

from vecclust.words.forms import plain, stem
from vecclust.words.own import OWN_PREFIX
from vecclust.words.vocabulary import FOLDER, load_words

LANGUAGES = ("en", "de", "es", "fr", "zh")
"""Languages that ship: English, German, Spanish, French and simplified Chinese; English has every word."""


def spoken(word_id: str, language: str) -> str:
    """Say a word in a language.

    Args:
        word_id: of the shipped vocabulary or of the owner's own.
        language: one of `LANGUAGES`.

    Returns:
        The word; in English where the language lacks it, as the owner wrote it for his own, and the id itself where
        the vocabulary has no such word.

    Raises:
        ValueError: the language does not ship.
    """
    if word_id.startswith(OWN_PREFIX):
        return word_id.removeprefix(OWN_PREFIX)
    return _said(language).get(word_id) or _said("en").get(word_id, word_id)


def words_meant(text: str, language: str = "en") -> tuple[str, ...]:
    """Find the words that a text means.

    Args:
        text: a word or phrase, in any letters, singular or plural, in any shipped language.
        language: which language is looked in first; English is second.

    Returns:
        Ids of the words that are written so, or of which this is a form, in the first language that has any: words
        written exactly so go before forms, and names before further names. Empty where no language has any.

    Raises:
        ValueError: the language does not ship.
    """
    order = tuple(dict.fromkeys((_known(language), "en", *LANGUAGES)))
    for form in (_written, _stems):
        key = plain(text) if form is _written else text
        for each in order:
            found = form(each).get(stem(key, each) if form is _stems else key)
            if found:
                return found
    return ()


def _known(language: str) -> str:
    if language not in LANGUAGES:
        raise ValueError(f"{language!r} is none of {', '.join(LANGUAGES)}")
    return language


@cache
def _said(language: str) -> dict[str, str]:
    if _known(language) == "en":
        return {word.id: word.text for word in load_words()}
    lines = (FOLDER / f"{language}.tsv").read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t") for line in lines)


@cache
def _written(language: str) -> dict[str, tuple[str, ...]]:
    return _index(language, stemmed=False)


@cache
def _stems(language: str) -> dict[str, tuple[str, ...]]:
    return _index(language, stemmed=True)


def _index(language: str, *, stemmed: bool) -> dict[str, tuple[str, ...]]:
    """Give the ids of each written form; a further name counts only where it is no word's first."""
    found: dict[str, tuple[str, ...]] = {}
    for word_id, text in _said(language).items():
        key = stem(text, language) if stemmed else plain(text)
        found[key] = (*found.get(key, ()), word_id)
    if language == "en":
        first = frozenset(found)
        for word in load_words():
            for name in word.also:
                key = stem(name, language) if stemmed else plain(name)
                if key not in first and word.id not in found.get(key, ()):
                    found[key] = (*found.get(key, ()), word.id)
    return found
