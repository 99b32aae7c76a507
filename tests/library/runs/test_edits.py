"""The owner's words through random refits, rollbacks, arrivals and departures: every word holds, nothing is lost."""

from __future__ import annotations

import dataclasses
import random
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from tests.store.samples import DIM, FAST, MODEL, photo_rows
from vecclust.clustering import FitParams
from vecclust.errors import NotFound
from vecclust.library.edits import Edits
from vecclust.library.opening import SystemClock
from vecclust.library.queries.clusters import list_clusters, read_history
from vecclust.library.runs.refit import refit
from vecclust.library.runs.runs import Labeller
from vecclust.store import Store
from vecclust.types.clusters import UNCLUSTERED
from vecclust.types.edits import EditRequest
from vecclust.types.photos import PhotoRow

N_KINDS, N_EACH = 6, 12


def kind_rows(first: int, n: int) -> list[PhotoRow]:
    """Photos of six kinds, each around a direction of its own, by turns."""
    directions = np.eye(DIM, dtype=np.float32)
    rows = []
    for row in photo_rows(n, first=first):
        vector = directions[int(row.photo, 16) % N_KINDS] + 0.6 * row.vector
        rows.append(dataclasses.replace(row, vector=(vector / np.linalg.norm(vector)).astype(np.float32)))
    return rows


