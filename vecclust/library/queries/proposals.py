"""What clusters are called: by their owner, after a named one that they broke off, or by words of the vocabulary.

The owner's name wins, then that of what a cluster broke off. A word names one cluster of the current run, and none
where its owner called another one so or refused it; it is said in the language that is asked for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vecclust.errors import DamagedRun
from vecclust.library.naming.run_words import KnownWord, NamedCluster, load_run_words
from vecclust.types.constraints import suggested_names
from vecclust.types.names import name_key

if TYPE_CHECKING:
    from vecclust.store import Store

ENGLISH = "en"
_OWN = "own:"


@dataclass(frozen=True, slots=True)
class Called:
    """What a cluster is called.

    Attributes:
        name: its owner's name, else the one that is proposed, or None.
        named_by: who gave it, or None.
        suggested: the proposed name of one that has none by its owner, or None.
        word: the word, or the words, that the vocabulary has for it, as a name, or None.
        ids: their ids.
        tags: further words.
        own_words: which of `word` and `tags` are of the owner's own vocabulary.
    """

    name: str | None = None
    named_by: Literal["owner", "auto"] | None = None
    suggested: str | None = None
    word: str | None = None
    ids: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    own_words: tuple[str, ...] = ()


NOT_CALLED = Called()


def run_words(store: Store) -> Mapping[str, NamedCluster]:
    """Read the words of the current run's clusters, by cluster; none where none are kept.

    Args:
        store: the library's tables.
    """
    run = store.state().current_run
    try:
        found = None if run is None else load_run_words(store.fit_folder(run))
    except DamagedRun:
        return {}
    return {} if found is None else found.clusters


def called(store: Store, *, language: str = ENGLISH) -> dict[str, Called]:
    """Say what the clusters of the current run are called.

    Args:
        store: the library's tables.
        language: of the vocabulary's words.

    Returns:
        By cluster; those of which there is nothing to say may be left out.
    """
    names, words = store.names(), run_words(store)
    sizes = store.label_counts().by_cluster if names or words else {}
    constraints = store.constraints()
    refused = constraints.refused_by()
    named = {cluster: one.name for cluster, one in names.items()}
    broken_off = suggested_names(named, store.splits(), refused=constraints.refused) if named else {}
    taken = {name_key(name) for cluster, name in (broken_off | named).items() if cluster in sizes}
    found: dict[str, Called] = {}
    in_force = {one: _in_force(words[one], refused.get(one, frozenset())) for one in words.keys() & sizes.keys()}
    # What another one is called by its first name is not taken from it by one whose first name was refused.
    for cluster in sorted(in_force, key=lambda one: (in_force[one] is not words[one], -words[one].score, one)):
        one = _in_words(in_force[cluster], refused.get(cluster, frozenset()), language=language)
        if one.word is not None and cluster not in named and cluster not in broken_off:
            key = name_key(one.word)
            if key in taken:
                one = dataclasses.replace(one, word=None, ids=())
            taken.add(key)
        found[cluster] = dataclasses.replace(
            one, name=one.word, named_by=None if one.word is None else "auto", suggested=one.word
        )
    for cluster, name in broken_off.items():
        was = found.get(cluster, NOT_CALLED)
        found[cluster] = dataclasses.replace(was, name=name, named_by="auto", suggested=name)
    for cluster, given in names.items():
        was = found.get(cluster, NOT_CALLED)
        found[cluster] = dataclasses.replace(was, name=given.name, named_by=given.named_by, suggested=None)
    return found


def _in_force(named: NamedCluster, refused: Collection[str]) -> NamedCluster:
    """Give what a cluster is called, or what it is called otherwise where that was refused."""
    is_refused = any(word.id in refused for word in named.name)
    return named.otherwise if is_refused and named.otherwise is not None else named


def _in_words(named: NamedCluster, refused: Collection[str], *, language: str) -> Called:
    words = named.name if not any(word.id in refused for word in named.name) else ()
    tags = [word for word in named.tags if word.id not in refused]
    name = as_name([said(word, language=language) for word in words]) if words else None
    texts = tuple(said(word, language=language) for word in tags)
    own = [text for word, text in zip(tags, texts, strict=True) if word.id.startswith(_OWN)]
    if name is not None and any(word.id.startswith(_OWN) for word in words):
        own.append(name)
    return Called(word=name, ids=tuple(word.id for word in words), tags=texts, own_words=tuple(own))


def as_name(words: Sequence[str]) -> str:
    """Write words as a name: one, or two that belong together.

    Args:
        words: at least one.
    """
    joined = ", ".join(words)
    return joined[:1].upper() + joined[1:]


def said(word: KnownWord, *, language: str) -> str:
    """Say a word in a language.

    Args:
        word: the word.
        language: which; what lacks the word leaves it in English.
    """
    if language == ENGLISH or word.id.startswith(_OWN):
        return word.text
    from vecclust.words import spoken

    text = spoken(word.id, language)
    return word.text if text == word.id else text


def refused_word(named: str, *, language: str) -> str:
    """Say what was refused.

    Args:
        named: id of a word, or the name that was proposed for what broke off.
        language: in which it is said.
    """
    from vecclust.words import spoken

    return spoken(named, language)


def refusable(one: Called) -> tuple[str, ...]:
    """Give what is refused with a proposed name: ids of its words, or the name where it is that of what broke off.

    Args:
        one: what a cluster is called.
    """
    return one.ids if one.suggested == one.word else (one.suggested or "",)
