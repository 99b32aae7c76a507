"""The words room: what photos may show, in the words people use for it.

A curated vocabulary in plain files beside the code, one language each and the same ids in all of them (`vocabulary`,
`languages`), the owner's own words from the library's folder (`own`), and which word a typed text means (`forms`).
NOTICES.md beside them says where the words come from. Knows strings, no vectors, models or photos. Nothing is read
before it is asked for; importing the package imports nothing heavy.
"""

from __future__ import annotations

from vecclust.words.languages import LANGUAGES, spoken, words_meant
from vecclust.words.own import OWN_WORDS_FILE, own_words
from vecclust.words.vocabulary import TEMPLATES, Word, covers, load_words

__all__ = [
    "LANGUAGES",
    "OWN_WORDS_FILE",
    "TEMPLATES",
    "Word",
    "covers",
    "load_words",
    "own_words",
    "spoken",
    "words_meant",
]
