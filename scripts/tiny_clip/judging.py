"""The sections of `scripts/eval_model`: what a model can do, measured through the rooms that everybody uses.

Knows how to feed pictures with known classes to `vecclust.embeddings`, `vecclust.clustering` and
`vecclust.Library`, and which
figures say how that went. Refuses to know the command line. Figures are shares in [0, 1] unless named otherwise.
"""

from __future__ import annotations

import io
import json
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tiny_clip import figures, words
from tiny_clip.pictures import list_folder
from vecclust.embeddings import Embedder, ModelName, load
from vecclust.photos import read_photo
from vecclust.photos.pixels import cut, filter_of, resized_size
from vecclust.types.photos import Framing

HANDMADE_PX = 64
"""Side of the pictures from which the histograms of the baseline are taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Distinct pictures with known classes, cut for one model.

    Attributes:
        frames: (n, h, w, 3) uint8.
        labels: (n,) int64, indices into `names`.
        names: the class names.
    """

    frames: NDArray[np.uint8]
    labels: NDArray[np.int64]
    names: tuple[str, ...]


def read(data: Path, *, framing: Framing, split: str = "val") -> Judged:
    """Read a folder of class-named folders, or one split of a Parquet file; equal files count once.

    Args:
        data: the folder or the file.
        framing: how the model wants its pictures.
        split: of the Parquet file.

    Returns:
        The pictures, sorted by the hash of their bytes, as the clustering room asks.
    """
    found: dict[str, tuple[NDArray[np.uint8], int]] = {}
    if data.is_dir():
        paths, labels, classes = list_folder(data)
        names = tuple(picture_class.name for picture_class in classes)
        for path, label in zip(paths, labels.tolist(), strict=True):
            decoded = read_photo(path, framing, inline=True)
            found.setdefault(decoded.photo, (decoded.frame, label))
    else:
        names, rows = _parquet_rows(data, split)
        for digest, (blob, label) in rows.items():
            found[digest] = (_frame(blob, framing), label)
    ordered = [found[digest] for digest in sorted(found)]
    return Judged(
        frames=np.stack([frame for frame, _ in ordered]),
        labels=np.array([label for _, label in ordered], dtype=np.int64),
        names=names,
    )


def _parquet_rows(path: Path, split: str) -> tuple[tuple[str, ...], dict[str, tuple[bytes, int]]]:
    import hashlib

    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(path, columns=["image", "name", "split"])
    names = tuple(sorted(set(table["name"].to_pylist())))
    chosen = table.filter(pc.equal(table["split"], split))
    pairs = zip(chosen["image"].to_pylist(), chosen["name"].to_pylist(), strict=True)
    return names, {hashlib.sha256(blob).hexdigest(): (blob, names.index(name)) for blob, name in pairs}


def _frame(blob: bytes, framing: Framing) -> NDArray[np.uint8]:
    image = Image.open(io.BytesIO(blob)).convert("RGB")
    size = resized_size(framing, *image.size)
    if size != image.size:
        image = image.resize(size, filter_of(framing))
    return np.asarray(cut(image, framing), dtype=np.uint8)


def classes_told_apart(judged: Judged, *, embedder: Embedder) -> tuple[dict[str, float], NDArray[np.float32]]:
    """Return zero-shot and neighbour figures, chance and baseline beside them, and the vectors."""
    vectors = embedder.embed_frames(judged.frames)
    texts = [embedder.embed_texts([t.format(name) for t in words.TEMPLATES]).mean(axis=0) for name in judged.names]
    class_vectors = np.stack([text / np.linalg.norm(text) for text in texts])
    side = [
        np.asarray(Image.fromarray(frame).resize((HANDMADE_PX, HANDMADE_PX), Image.Resampling.BICUBIC))
        for frame in judged.frames
    ]
    handmade = figures.handmade_vectors(np.stack(side).transpose(0, 3, 1, 2))
    found = {
        "n_pictures": len(vectors),
        "n_classes": len(judged.names),
        "zero_shot_top1": figures.zero_shot_top1(vectors, labels=judged.labels, class_vectors=class_vectors),
        "zero_shot_chance": 1 / len(judged.names),
        "neighbours_5": figures.neighbour_accuracy(vectors, labels=judged.labels),
        "neighbours_5_histograms": figures.neighbour_accuracy(handmade, labels=judged.labels),
    }
    return found, vectors


