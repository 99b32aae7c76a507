"""Forms of a word, so that "Beaches" finds "beach": rough rules for endings, made for looking up and not for reading.

Two words with one stem are taken for forms of one word only where no word is written exactly as asked.
"""

from __future__ import annotations

import re
import unicodedata

# Endings of number and, in German, of case and gender, taken off until three letters or no ending are left: "Häuser"
# ends in "er" and "Haus" in "s". French "chevaux" and "cheval" meet at "al".
_ENDINGS = {
    "de": re.compile(r"(?<=\w{3})(?:innen|ern|en|er|es|e|n|s)$"),
    "es": re.compile(r"(?<=\w{3})(?:es|s)$"),
    "fr": re.compile(r"(?<=\w{3})(?:s|x)$"),
}
_IRREGULAR = {
    "men": "man", "women": "woman", "people": "person", "children": "child", "feet": "foot", "teeth": "tooth",
    "geese": "goose", "mice": "mouse", "oxen": "ox", "wolves": "wolf", "knives": "knife", "leaves": "leaf",
    "loaves": "loaf", "shelves": "shelf", "halves": "half", "calves": "calf", "scarves": "scarf", "hooves": "hoof",
    "wives": "wife", "elves": "elf", "thieves": "thief", "cacti": "cactus", "fungi": "fungus",
}  # fmt: skip


def plain(text: str) -> str:
    """Give a text as it is compared: small letters, spaces for hyphens and underscores, single spaces.

    Args:
        text: any.
    """
    folded = unicodedata.normalize("NFKC", text).casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    return " ".join(re.sub(r"[-_]", " ", folded).split())


def stem(text: str, language: str) -> str:
    """Give what is alike in the forms of a word.

    Args:
        text: a word or phrase.
        language: one of the shipped ones.

    Returns:
        The text as compared, its words without endings and, but for Chinese, without accents.
    """
    if language == "zh":
        return plain(text).replace(" ", "")
    bare = "".join(mark for mark in unicodedata.normalize("NFD", plain(text)) if not unicodedata.combining(mark))
    return " ".join(_stem_word(word, language) for word in bare.split())


def _stem_word(word: str, language: str) -> str:
    if language == "en":
        return _singular(word)
    if language == "fr":
        word = re.sub(r"(?<!e)aux$", "al", word)
    while (shorter := _ENDINGS[language].sub("", word)) != word:
        word = shorter
    return word


def _singular(word: str) -> str:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    if re.search(r"(?:ch|sh|ss|x|z|o)es$", word):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word
