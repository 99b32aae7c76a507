"""Asking and serving over a real socket: outcomes arrive as they left, and no asker harms the server or another one."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from vecclust.server.wire import BrokenWire, Declined, NobodyThere, Server, ask, asking, listen, serving
from vecclust.server.wire.frames import pack_frame, receive_frame, send_frame
from vecclust.server.wire.meeting import call

from vecclust.errors import NotFound

SECONDS = 30.0

Values = Mapping[str, Any]
Tell = Callable[[Values], None]


class Answers:
    """Answers as the question wishes."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.asked = threading.Event()
        self.hung_up = threading.Event()

    def __call__(self, question: Values, tell: Tell) -> Values:
        """Answer."""
        self.asked.set()
        for word in question.get("tell", []):
            tell({"word": word})
        wish = question.get("wish")
        if wish == "decline":
            raise Declined("not here")
        if wish == "fail":
            raise NotFound("no such photo", hint="Look elsewhere.")
        if wish == "break":
            raise ZeroDivisionError
        if wish == "wait":
            assert self.free.wait(SECONDS)
        if wish == "talk":
            try:
                while not self.free.wait(0.01):
                    tell({"word": "x" * 10_000})
            except BrokenWire:
                self.hung_up.set()
                raise
        return {"echo": question.get("say")}


@pytest.fixture
def answers() -> Answers:
    """What the server answers."""
    return Answers()


@pytest.fixture
def server(tmp_path: Path, answers: Answers) -> Iterator[Server]:
    """A server in `tmp_path` that is impatient with whoever does not ask."""
    made = Server(listen(tmp_path), answers, greeting_s=0.5)
    made.start()
    yield made
    answers.free.set()
    made.close()


def greeted(library: Path) -> socket.socket:
    """Give a line on which a question is awaited."""
    line = call(library, seconds=SECONDS)
    send_frame(line, pack_frame(asking.greeting()), seconds=SECONDS)
    receive_frame(line, most_bytes=1000, seconds=SECONDS)
    return line


