"""Clusters by their names: which one is meant, what they are called, and whether a name is free.

Names are one whatever their case. Those of clusters that the current run does not have may be given anew.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from vecclust.errors import NotFound, UsageError
from vecclust.library.queries.proposals import ENGLISH, called
from vecclust.types.clusters import UNCLUSTERED
from vecclust.types.names import checked_name, name_key

if TYPE_CHECKING:
    from vecclust.store import Store

_CLUSTER = re.compile("c[1-9][0-9]*")
# Stands before a name that is proposed, wherever people see it.
PROPOSED = "~"


def cluster_names(store: Store) -> Mapping[str | None, str]:
    """Read the names of clusters, by id; none for None.

    Args:
        store: the library's tables.
    """
    return {cluster: name.name for cluster, name in store.names().items()}


def cluster_id(store: Store, named: str, *, language: str = ENGLISH) -> str:
    """Give the id of a cluster that is named by its id or, among those of the current run, by its name.

    Args:
        store: the library's tables.
        named: an id or a name, in any case; where names differ by case alone, as they could, the one that is as given;
            a name that is proposed where no owner's is so, with the mark of a proposal or without; or `unclustered`,
            which stands for itself.
        language: of the words that are proposed as names.

    Raises:
        NotFound: no cluster has this name.
        UsageError: several have it.
    """
    key = name_key(named)
    if _CLUSTER.fullmatch(named):
        return named
    if key == UNCLUSTERED:
        return UNCLUSTERED
    key = name_key(named.strip().removeprefix(PROPOSED)) or key
    names = _current_names(store)
    alike = [cluster for cluster, name in names.items() if name == named.strip()]
    alike = alike or [cluster for cluster, name in names.items() if name_key(name) == key]
    if not alike and _CLUSTER.fullmatch(key):
        return key
    if not alike:
        proposed = {cluster: one.suggested for cluster, one in called(store, language=language).items()}
        names |= {cluster: name for cluster, name in proposed.items() if name is not None}
        alike = [cluster for cluster, name in names.items() if name_key(name) == key]
    if not alike:
        raise NotFound(f"no cluster is named “{named}”", hint=_nearest(store, key, names))
    if len(alike) > 1:
        raise UsageError(f"{' and '.join(alike)} are all named “{named}”", hint="Name the one you mean by its id.")
    return alike[0]


def free_name(store: Store, name: str, *, cluster: str | None = None) -> str:
    """Give a name as it is kept, where a cluster may have it.

    Args:
        store: the library's tables.
        name: as it was given.
        cluster: the id of the cluster that is to have it, or None for a new one.

    Raises:
        UsageError: it is none, or another cluster of the current run has it.
    """
    kept = checked_name(name)
    for other, taken in _current_names(store).items():
        if other != cluster and name_key(taken) == name_key(kept):
            hint = f"Choose another name, or make them one: vecclust merge {other} {cluster or 'CLUSTER'}."
            raise UsageError(f"{other} is named “{taken}” already", hint=hint)
    return kept


def _current_names(store: Store) -> dict[str, str]:
    """Read the names of the clusters that the current run has now, by id."""
    names = store.names()
    if not names:
        return {}
    return {cluster: names[cluster].name for cluster in sorted(names.keys() & store.label_counts().by_cluster.keys())}


def _nearest(store: Store, key: str, names: Mapping[str, str]) -> str:
    import difflib

    shown = {name_key(name): f"“{name}”" for name in names.values()}
    shown |= {cluster: cluster for cluster in store.label_counts().by_cluster}
    # A word of a longer name is what people remember.
    found = difflib.get_close_matches(key, shown, n=1) or [one for one in shown if key and key in one][:1]
    meant = f"Did you mean {shown[found[0]]}? " if found else ""
    return f"{meant}vecclust clusters lists them."
