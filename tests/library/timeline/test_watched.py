"""The timeline of a library that a daemon stays with: found again as photos come, and not more often than that pays."""

from __future__ import annotations

import pytest

from tests.library.timeline.conftest import BASEL, LISBON, Kept, in_portugal, series
from vecclust.config import load_config
from vecclust.library import watched
from vecclust.library.timeline import found
from vecclust.library.timeline.of_photo import place_in_time
from vecclust.library.timeline.shown import kept_timeline
from vecclust.library.watched import WatchedLibrary
from vecclust.store import Store


def test_a_daemon_finds_events_again_when_photos_came_and_not_at_every_turn(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor while nothing has come; after a pause the next turn finds what came meanwhile."""
    now_s, looks = [1000.0], list[int]()
    monkeypatch.setattr(watched.time, "monotonic", lambda: now_s[0])
    find = found._find

    def counted(*given: object) -> object:
        looks.append(1)
        return find(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(found, "_find", counted)
    with WatchedLibrary(Store.open(kept.folder, write=True), config=load_config(None), clock=kept.clock) as library:
        library.keep_timeline()
        assert len(looks) == 1
        library._store.add_photos(series("2018-05-05T10:00", (0, 5, 9), BASEL))
        library.keep_timeline()
        assert len(looks) == 1
        now_s[0] += watched.TIMELINE_PAUSE_S + 1
        library.keep_timeline()
        assert len(looks) == 2
        now_s[0] += 10 * watched.TIMELINE_PAUSE_S
        library.keep_timeline()
        assert len(looks) == 2
        assert library._store.timeline()[-1].n_photos


def test_what_came_since_is_where_its_nearest_are(kept: Kept) -> None:
    """At once, at the cost of a look; and nowhere where nothing is near."""
    with WatchedLibrary(Store.open(kept.folder, write=True), config=load_config(None), clock=kept.clock) as library:
        library.keep_timeline()
        store = library._store
        beside, alone = series("2018-04-15T10:41", (0,), LISBON, zone_h=0)[0], series("2019-01-01T10:00", (0,), None)[0]
        known = in_portugal()[21]
        store.add_photos([beside, alone])
        facts = place_in_time(store, beside, language="en")
        assert facts == place_in_time(store, known, language="en")
        assert (facts["event_name"], facts["town"]) == ("Lisbon, 15 April 2018", "Lisbon")
        assert facts["trip_name"] == "Lisbon and Porto, April 2018"
        assert place_in_time(store, alone, language="en") == {}


def test_a_process_that_stays_sees_what_another_one_kept(kept: Kept) -> None:
    """Though it found events itself before."""
    with kept.open() as library:
        library.events()
    with kept.open(write=False) as reader:
        n_before = len(reader.events().events)
        kept.add(series("2018-05-05T10:00", (0, 5, 9), BASEL))
        with kept.open() as library:
            library.rename(library.events().events[0].id, "May")
        shown = kept_timeline(reader._store)
        assert len(shown.events) == n_before + 1
        assert [one.name for one in shown.constraints.named.values()] == ["May"]


def test_a_kill_between_file_and_table_gives_the_same_ids(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is there, the table is as before."""
    with kept.open() as library:
        library.events()
    kept.add(series("2018-05-05T10:00", (0, 5, 9), BASEL))
    with kept.open() as library, monkeypatch.context() as patched:
        patched.setattr(library._store, "keep_timeline", lambda _groups: None)
        ahead = library.events()
    with kept.open() as library:
        assert library.events() == ahead
        assert library._store.timeline()[20].id == "e21"
