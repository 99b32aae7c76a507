"""Clusters as they are listed."""

from __future__ import annotations

from vecclust.types.clusters import ClusterEntry


def entry(name: str | None, **fields: object) -> ClusterEntry:
    """Give a cluster of three photos, named by its owner where it has a name."""
    return ClusterEntry("c1", name, "owner" if name else None, 3, 0.9, None, None, None, **fields)  # type: ignore[arg-type]


def test_others_are_shown_the_shipped_words_instead_of_the_owners() -> None:
    """Whatever the owner called it, wrote into the vocabulary or could accept from a cluster that they named."""
    shown = entry("Aunt Jo", word="beach", tags=("palm tree", "Jo's pier"), own_words=("Jo's pier",))
    shown = shown.without_owners_words()
    assert (shown.name, shown.named_by, shown.suggested_name, shown.tags) == ("beach", "auto", "beach", ("palm tree",))
    shown = entry(None, suggested_name="Aunt Jo (2)", word="Jo's pier", own_words=("Jo's pier",)).without_owners_words()
    assert (shown.name, shown.named_by, shown.suggested_name, shown.word) == (None, None, None, None)