class World:
    """A library, random things that happen to it, and what must be true after each."""

    def __init__(self, folder: Path, seed: int, *, n_clusters: int = 4) -> None:
        self.random = random.Random(seed)
        self.store = Store.open(folder, write=True, create=True, settings=FAST)
        self.store.bind_model(MODEL)
        self.n_photos = N_KINDS * N_EACH
        self.store.add_photos(kind_rows(0, self.n_photos))
        self.edits = Edits(self.store, clock=SystemClock())
        fit(self, n_clusters)

    def refit(self) -> None:
        """Fit into a number of clusters that nobody can foresee, so that clusters split, meet, come and go."""
        before = {photo: label.cluster for photo, label in self.store.labels().items()}
        params = FitParams(
            reducer="none", clusterer="kmeans", n_clusters=self.random.randint(2, 9), seed=self.random.randint(0, 9)
        )
        refit(self.store, params, reason="a test")
        Labeller().label(self.store)
        self.check_pairs(before)

    def speak(self) -> None:
        """Say something at random of what there is."""
        clusters = sorted({label.cluster for label in self.store.labels().values()} - {None}, key=str)
        photos = self.random.sample(sorted(self.store.photo_keys()), self.random.randint(1, 5))
        one, other = self.random.sample(clusters, 2) if len(clusters) > 1 else (None, None)
        kinds = ["move", "out", "pin", "unpin", "merge", "not-together", "split-off", "take-back"]
        match self.random.choice(kinds):
            case "move" if one:
                self.say(EditRequest("move", photos=tuple(photos), cluster=one))
            case "out":
                self.say(EditRequest("move", photos=tuple(photos[:1]), cluster=UNCLUSTERED))
            case "pin" | "unpin" as verb:
                self.say(EditRequest(verb, photos=tuple(photos)))  # type: ignore[arg-type]
            case "merge" | "not-together" as verb if one and other:
                self.say(EditRequest(verb, cluster=one, other=other))  # type: ignore[arg-type]
            case "split-off" if one:
                members = [label.photo for label in self.store.members(one)]
                if len(members) > 3:
                    some = tuple(self.random.sample(members, len(members) // 3))
                    self.say(EditRequest("split-off", photos=some, cluster=one))
            case "take-back":
                words = self.edits.entries()
                if words:
                    self.say(EditRequest("take-back", edits=(self.random.choice(words).edit,)))

    def say(self, saying: EditRequest) -> None:
        """Say it, and see that the answer counts what it changed."""
        before = {photo: label.cluster for photo, label in self.store.labels().items()}
        report = self.edits.make(saying)
        after = {photo: label.cluster for photo, label in self.store.labels().items()}
        assert report.changed == sum(before[photo] != after[photo] for photo in before), saying

    def come_and_go(self) -> None:
        """Photos arrive, and others go."""
        self.store.add_photos(kind_rows(self.n_photos, 4))
        self.n_photos += 4
        self.store.remove_photos(self.random.sample(sorted(self.store.photo_keys()), 2))
        Labeller().label(self.store)

    def roll_back(self) -> None:
        """Go to any run that is kept."""
        self.store.set_current_run(self.random.choice(self.store.restorable_runs()))
        Labeller().label(self.store)

    def check(self) -> None:
        """Every photo has one label of the run, every word holds, and all ways to read labels agree."""
        store, standing = self.store, self.store.constraints()
        labels, own = store.labels(), store.run_labels()
        assert labels.keys() == own.keys() == store.photo_keys()
        clusters = {row.cluster: row for row in store.clusters()}
        sizes = Counter(label.cluster for label in labels.values() if label.cluster is not None)
        assert sizes.keys() <= clusters.keys()
        assert not standing.joined.keys() & clusters.keys(), "what was merged is no cluster"
        for photo, label in labels.items():
            pin = standing.pins.get(photo)
            if pin is None:
                wanted = own[photo].cluster
                assert label.assigned_by == own[photo].assigned_by
                assert label.cluster == (None if wanted is None else standing.root(wanted))
            else:
                assert label.assigned_by == "owner"
                assert label.cluster == (None if pin.cluster is None else standing.root(pin.cluster))
        counts = store.label_counts()
        assert counts.by_cluster == dict(sizes)
        assert counts.noise == sum(label.cluster is None for label in labels.values())
        for cluster in sizes:
            assert {label.photo for label in store.members(cluster)} == {
                photo for photo, label in labels.items() if label.cluster == cluster
            }
            medoid = clusters[cluster].medoid
            assert medoid not in labels or labels[medoid].cluster == cluster

    def check_pairs(self, before: Mapping[str, str | None]) -> None:
        """No cluster holds most of one and most of another that are not together."""
        sizes: Counter[str] = Counter()
        shared: Counter[tuple[str, str]] = Counter()
        for photo, label in self.store.labels().items():
            old = before.get(photo)
            if old is not None:
                sizes[old] += 1
                if label.cluster is not None:
                    shared[old, label.cluster] += 1
        standing = self.store.constraints()
        for pair in {frozenset(map(standing.root, pair)) for pair in standing.apart}:
            one, other = sorted(pair)
            both = {new for old, new in shared if old == one and 2 * shared[one, new] > sizes[one]}
            assert not any(2 * shared[other, new] > sizes[other] for new in both), (pair, both)


def fit(world: World, n_clusters: int) -> dict[str, str | None]:
    """Fit into so many clusters, and give each photo's."""
    refit(world.store, FitParams(reducer="none", clusterer="kmeans", n_clusters=n_clusters), reason="a test")
    return {photo: label.cluster for photo, label in world.store.labels().items()}


def test_a_refit_that_joins_what_is_not_together_leaves_it_two(tmp_path: Path) -> None:
    """Each keeps its own photos, newcomers go to the nearer one, and the word taken back they are joined."""
    world = World(tmp_path / "library", 0)
    with world.store:
        before = fit(world, N_KINDS)
        one, other = sorted({str(cluster) for cluster in before.values()})[:2]
        assert len(set(before.values())) == N_KINDS
        world.say(EditRequest("not-together", cluster=one, other=other))
        world.store.add_photos(kind_rows(world.n_photos, 12))
        after = fit(world, 1)
        assert set(after.values()) == {one, other}
        for photo, cluster in before.items():
            assert cluster not in (one, other) or after[photo] == cluster
        kinds = {int(photo, 16) % N_KINDS: cluster for photo, cluster in before.items()}
        newcomers = {photo: kinds[int(photo, 16) % N_KINDS] for photo in after.keys() - before.keys()}
        newcomers = {photo: cluster for photo, cluster in newcomers.items() if cluster in (one, other)}
        assert newcomers
        assert all(after[photo] == cluster for photo, cluster in newcomers.items())
        world.say(EditRequest("take-back", edits=("w1",)))
        assert len(set(fit(world, 1).values())) == 1


def test_a_cluster_lives_on_with_the_photos_put_there(tmp_path: Path) -> None:
    """Split off, named, no longer found by any fit: its id, name and photos stay, and those of merged ones too.

    A name that came with an edit goes with it, one that was given by itself does not.
    """
    world = World(tmp_path / "library", 0)
    with world.store:
        before = fit(world, 3)
        cluster = str(before[min(before)])
        some = tuple(label.photo for label in world.store.members(cluster)[:4])
        split = world.edits.make(EditRequest("split-off", photos=some, cluster=cluster, name="Pool"))
        assert world.store.names()[split.cluster or ""].name == "Pool"
        world.say(EditRequest("take-back", edits=(split.edit or "",)))
        assert not world.store.names()
        split = world.edits.make(EditRequest("split-off", photos=some, cluster=cluster, name="Pool"))
        world.store.rename({split.cluster or "": "Lagoon"}, named_ns=2)
        world.say(EditRequest("pin", photos=some[:1]))
        world.say(EditRequest("take-back", edits=(split.edit or "",)))
        assert [label.photo for label in world.store.members(split.cluster or "")] == [some[0]]
        for n_clusters in (1, 5, 2):
            after = fit(world, n_clusters)
            assert (after[some[0]], world.store.label(some[0]).assigned_by) == (split.cluster, "owner")  # type: ignore[union-attr]
            assert world.store.names()[split.cluster or ""].name == "Lagoon"
            assert split.cluster in {row.cluster for row in world.store.clusters()}


def test_photos_put_elsewhere_do_not_take_the_id_of_their_old_cluster_along(tmp_path: Path) -> None:
    """Most of a cluster is split off: its id stays with the rest, whichever clusters a fit finds among the others."""
    world = World(tmp_path / "library", 0, n_clusters=1)
    with world.store:
        (old,) = {row.cluster for row in world.store.clusters()}
        kinds: dict[int, list[str]] = {}
        for photo in sorted(world.store.photo_keys()):
            kinds.setdefault(int(photo, 16) % N_KINDS, []).append(photo)
        *largest, one, other = sorted(kinds.values(), key=len, reverse=True)
        most = {photo for kind in largest for photo in kind}
        split = world.edits.make(EditRequest("split-off", photos=tuple(sorted(most)), cluster=old))
        after = fit(world, N_KINDS)
        assert {photo for photo, cluster in after.items() if cluster == split.cluster} == most
        kept = {photo for photo, cluster in after.items() if cluster == old}
        assert kept in (set(one), set(other))


def test_a_split_leaves_the_name_and_proposes_one_and_history_tells_all(tmp_path: Path) -> None:
    """Proposed in the report and, until it is named, in the list; what runs did and the owner said stands in order."""
    world = World(tmp_path / "library", 0, n_clusters=2)
    with world.store:
        store = world.store
        largest = list_clusters(store).clusters[0].id
        store.rename({largest: "Lagoon"}, named_ns=time.time_ns())
        params = FitParams(reducer="none", clusterer="kmeans", n_clusters=N_KINDS)
        report = refit(store, params, reason="a test")
        assert report.suggested
        entries = {entry.id: entry for entry in list_clusters(store).clusters}
        assert {one: entries[one].suggested_name for one in report.suggested} == report.suggested
        assert entries[largest].name == "Lagoon"
        fit(world, N_KINDS)
        split, proposed = next(iter(report.suggested.items()))
        world.edits.make(EditRequest("merge", cluster="Lagoon", other=split))
        told = [(event.run, event.event) for event in read_history(store, split)]
        assert (told[0], told[-1]) == (("r2", "split"), ("r3", "merge"))
        store.rename({split: proposed}, named_ns=1)
        assert all(entry.suggested_name != proposed for entry in list_clusters(store).clusters)


def test_what_a_refit_proposes_is_accepted_at_once(tmp_path: Path) -> None:
    """One, or all that are; what is not proposed is refused, and then nothing is named."""
    world = World(tmp_path / "library", 0, n_clusters=1)
    with world.store:
        store = world.store
        (largest,) = [entry.id for entry in list_clusters(store).clusters]
        store.rename({largest: "x" * 80}, named_ns=1)
        proposed = refit(
            store, FitParams(reducer="none", clusterer="kmeans", n_clusters=N_KINDS), reason="a test"
        ).suggested
        assert len(proposed) > 1
        one, *others = proposed
        with pytest.raises(NotFound, match=f"proposed for {largest}"):
            world.edits.accept_names([one, largest])
        assert set(store.names()) == {largest}
        assert [(given.cluster, given.name) for given in world.edits.accept_names([one])] == [(one, proposed[one])]
        assert {given.cluster: given.name for given in world.edits.accept_names()} == {
            other: proposed[other] for other in others
        }
        assert world.edits.accept_names() == ()
        assert all(len(name.name) <= 80 and name.named_by == "owner" for name in store.names().values())


@pytest.mark.parametrize("seed", [0, 1])
def test_every_word_holds_whatever_happens(tmp_path: Path, seed: int) -> None:
    """Random words between random refits, rollbacks, arrivals and departures."""
    run_world(tmp_path / "library", seed, n_rounds=6)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
def test_every_word_holds_whatever_happens_for_long(tmp_path: Path, seed: int) -> None:
    """The same, longer."""
    run_world(tmp_path / "library", seed, n_rounds=14)


def run_world(folder: Path, seed: int, *, n_rounds: int) -> None:
    """Let things happen, and look after each."""
    world = World(folder, seed)
    with world.store:
        for _ in range(n_rounds):
            happen = world.random.choice([world.refit, world.refit, world.roll_back, world.come_and_go])
            happen()
            world.check()
            for _ in range(3):
                world.speak()
                world.check()
        words = world.store.edits()
        standing = world.store.constraints()
    with Store.open(folder, settings=FAST) as again:
        assert (again.edits(), again.constraints()) == (words, standing)
