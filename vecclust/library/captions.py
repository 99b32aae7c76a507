"""Sentences about clusters, from the most central picture or from the mean of several, by a model that can write.

That is the library's own, or the one that the setting `names.captioner` names. A library keeps a vector of each photo
and not what a writing model reads, so the pictures' files are read again, one at a time. The model is loaded for one
call and let go of after it: it is large, and seldom asked.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vecclust.errors import NotFound, PhotoError
from vecclust.library.opening import decode_limits
from vecclust.library.queries.clusters import no_such_cluster, require_cluster
from vecclust.library.queries.paths import living_path
from vecclust.library.queries.search import members_of
from vecclust.types.clusters import ClusterCaption

if TYPE_CHECKING:
    from vecclust.config import Config
    from vecclust.embeddings import Captioner
    from vecclust.photos import DecodePool
    from vecclust.store import Store

log = logging.getLogger(__name__)

# Pictures from which a mean is taken. Over five kinds of pacs-photo the mean of the tokens of so many lies at a cosine
# of .997 to that of 160 (.988 at worst), of 32 at .987 (.934), of 8 at .955 (.799); tokens of the CoCa of the tests.
MOST_OF_MEAN = 64


@dataclass(frozen=True, slots=True)
class _Picture:
    """A photo that may be read.

    Attributes:
        photo: content hash.
        path: of a file of it that was there.
    """

    photo: str
    path: str


def write_captions(
    store: Store, config: Config, clusters: Sequence[str], *, mean: bool = False
) -> tuple[ClusterCaption, ...]:
    """Write a sentence about each of some clusters of the current run.

    Args:
        store: the library's tables.
        config: the settings.
        clusters: their ids.
        mean: from the mean of the pictures of a cluster, at most `MOST_OF_MEAN` of them; else from the most central
            one, or from the strongest one that can be read where that cannot.

    Returns:
        The captions, in the order asked for.

    Raises:
        NotFound: the current run has no such cluster, or no picture of it can be read now.
        UsageError: `unclustered` is no cluster.
        ModelError: there is no model that can write, or it cannot be used.
    """
    with store.snapshot():
        model = store.model()
        pictures = [_pictures(store, cluster) for cluster in clusters]
    if model is None:
        raise NotFound("the library has no photos yet", hint="Fill it first: vecclust scan FOLDER.")
    from vecclust.embeddings import load_captioner

    wanted = config.embed
    captioner = load_captioner(config.names.captioner or model.name, device=wanted.device, threads=wanted.threads)
    from vecclust.photos import DecodePool

    with DecodePool(captioner.framing, limits=decode_limits(config), processes=1) as pool:
        return tuple(
            _caption(captioner, pool, cluster, found, mean=mean)
            for cluster, found in zip(clusters, pictures, strict=True)
        )


def _pictures(store: Store, cluster: str) -> list[_Picture]:
    """Give the pictures of a cluster that have a file, the most central one first, then by strength."""
    require_cluster(cluster, hint="vecclust clusters lists what can have a caption.")
    run = store.state().current_run
    members = [] if run is None else [label.photo for label in members_of(store, cluster)]
    if run is None or not members:
        raise no_such_cluster(store, cluster)
    medoid = next((row.medoid for row in store.clusters(run) if row.cluster == cluster), None)
    members.sort(key=lambda photo: photo != medoid)
    files = store.files_of(members)
    found = [(photo, living_path(files.get(photo, ()))) for photo in members]
    return [_Picture(photo, path) for photo, path in found if path is not None]


def _caption(
    captioner: Captioner, pool: DecodePool, cluster: str, pictures: Sequence[_Picture], *, mean: bool
) -> ClusterCaption:
    sums: NDArray[np.float64] | None = None
    used: list[_Picture] = []
    # From the strongest to the weakest, evenly: the strongest alone are all alike.
    step = max(1, -(-len(pictures) // MOST_OF_MEAN)) if mean else 1
    for picture, tokens in _read_tokens(captioner, pool, pictures[::step]):
        sums = tokens.astype(np.float64) if sums is None else sums + tokens
        used.append(picture)
        if not mean:
            break
    if sums is None:
        raise NotFound(
            f"no picture of {cluster} can be read now", hint="vecclust status says which folders are not there."
        )
    return ClusterCaption(
        cluster=cluster,
        text=captioner.write((sums / len(used)).astype(np.float32)),
        of="mean" if mean else "medoid",
        model=captioner.model_id,
        photos=len(used),
        photo=None if mean else used[0].photo,
        path=None if mean else used[0].path,
    )


def _read_tokens(
    captioner: Captioner, pool: DecodePool, pictures: Sequence[_Picture]
) -> Iterator[tuple[_Picture, NDArray[np.float32]]]:
    """Read pictures and give what the model reads of each, leaving out those that cannot be read."""
    from vecclust.photos import KnownPhoto, look_at

    for picture in pictures:
        try:
            outcome = pool.outcome_from(pool.submit(look_at(picture.path), frozenset()))
        except OSError as error:
            log.warning("%s is left out of a caption: %s", picture.path, error.strerror)
            continue
        if isinstance(outcome, PhotoError | KnownPhoto):
            log.warning("%s is left out of a caption: %s", picture.path, outcome)
            continue
        yield picture, captioner.tokens(outcome.frame[np.newaxis])[0]