def pictures_per_second(embedder: Embedder, *, n_pictures: int = 2048) -> float:
    """Return how many ready frames the model embeds in a second here, the best of three passes."""
    framing = embedder.framing
    shape = (n_pictures, framing.height_px, framing.width_px, 3)
    frames = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    embedder.embed_frames(frames[: n_pictures // 4])
    best = np.inf
    for _ in range(3):
        began = time.perf_counter()
        embedder.embed_frames(frames)
        best = min(best, time.perf_counter() - began)
    return float(n_pictures / best)


def clustering(vectors: NDArray[np.float32], *, labels: NDArray[np.int64]) -> dict[str, float]:
    """Return how well the default fit finds the known classes.

    Args:
        vectors: (n, d) unit norm, in a repeatable order.
        labels: (n,) known classes.

    Returns:
        Clusters, share clustered, adjusted mutual information (noise as a cluster of its own), and the share of the
        clustered pictures that are of their cluster's commonest class.
    """
    from sklearn.metrics import adjusted_mutual_info_score

    from vecclust.clustering.fit import fit
    from vecclust.clustering.params import FitParams

    found = fit(vectors, FitParams()).labels
    return {
        "n_clusters": len(set(found[found >= 0].tolist())),
        "clustered": float(np.mean(found >= 0)),
        "ami": float(adjusted_mutual_info_score(labels, found)),
        "purity": purity(found[found >= 0], labels=labels[found >= 0]),
    }


def purity(found: NDArray[np.int64], *, labels: NDArray[np.int64]) -> float:
    """Return the share of pictures that are of their cluster's commonest class; 0 where there is none."""
    if not len(found):
        return 0.0
    commonest = sum(Counter(labels[found == cluster].tolist()).most_common(1)[0][1] for cluster in set(found.tolist()))
    return float(commonest / len(found))


def untrained(name: str, *, folder: Path) -> Embedder:
    """Return the same architecture with fresh weights (seed 0), through the same loading as any model.

    Args:
        name: of the trained model.
        folder: where the untrained directory is written.
    """
    import torch

    from tiny_clip import model
    from vecclust.embeddings.vendor import open_clip_architecture

    named = ModelName.of(name)
    if named.folder is not None:
        config = json.loads((named.folder / model.CONFIG_FILE).read_text(encoding="utf-8"))
    else:
        parts = open_clip_architecture(named.architecture)
        if parts is None:
            raise ValueError(f"{name} has no local configuration to build an untrained twin from")
        size = parts["vision_cfg"].get("image_size", 224)
        config = {"model_cfg": parts, "preprocess_cfg": model.preprocessing(size)}
    torch.manual_seed(0)
    model.export(model.build(config), folder, config=config)
    return load(f"local-dir:{folder}")


def demo_album(model_name: str, *, place: Path, n_photos: int = 360) -> dict[str, Any]:
    """Take the sample album through scan, refit and search, and compare with the truth.

    Args:
        model_name: any name that `vecclust --model` takes.
        place: an empty folder for album and library.
        n_photos: size of the album.

    Returns:
        Purity over clustered photos, share clustered, the clusters of each scene, scenes without a cluster of their
        own, and per scene the share of the ten best hits for its word that show it.
    """
    from vecclust import Library
    from vecclust.demo.album import write_album
    from vecclust.demo.scenes import SCENES

    truth = write_album(place / "album", n_photos=n_photos)
    scene_of = {str(place / "album" / name): scene for name, scene in truth.scene_of.items()}
    with Library.open(place / "library", write=True, flags={"model": model_name}) as library:
        library.scan([place / "album"])
        library.recluster()
        listed = library.clusters()
        members = {entry.id: [m.path for m in library.cluster(entry.id).photos] for entry in listed.clusters}
        hits = {s.name: [hit.path for hit in library.search(s.name, limit=10).results] for s in SCENES}
    shown = {cluster: Counter(scene_of[str(path)] for path in paths) for cluster, paths in members.items()}
    owned: dict[str, int] = defaultdict(int)
    for counts in shown.values():
        owned[counts.most_common(1)[0][0]] += 1
    right = {scene: float(np.mean([scene_of[str(p)] == scene for p in paths])) for scene, paths in hits.items()}
    return {
        "n_photos": listed.photos,
        "n_clusters": len(listed.clusters),
        "clustered": listed.clustered / max(1, listed.photos),
        "purity": sum(c.most_common(1)[0][1] for c in shown.values()) / max(1, sum(map(Counter.total, shown.values()))),
        "clusters_of_scene": dict(owned),
        "scenes_without_cluster": sorted({scene.name for scene in SCENES} - set(owned)),
        "first_hit_right": float(np.mean([scene_of[str(paths[0])] == scene for scene, paths in hits.items()])),
        "ten_hits_right": right,
    }


def judge(name: str, data: Path | None, *, asked: Mapping[str, bool]) -> dict[str, Any]:
    """Run the sections that are asked for.

    Args:
        name: model name.
        data: pictures with known classes, or None for the sections that need none.
        asked: `clusters`, `speed`, `album` to True or False.

    Returns:
        Section name to figures.
    """
    found: dict[str, Any] = {}
    embedder = load(name)
    with tempfile.TemporaryDirectory(prefix="vecclust-eval-") as place:
        if data is not None:
            judged = read(data, framing=embedder.framing)
            found["classes"], vectors = classes_told_apart(judged, embedder=embedder)
            if asked["clusters"]:
                found["clusters"] = clustering(vectors, labels=judged.labels)
                fresh = untrained(name, folder=Path(place) / "untrained").embed_frames(judged.frames)
                found["clusters_untrained"] = clustering(fresh, labels=judged.labels) | {
                    "neighbours_5": figures.neighbour_accuracy(fresh, labels=judged.labels)
                }
        if asked["speed"]:
            found["speed"] = {"pictures_per_second": pictures_per_second(embedder)}
        if asked["album"]:
            found["album"] = demo_album(name, place=Path(place))
    return found
