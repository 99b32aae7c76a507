"""A library whose clusters are colours, and a vocabulary of colours, as the fake model sees them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.library.test_library import HUES, noisy
from vecclust.library.naming import vocabulary
from vecclust.library.watched import WatchedLibrary
from vecclust.testing import FakeClock, FakeEmbedder
from vecclust.words import Word

# The model sees the first three alike, and none covers another: which of them yellow pictures show cannot be told.
COLOURS = ("yellow", "yellow-ish", "yellow-er", "red", "green", "blue", "black", "white", "pink", "cyan", "purple")
# Most words of a vocabulary say nothing of a cluster.
THINGS = tuple(f"thing {number}" for number in range(20))
WORDS = tuple(Word(f"n:{text}", text, ("n:dark",) if text == "black" else ()) for text in (*COLOURS, *THINGS))
GERMAN = {"n:red": "rot", "n:green": "grün", "n:blue": "blau", "n:black": "schwarz"}
ALBUM = {**HUES, "yellow": (240, 220, 40), "black": (10, 10, 10)}
N_EACH = 12


def use_colours(monkeypatch: pytest.MonkeyPatch, words: tuple[Word, ...] = WORDS) -> None:
    """Have colours ship instead of the vocabulary, in English and in German."""
    texts = {word.id: word.text for word in words}
    meant = {text: word for one in (GERMAN, texts) for word, text in one.items()}

    def spoken(word: str, language: str) -> str:
        return (GERMAN if language == "de" else texts).get(word) or texts.get(word, word)

    monkeypatch.setattr(vocabulary, "load_words", lambda: words)
    monkeypatch.setattr("vecclust.words.load_words", lambda: words)
    monkeypatch.setattr("vecclust.words.spoken", spoken)
    monkeypatch.setattr(
        "vecclust.words.words_meant", lambda text, _: (meant[text.lower()],) if text.lower() in meant else ()
    )
    monkeypatch.setattr(vocabulary, "_vectors", {})
    monkeypatch.setattr(vocabulary, "_read", {})


def paint_album(folder: Path) -> Path:
    """Make pictures of each colour."""
    for colour, rgb in ALBUM.items():
        (folder / colour).mkdir(parents=True)
        for number in range(N_EACH):
            (folder / colour / f"{number}.jpg").write_bytes(noisy(rgb, number))
    return folder


def open_colours(
    place: Path, *, flags: Mapping[str, object] | None = None, embedder: FakeEmbedder | None = None
) -> WatchedLibrary:
    """Open the library of a place, whose pictures are in `album`."""
    clock = FakeClock(time.time_ns() + 3600 * 10**9)
    given = {"clusters.reducer": "pca", **(flags or {})}
    return WatchedLibrary.open(
        place / "library", write=True, flags=given, embedder=embedder or FakeEmbedder(), clock=clock
    )


def cluster_of(library: WatchedLibrary, colour: str) -> str:
    """Give the cluster of a colour."""
    cluster = library.photo(library.folder.parent / "album" / colour / "0.jpg").cluster
    assert cluster is not None
    return cluster


def names_of(library: WatchedLibrary) -> dict[str, str | None]:
    """Give what the cluster of each colour is called."""
    entries = {entry.id: entry for entry in library.clusters().clusters}
    return {colour: entries[cluster_of(library, colour)].name for colour in ALBUM}
