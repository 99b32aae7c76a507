"""What the clusters of a run are called by words, kept beside the run's arrays.

Two files: what was decided, as JSON that a person can read; and each word's mean and spread over the library, by which
the words of a single photo are found. Both may be lost: they are found again, and meanwhile there are no such names.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vecclust.errors import DamagedRun
from vecclust.store.layout import MOMENTS_FILE, NAMED_FILE

if TYPE_CHECKING:
    from vecclust.clustering.naming import WordStatistics

log = logging.getLogger(__name__)

FORMAT = 1

# What was read last, by file and what it looked like: a question reads it more than once.
_read: dict[Path, tuple[tuple[int, int], RunWords | None]] = {}


@dataclass(frozen=True, slots=True)
class KnownWord:
    """A word of the vocabulary, as it is kept.

    Attributes:
        id: its id.
        text: in English, or as its owner wrote it: what is shown where no other language is asked for.
    """

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class NamedCluster:
    """What a cluster of a run is called.

    Attributes:
        name: the words that name it, most often one; none where no word does.
        tags: further words, the best first.
        score: as `clustering.naming.ClusterWords`.
        n_beaten: likewise.
        otherwise: likewise.
    """

    name: tuple[KnownWord, ...] = ()
    tags: tuple[KnownWord, ...] = ()
    score: float = 0.0
    n_beaten: int = 0
    otherwise: NamedCluster | None = None


@dataclass(frozen=True, slots=True)
class RunWords:
    """What the clusters of a run are called.

    Attributes:
        model: model id of the vectors.
        vocabulary: key of the vocabulary.
        clusters: by the stable id.
    """

    model: str
    vocabulary: str
    clusters: Mapping[str, NamedCluster] = field(default_factory=dict)


def save_run_words(folder: Path, words: RunWords, statistics: WordStatistics) -> None:
    """Write what the clusters of a run are called, what was decided last.

    Args:
        folder: the run's folder, which exists.
        words: what was decided.
        statistics: of the vocabulary's words over the library.

    Raises:
        OSError: it cannot be written.
    """
    from vecclust.library.runs.rows import save_arrays

    # The run may be the current one already: neither file is ever half there.
    beside = folder / f"{MOMENTS_FILE}.new"
    save_arrays(beside, means=statistics.means, spreads=statistics.spreads)
    os.replace(beside, folder / MOMENTS_FILE)
    facts: dict[str, Any] = {"format": FORMAT, **asdict(words)}
    beside = folder / f"{NAMED_FILE}.new"
    with open(beside, "w", encoding="ascii") as file:
        json.dump({**facts, "sum": _sum(facts)}, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, folder / NAMED_FILE)


def load_run_words(folder: Path) -> RunWords | None:
    """Read what the clusters of a run are called.

    Args:
        folder: the run's folder, which need not exist.

    Returns:
        What was decided; None where nothing was, or it is not what was written.
    """
    file = folder / NAMED_FILE
    try:
        found = os.stat(file)
    except OSError:
        return None
    looks, known = (found.st_mtime_ns, found.st_size), _read.get(file)
    if known is None or known[0] != looks:
        _read.clear()
        known = _read[file] = looks, _load(file)
    return known[1]


def _load(file: Path) -> RunWords | None:
    try:
        facts = json.loads(file.read_text(encoding="ascii"))
        noted = facts.pop("sum")
        if noted != _sum(facts) or facts.pop("format") != FORMAT:
            raise ValueError("it is not what was written")
        clusters = {cluster: _named(one) for cluster, one in facts.pop("clusters").items()}
        return RunWords(**facts, clusters=clusters)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as reason:
        log.warning("%s cannot be used, and names are found again: %s", file, reason)
        return None


def _named(one: dict[str, Any]) -> NamedCluster:
    name, tags = (tuple(KnownWord(**word) for word in one.pop(part)) for part in ("name", "tags"))
    otherwise = one.pop("otherwise", None)
    return NamedCluster(name, tags, **one, otherwise=None if otherwise is None else _named(otherwise))


def _sum(facts: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode("ascii")).hexdigest()[:16]


def load_statistics(folder: Path, *, n_words: int | None = None) -> WordStatistics | None:
    """Read each word's mean and spread over the library.

    Args:
        folder: the run's folder.
        n_words: words of the vocabulary, None for however many there are.

    Returns:
        The statistics; None where they are not there, or not what was written.
    """
    from vecclust.clustering.naming import WordStatistics
    from vecclust.library.runs.rows import reading_arrays

    if not (folder / MOMENTS_FILE).exists():
        return None
    try:
        with reading_arrays(folder / MOMENTS_FILE) as arrays:
            means, spreads = arrays["means"], arrays["spreads"]
            n = len(means) if n_words is None else n_words
            if {means.shape, spreads.shape} != {(n,)} or not (spreads > 0).all():
                raise ValueError("they are not those of the words")
    except DamagedRun as reason:
        log.warning("words of photos are not told: %s", reason)
        return None
    return WordStatistics(means, spreads)


def fault_of_names(folder: Path) -> str:
    """Say what is wrong with the names of a run: nothing where they are whole, or where it never had any.

    Args:
        folder: the run's folder.
    """
    parts = [folder / NAMED_FILE, folder / MOMENTS_FILE]
    lost = [part.name for part in parts if not part.exists()]
    if len(lost) == len(parts):
        return ""
    if not lost and load_run_words(folder) is not None and load_statistics(folder) is not None:
        return ""
    return f"{' and '.join(lost)} is missing" if lost else "they are not what was written"
