"""Clusters that their owner gave no name are called by words: proposed, accepted, refused, and kept."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.library.naming.coloured import (
    ALBUM,
    WORDS,
    cluster_of,
    names_of,
    open_colours,
    paint_album,
    use_colours,
)
from vecclust import Library
from vecclust.clustering import naming
from vecclust.errors import ModelError, NotFound, UsageError
from vecclust.library.model import ModelBinding
from vecclust.library.naming import run_words
from vecclust.library.naming.run_words import (
    KnownWord,
    NamedCluster,
    load_run_words,
    load_statistics,
    save_run_words,
)
from vecclust.library.watched import WatchedLibrary
from vecclust.store import Store
from vecclust.testing import FakeEmbedder
from vecclust.types.edits import EditRequest
from vecclust.types.search import Filters
from vecclust.words import Word

NAMES = {"red": "Red", "green": "Green", "blue": "Blue", "yellow": None, "black": "Black"}


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WatchedLibrary]:
    """Five clusters; words tell what four of them are."""
    use_colours(monkeypatch)
    paint_album(tmp_path / "album")
    with open_colours(tmp_path) as opened:
        opened.scan([tmp_path / "album"])
        yield opened


def words_file(library: WatchedLibrary) -> Path:
    """Give the file of the current run's names."""
    run = library.clusters().run
    assert run is not None
    return library.folder / "fits" / run / "words.json"


def entry_of(library: WatchedLibrary, colour: str) -> Any:
    """Give the cluster of a colour as it is listed."""
    return library.cluster(cluster_of(library, colour)).entry


def test_a_first_fit_proposes_names_and_leaves_an_honest_id(library: WatchedLibrary) -> None:
    """Where three words say as much of a cluster and none covers another, it is called by none."""
    assert names_of(library) == NAMES
    red, yellow = entry_of(library, "red"), entry_of(library, "yellow")
    assert (red.name, red.named_by, red.suggested_name, red.word) == ("Red", "auto", "Red", "Red")
    assert (yellow.name, yellow.named_by, yellow.suggested_name) == (None, None, None)


def test_answers_show_what_clusters_are_called(library: WatchedLibrary) -> None:
    """Hits, the facts of a photo, and which clusters the words of a question mean."""
    answer = library.search("red", limit=3)
    red = cluster_of(library, "red")
    assert {(hit.cluster, hit.cluster_name, hit.cluster_named_by) for hit in answer.results} == {(red, "Red", "auto")}
    assert [(one.id, one.name, one.named_by) for one in answer.clusters] == [(red, "Red", "auto")]
    facts = library.photo(library.folder.parent / "album" / "red" / "0.jpg")
    assert (facts.cluster_name, facts.cluster_named_by, facts.words) == ("Red", "auto", ("red",))
    assert not library.similar(library.folder.parent / "album" / "red" / "0.jpg").clusters


def test_what_the_owner_says_wins_and_outlives_refits(library: WatchedLibrary) -> None:
    """A proposal is accepted, another name is given, and a refit changes neither."""
    red, blue = cluster_of(library, "red"), cluster_of(library, "blue")
    assert [(name.cluster, name.name, name.named_by) for name in library.accept_names((red,))] == [
        (red, "Red", "owner")
    ]
    library.rename(blue, "Aunt Jo")
    library.recluster()
    assert names_of(library) == {**NAMES, "blue": "Aunt Jo"}
    assert (entry_of(library, "red").named_by, entry_of(library, "green").named_by) == ("owner", "auto")
    assert entry_of(library, "blue").word == "Blue"
    accepted = {name.name for name in library.accept_names()}
    assert accepted == {"Green", "Black"}
    with pytest.raises(NotFound, match="no name is proposed"):
        library.accept_names((cluster_of(library, "yellow"),))


def test_a_name_that_is_refused_is_an_edit_and_is_not_proposed_again(library: WatchedLibrary) -> None:
    """Listed in words, in the journal, kept through refits, and there again once it is taken back."""
    black = cluster_of(library, "black")
    report = library.refuse_names(("~ black",))
    assert (report.kind, report.cluster) == ("refuse", black)
    for _ in range(2):
        assert names_of(library) == {**NAMES, "black": None}
        library.recluster()
    (edit,) = library.edits()
    assert (edit.text, edit.in_force, edit.cluster) == (f"name --refuse {black} “black”", True, black)
    assert '"refuse"' in (library.folder / "journal.jsonl").read_text()
    assert [event.event for event in library.cluster(black).history if event.text] == ["refuse"]
    assert report.edit is not None
    library.edit(EditRequest("take-back", edits=(report.edit,)))
    library.recluster()
    assert names_of(library) == NAMES
    assert library.edits() == ()


