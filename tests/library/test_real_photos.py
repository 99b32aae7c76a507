"""The whole job on real photos with the bundled model; the photos lie beside the checkout, not in it."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from vecclust import Library

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
PHONES = SHARED / "photos"
PACS = SHARED / "data" / "pacs-photo"
BUNDLED = {"model": "bundled"}

pytestmark = pytest.mark.slow


@pytest.mark.skipif(not PHONES.is_dir(), reason=f"no photos at {PHONES}")
def test_files_as_phones_write_them(tmp_path: Path) -> None:
    """Every decodable file is indexed, every broken one is a problem with a reason, a second scan changes nothing."""
    with (PHONES / "MANIFEST.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    # The 200-megapixel photo is refused by Pillow's default limit, not by ours.
    good = {
        row["path"] for row in rows if row["pillow13_outcome"] == "ok" or "DecompressionBomb" in row["pillow13_outcome"]
    }
    broken = {row["path"] for row in rows} - good
    distinct = {row["sha256"] for row in rows if row["path"] in good}
    with Library.open(tmp_path / "library", write=True, flags=BUNDLED) as library:
        report = library.scan([PHONES / "files"])
        assert (report.added, report.problems) == (len(good), len(broken)) == (106, 5)
        problems = library.problems()
        assert {str(Path(problem.path).relative_to(PHONES / "files")) for problem in problems} == broken
        assert all(problem.reason for problem in problems)
        assert library.status().photos == len(distinct)
        again = library.scan()
        assert (again.added, again.updated, again.moved, again.removed) == (0, 0, 0, 0)
        assert (again.unchanged, again.problems, again.labelled) == (106, 5, 0)


@pytest.mark.skipif(not PHONES.is_dir(), reason=f"no photos at {PHONES}")
@pytest.mark.parametrize("family", ["Landscape", "Portrait"])
def test_eight_orientations_of_a_scene_are_one_picture(tmp_path: Path, family: str) -> None:
    """Turned upright before embedding they give nearly one vector; left as they lie, cosines go down to 0.18.

    Not quite one: the nine files were compressed one by one.
    """
    folder = PHONES / "files" / "exif-orientation-examples"
    with Library.open(tmp_path / "library", write=True, flags=BUNDLED) as library:
        library.scan([folder])
        store = library._store
        keys = [library.photo(folder / f"{family}_{number}.jpg").photo for number in range(9)]
        vectors = np.stack([store.vector(key) for key in keys])
    assert (vectors @ vectors.T).min() >= 0.95


@pytest.mark.skipif(not PACS.is_dir(), reason=f"no photos at {PACS}")
def test_a_collection_of_real_photos_in_one_go(tmp_path: Path) -> None:
    """1,670 photos through scan, recluster and similar; the clusters mean something."""
    with Library.open(tmp_path / "library", write=True, flags=BUNDLED) as library:
        report = library.scan([PACS])
        assert (report.added, report.problems, report.run) == (1670, 0, "r1")
        refit = library.recluster()
        assert refit.labels_changed == 0, "the same rows, seed and parameters give the same labels"
        assert refit.clusters >= 5
        assert refit.noise < 0.5 * refit.photos
        agreeing = total = 0
        for entry in library.clusters().clusters:
            kinds = [Path(member.path or "").parent.name for member in library.cluster(entry.id).photos]
            agreeing += max(kinds.count(kind) for kind in set(kinds))
            total += len(kinds)
        assert agreeing / total > 0.55, "chance is 0.26, the share of the largest class"
        photo = sorted((PACS / "guitar").iterdir())[0]
        assert len(library.similar(photo, limit=10).results) == 10