def until(reached: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + SECONDS
    while not reached():
        assert time.monotonic() < deadline, "it never came to it"
        time.sleep(0.01)


@pytest.mark.usefixtures("server")
def test_the_outcome_arrives_as_it_left(tmp_path: Path) -> None:
    """Answer, words before it, refusal, error; and a defect is left to the asker, who can do without."""
    told: list[object] = []
    answer = ask(tmp_path, {"say": "\udcff", "tell": [1, [2], "3"]}, told=lambda word: told.append(word["word"]))
    assert (answer, told) == ({"echo": "\udcff"}, [1, [2], "3"])
    with pytest.raises(Declined, match="not here"):
        ask(tmp_path, {"wish": "decline"})
    with pytest.raises(NotFound, match="Look elsewhere") as caught:
        ask(tmp_path, {"wish": "fail"})
    assert caught.value.hint == "Look elsewhere."
    with pytest.raises(Declined):
        ask(tmp_path, {"wish": "break"})


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("other", [{"vecclust": 2}, {"version": "99"}])
def test_another_version_is_nobody(
    tmp_path: Path, answers: Answers, monkeypatch: pytest.MonkeyPatch, other: Values
) -> None:
    """Later or earlier, of the protocol or of vecclust: nothing is asked."""
    with call(tmp_path, seconds=SECONDS) as line:
        send_frame(line, pack_frame({**asking.greeting(), **other}), seconds=SECONDS)
        assert receive_frame(line, most_bytes=1000, seconds=SECONDS) == asking.greeting()
        with pytest.raises(BrokenWire, match="hung up"):
            receive_frame(line, most_bytes=1000, seconds=SECONDS)
    mine = asking.greeting()
    monkeypatch.setattr(asking, "greeting", lambda: {**mine, **other})
    with pytest.raises(NobodyThere, match="another version"):
        ask(tmp_path, {})
    assert not answers.asked.is_set()


RUDE: dict[str, Callable[[Path], socket.socket]] = {}


def rude(way: Callable[[Path], socket.socket]) -> Callable[[Path], socket.socket]:
    """Note a way to be rude: it gives the line, which the server must hang up."""
    RUDE[way.__name__] = way
    return way


@rude
def silent(library: Path) -> socket.socket:
    """Connect and say nothing."""
    return call(library, seconds=SECONDS)


@rude
def silent_after_greeting(library: Path) -> socket.socket:
    """Greet and ask nothing."""
    return greeted(library)


@rude
def garbage(library: Path) -> socket.socket:
    """Speak something else."""
    line = call(library, seconds=SECONDS)
    line.sendall(b"GET / HTTP/1.1\r\n\r\n")
    return line


@rude
def huge(library: Path) -> socket.socket:
    """Announce four gigabytes."""
    line = greeted(library)
    line.sendall(b"\xff\xff\xff\xff" + b"x" * 1000)
    return line


@rude
def half(library: Path) -> socket.socket:
    """Stop in the middle of a question."""
    line = greeted(library)
    line.sendall(pack_frame({"say": "x" * 1000})[:500])
    return line


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("way", RUDE)
def test_the_rude_are_hung_up_on_and_others_answered(tmp_path: Path, way: str) -> None:
    """In bounded time, and meanwhile nobody waits."""
    with RUDE[way](tmp_path) as line:
        assert ask(tmp_path, {"say": "hello"}) == {"echo": "hello"}
        line.settimeout(SECONDS)
        try:
            while line.recv(4096):
                pass
        except ConnectionError:
            pass


def test_who_goes_away_in_the_middle_is_noticed(tmp_path: Path, server: Server, answers: Answers) -> None:
    """While something is told, and between question and answer: the thread ends, the server goes on."""
    for wish in ("talk", "wait"):
        with greeted(tmp_path) as line:
            send_frame(line, pack_frame({"wish": wish}), seconds=SECONDS)
            assert answers.asked.wait(SECONDS)
            answers.asked.clear()
        if wish == "talk":
            assert answers.hung_up.wait(SECONDS)
        else:
            answers.free.set()
        until(lambda: not server._lines)
        assert ask(tmp_path, {"say": wish}) == {"echo": wish}


def test_too_many_are_turned_away_at_once(tmp_path: Path, server: Server, answers: Answers) -> None:
    """They do without; when one has gone there is room again."""
    with ExitStack() as lines:
        for _ in range(serving.MOST_LINES):
            line = lines.enter_context(greeted(tmp_path))
            send_frame(line, pack_frame({"wish": "wait"}), seconds=SECONDS)
        with pytest.raises(NobodyThere):
            ask(tmp_path, {})
        answers.free.set()
        until(lambda: not server._lines)
    assert ask(tmp_path, {"say": "hello"}) == {"echo": "hello"}


def test_it_ends_promptly_while_somebody_is_being_answered(tmp_path: Path, server: Server, answers: Answers) -> None:
    """The asker is told by the end of the line, the socket goes, and who comes later finds nobody."""
    outcome: list[BaseException] = []

    def wait_for_answer() -> None:
        try:
            ask(tmp_path, {"wish": "wait"})
        except BaseException as error:
            outcome.append(error)

    asker = threading.Thread(target=wait_for_answer)
    asker.start()
    assert answers.asked.wait(SECONDS)
    began_s = time.monotonic()
    assert not server.close(seconds=0.2)
    assert time.monotonic() - began_s < 5
    asker.join(SECONDS)
    assert isinstance(outcome[0], BrokenWire)
    with pytest.raises(NobodyThere):
        ask(tmp_path, {})
    answers.free.set()


def test_an_answer_too_long_is_left_to_the_asker(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rather than cut or refused by the asker."""
    monkeypatch.setattr(serving, "ANSWER_BYTES", 1000)
    with pytest.raises(Declined, match="too long"):
        ask(tmp_path, {"say": "x" * 1000})