def test_the_next_best_name_is_proposed_at_once_where_one_is_refused(library: WatchedLibrary) -> None:
    """Until that is refused, too; never one that another cluster has, which keeps it."""
    black, folder = cluster_of(library, "black"), words_file(library).parent
    found, statistics = load_run_words(folder), load_statistics(folder)
    assert found is not None
    assert statistics is not None

    def called_otherwise(word: str) -> None:
        last = NamedCluster((KnownWord(f"n:{word}", word),), score=99.0)
        first = dataclasses.replace(found.clusters[black], otherwise=last)
        save_run_words(folder, dataclasses.replace(found, clusters={**found.clusters, black: first}), statistics)

    called_otherwise("thing 3")
    assert names_of(library) == NAMES
    library.refuse_names((black,))
    assert names_of(library) == {**NAMES, "black": "Thing 3"}
    assert [edit.text for edit in library.edits()] == [f"name --refuse {black} “black”"]
    library.refuse_names(("~ thing 3",))
    assert names_of(library) == {**NAMES, "black": None}
    library.edit(EditRequest("take-back", edits=("w2",)))
    called_otherwise("red")
    assert names_of(library) == {**NAMES, "black": None}


def test_names_are_refused_all_or_none(library: WatchedLibrary) -> None:
    """Where one has none, nothing is kept; nor where no cluster is named."""
    with pytest.raises(NotFound):
        library.refuse_names((cluster_of(library, "red"), cluster_of(library, "yellow")))
    with pytest.raises(UsageError):
        library.refuse_names(())
    assert library.edits() == ()
    library.refuse_names((cluster_of(library, "red"), cluster_of(library, "blue")))
    assert len(library.edits()) == 1
    assert names_of(library) == {**NAMES, "red": None, "blue": None}


def test_a_name_that_is_the_owners_is_proposed_for_no_other_cluster(library: WatchedLibrary) -> None:
    """Neither at once nor by the next fit; then it may be accepted again."""
    library.rename(cluster_of(library, "yellow"), "BLACK")
    assert names_of(library) == {**NAMES, "yellow": "BLACK", "black": None}
    library.recluster()
    assert names_of(library) == {**NAMES, "yellow": "BLACK", "black": None}
    assert library.accept_names()


def test_a_cluster_is_asked_for_by_the_name_that_is_proposed(library: WatchedLibrary) -> None:
    """In any case, with its mark or without; what the owner calls so comes first."""
    red = cluster_of(library, "red")
    for named in ("Red", "red", "~ Red", "~red"):
        assert library.cluster(named).entry.id == red
        assert {hit.cluster for hit in library.search("red", filters=Filters(cluster=named)).results} == {red}
    library.rename("green", "Red")
    assert library.cluster("red").entry.id == cluster_of(library, "green")


def test_names_are_said_in_the_language_that_is_asked_for(library: WatchedLibrary, tmp_path: Path) -> None:
    """Without another fit: ids are kept. A word that lacks there is said in English."""
    with Library.open(tmp_path / "library", flags={"names.language": "de"}, embedder=FakeEmbedder()) as german:
        names = {entry.name for entry in german.clusters().clusters}
        assert names == {"Rot", "Grün", "Blau", "Schwarz", None}
        assert {entry.language for entry in german.clusters().clusters} == {"de"}
        assert german.cluster("schwarz").entry.id == cluster_of(library, "black")
        assert [one.name for one in german.search("rot").clusters] == ["Rot"]
        assert german.photo(tmp_path / "album" / "red" / "0.jpg").words == ("rot",)


def test_clusters_about_a_word_are_those_that_it_means_else_those_that_show_it(library: WatchedLibrary) -> None:
    """By the vocabulary in any language, by a wider word, by what the owner calls them; else by the vector."""

    def about(text: str) -> list[str]:
        return [entry.id for entry in library.clusters(about=text).clusters]

    red, black, yellow = (cluster_of(library, colour) for colour in ("red", "black", "yellow"))
    assert about("red") == about("rot") == [red]
    assert about("yellow-ish") == [yellow]
    assert about("something yellow")[0] == yellow
    assert len(about("something yellow")) < len(ALBUM)
    library.rename(black, "Aunt Jo")
    assert about("aunt jo") == about("black") == [black]
    listed = library.clusters(about="red")
    assert (listed.photos, listed.clustered) == (library.clusters().photos, library.clusters().clustered)


def test_a_wider_word_means_the_kinds_that_it_covers(library: WatchedLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    """After those that are called so."""
    use_colours(monkeypatch, (*WORDS, Word("n:dark", "dark")))
    assert [one.name for one in library.search("dark").clusters] == ["Black"]


def test_the_owners_own_words_come_first_and_are_read_when_they_change(library: WatchedLibrary) -> None:
    """They name the clusters of the run there is, and no one else is shown them."""
    (library.folder / "vocabulary.txt").write_text("# what our photos show\nred\nc5\nunclustered\n")
    library.leave_fits()
    assert library.name_clusters() != ""
    assert names_of(library) == NAMES
    library.make_words()
    assert library.name_clusters() == ""
    red = entry_of(library, "red")
    assert (red.name, red.own_words) == ("Red", ("Red",))
    assert red.without_owners_words().name is None
    assert entry_of(library, "blue").without_owners_words().name == "Blue"


def test_a_rollback_shows_what_the_run_called_its_clusters(library: WatchedLibrary) -> None:
    """What was decided is kept with each run."""
    first = words_file(library)
    library.recluster()
    second = words_file(library)
    text = json.loads(second.read_text())
    red = text["clusters"][cluster_of(library, "red")]
    red["name"][0]["text"], red["tags"] = (
        "crimson",
        [{"id": "n:pink", "text": "pink"}, {"id": "own:roses", "text": "roses"}],
    )
    text.pop("sum")
    second.write_text(json.dumps({**text, "sum": run_words._sum(text)}))
    assert names_of(library)["red"] == "Crimson"
    entry = entry_of(library, "red")
    assert (entry.tags, entry.own_words, entry.without_owners_words().tags) == (
        ("pink", "roses"),
        ("roses",),
        ("pink",),
    )
    assert [one.id for one in library.clusters(about="pink").clusters] == [entry.id]
    library.rollback(first.parent.name)
    assert names_of(library) == NAMES
    library.rollback(second.parent.name)
    assert names_of(library)["red"] == "Crimson"


def test_a_library_whose_model_cannot_be_had_fits_without_names(
    library: WatchedLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And has them once the model is there."""
    use_colours(monkeypatch, (*WORDS, Word("n:night", "night")))

    def refuse(_: ModelBinding) -> Any:
        raise ModelError("it is not here")

    with monkeypatch.context() as patched:
        patched.setattr(ModelBinding, "texts", refuse)
        report = library.recluster()
    assert report.clusters == len(ALBUM)
    assert not words_file(library).exists()
    assert set(names_of(library).values()) == {None}
    library.close()
    with open_colours(tmp_path) as again:
        again.scan()
        assert names_of(again)["red"] == "Red"


@pytest.mark.parametrize("name", ["words.json", "words.npz"])
@pytest.mark.parametrize("damage", ["lost", "torn", "changed"])
def test_names_that_were_lost_are_found_again(library: WatchedLibrary, tmp_path: Path, name: str, damage: str) -> None:
    """By the next scan; nothing is missing meanwhile but names, and no file of a run counts as damaged for it."""
    file = words_file(library).with_name(name)
    library.close()
    whole = file.read_bytes()
    if damage == "lost":
        file.unlink()
    else:
        file.write_bytes(whole[:100] if damage == "torn" else whole[:-40] + bytes(40))
    with Library.open(tmp_path / "library", embedder=FakeEmbedder()) as reader:
        assert len(reader.clusters().clusters) == len(ALBUM)
        assert not reader.photo(tmp_path / "album" / "red" / "0.jpg").words or name == "words.json"
    found = Library.checkup(tmp_path / "library", depth="deep")
    assert not [one for one in found.findings if one.state == "fault" and one.check != "model"]
    assert [one.state for one in found.findings if one.check == "words"] == ["warning"]
    with open_colours(tmp_path) as again:
        assert again._store.mended == ()
        again.scan()
        assert names_of(again) == NAMES
        assert again.photo(tmp_path / "album" / "red" / "0.jpg").words == ("red",)
    found = Library.checkup(tmp_path / "library", depth="deep")
    assert [one.state for one in found.findings if one.check == "words"] == ["ok"]


def fit_twice(library: WatchedLibrary) -> None:
    """Scan, and fit anew."""
    library.scan([library.folder.parent / "album"])
    library.recluster()


class Killed(BaseException):
    """What no `except` of ours catches: as far as files go, a kill."""


@pytest.mark.parametrize("step", range(12))
def test_a_kill_between_any_two_steps_leaves_the_same_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Before and after each file of names is in place, and around the commit: the next scan ends where one would."""
    use_colours(monkeypatch)
    paint_album(tmp_path / "album")
    steps = iter(range(10**6))

    def deadly(write: Any) -> Any:
        def call(*given: Any, **named: Any) -> Any:
            strikes = isinstance(given[0], Store) or "words." in os.fspath(given[0])
            if strikes and next(steps) == step:
                raise Killed
            done = write(*given, **named)
            if strikes and next(steps) == step:
                raise Killed
            return done

        return call

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", deadly(os.replace))
        patched.setattr(Store, "commit_run", deadly(Store.commit_run))
        with open_colours(tmp_path) as struck, pytest.raises(Killed):
            fit_twice(struck)
    with open_colours(tmp_path) as again:
        again.scan([tmp_path / "album"])
        assert names_of(again) == NAMES
        again.recluster()
    found = Library.checkup(tmp_path / "library", depth="deep", repair=True)
    with open_colours(tmp_path) as again:
        assert again._store.mended == ()
        again.recluster()
        assert names_of(again) == NAMES
    assert not [one for one in found.findings if one.state == "fault" and one.check != "model"]


def test_photos_are_measured_once_for_a_run(library: WatchedLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    """The names and the words of single photos are told by the same moments, which are half of the cost."""
    measured: list[int] = []

    def counted(vectors: Any) -> Any:
        measured.append(len(vectors))
        return covariance_of(vectors)

    covariance_of = naming._covariance
    monkeypatch.setattr(naming, "_covariance", counted)
    library.recluster()
    assert measured == [library.status().photos]


def test_a_merge_keeps_the_name_of_the_cluster_that_is_kept(library: WatchedLibrary) -> None:
    """And undoing it brings the other's back."""
    red, blue = cluster_of(library, "red"), cluster_of(library, "blue")
    report = library.edit(EditRequest("merge", cluster=red, other=blue))
    assert library.cluster(red).entry.name == "Red"
    assert report.edit is not None
    library.edit(EditRequest("take-back", edits=(report.edit,)))
    assert names_of(library) == NAMES


def test_a_name_that_a_cluster_broke_off_comes_before_words(library: WatchedLibrary) -> None:
    """Refused, it leaves the word."""
    red = cluster_of(library, "red")
    library.rename(red, "Roses")
    photos = tuple(member.photo for member in library.cluster(red).photos[:4])
    new = library.edit(EditRequest("split-off", photos=photos, cluster=red)).cluster
    assert new is not None
    entry = library.cluster(new).entry
    assert (entry.name, entry.named_by, entry.suggested_name) == ("Roses (2)", "auto", "Roses (2)")
    library.refuse_names((new,))
    assert library.cluster(new).entry.name is None
    assert "Roses (2)" in library.edits()[-1].text


def test_what_a_refit_is_told_of_names_there_are(library: WatchedLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which word each cluster has, how often it was beaten in a row, and what was refused."""
    from vecclust.clustering import naming

    told: dict[str, Any] = {}
    real = naming.name_clusters

    def listen(*given: Any, **named: Any) -> Any:
        told.update(named)
        return real(*given, **named)

    library.refuse_names((cluster_of(library, "blue"),))
    monkeypatch.setattr(naming, "name_clusters", listen)
    library.recluster()
    places = {word.text: place for place, word in enumerate(WORDS)}
    assert {one.word for one in told["kept"].values()} == {places[one] for one in ("red", "green", "blue", "black")}
    assert list(told["refused"].values()) == [frozenset({places["blue"]})]
