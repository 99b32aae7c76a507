"""The API over a real socket: outcomes arrive as they left, and no asker harms the server or another one."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from vecclust import Client
from vecclust.errors import LibraryLocked, NotFound
from vecclust.server import app, client, serving
from vecclust.server.app import Question, api_app, description
from vecclust.server.client import Declined, Interrupted, NoServer, seen
from vecclust.server.serving import Server
from vecclust.server.sockets import connect, listen
from vecclust.server.verbs import VERBS
from vecclust.types.clusters import ClusterName
from vecclust.types.progress import no_progress
from vecclust.types.search import Answer, Examples, Filters, Hit

SECONDS = 30.0
ANSWER = Answer("\udcff 🌋", "m", (Hit("ab", "/photo\udcff.jpg", 0.1 + 0.2, "c1", None),))


class FakeBackend:
    """Answers as the text of the question wishes."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.asked = threading.Event()
        self.questions: list[Question] = []

    def read(self, question: Question) -> Any:
        """Answer."""
        self.asked.set()
        self.questions.append(question)
        match question.arguments.get("text"):
            case "decline":
                raise Declined("not here")
            case "fail":
                raise NotFound("no such photo", hint="Look elsewhere.")
            case "break":
                raise ZeroDivisionError
            case "wait":
                assert self.free.wait(SECONDS)
        return ANSWER

    def write(self, question: Question) -> Iterator[Mapping[str, Any]]:
        """Do it."""
        self.asked.set()
        self.questions.append(question)
        match question.arguments.get("name"):
            case "decline":
                raise Declined("a daemon does not")
            case "fail":
                raise LibraryLocked("it is held", hint="Wait.")
            case "break":
                yield {"taken": True}
                raise ZeroDivisionError
            case "wait":
                while not self.free.wait(0.01):
                    yield {"alive": True}
        yield {"taken": True}
        yield {"stage": ("layout", 1, 2)}
        yield {"notice": "it waits"}
        yield {"result": ClusterName("c1", "Lagoon", "owner", 5)}


@pytest.fixture
def backend() -> FakeBackend:
    """What the server answers."""
    return FakeBackend()


@pytest.fixture
def server(tmp_path: Path, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server in `tmp_path` that is impatient with whoever does not ask."""
    monkeypatch.setattr(serving, "SILENT_S", 0.5)
    monkeypatch.setattr(app, "QUESTION_S", 0.5)
    made = Server(api_app(backend), listen(tmp_path))
    made.start()
    yield made
    backend.free.set()
    made.close(seconds=SECONDS)


def search(library: Path, text: str) -> Answer:
    """Ask the server, and nobody else."""
    found: Answer = Client(library).ask(VERBS["search"], {"text": text, "limit": 3})
    return found


def post(path: str, body: bytes, *, length: int | None = None) -> bytes:
    """Write a request out."""
    n_bytes = len(body) if length is None else length
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {n_bytes}\r\n\r\n".encode() + body


def answer_of(line: socket.socket) -> tuple[int, bytes]:
    """Read an answer to its end: status and body."""
    line.settimeout(SECONDS)
    heard = b""
    while part := line.recv(65536):
        heard += part
        head, separator, body = heard.partition(b"\r\n\r\n")
        if separator and b"content-length: " in head:
            length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            if len(body) >= length:
                break
    return int(head.split(b" ")[1]), body


def until(reached: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + SECONDS
    while not reached():
        assert time.monotonic() < deadline, "it never came to it"
        time.sleep(0.01)


@pytest.mark.usefixtures("server")
def test_an_answer_arrives_as_it_left(tmp_path: Path, backend: FakeBackend) -> None:
    """Answer, refusal, error; and a defect is left to the asker, who can do without."""
    filters = Filters(cluster="c1", folder=tmp_path)
    asked = {"text": "\udcff \\ud800 🌋", "limit": 3, "filters": filters}
    assert Client(tmp_path).ask(VERBS["search"], asked) == ANSWER
    assert backend.questions[0].arguments == asked
    with pytest.raises(Declined, match="not here"):
        search(tmp_path, "decline")
    with pytest.raises(NotFound, match="Look elsewhere") as caught:
        search(tmp_path, "fail")
    assert caught.value.hint == "Look elsewhere."
    with pytest.raises(Declined):
        search(tmp_path, "break")


@pytest.mark.usefixtures("server")
def test_pictures_among_the_examples_are_named_and_looked_at_as_the_photo_is(
    tmp_path: Path, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In absolute paths, and the server hears how each looks from here."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.jpg", "b.jpg"):
        Path(name).write_bytes(b"")
    minus = Examples(texts=("snow",), photos=(Path("c.jpg"),))
    assert Client(tmp_path).similar("a.jpg", plus=Examples(photos=(Path("b.jpg"),)), minus=minus) == ANSWER
    (question,) = backend.questions
    assert question.arguments["plus"] == Examples(photos=(tmp_path / "b.jpg",))
    assert question.arguments["minus"] == Examples(texts=("snow",), photos=(tmp_path / "c.jpg",))
    assert question.asker is not None
    expected = {str(tmp_path / name): seen(str(tmp_path / name)) for name in ("a.jpg", "b.jpg", "c.jpg")}
    assert question.asker.files == expected
    assert expected[str(tmp_path / "c.jpg")] is None


@pytest.mark.usefixtures("server")
def test_a_write_tells_how_far_it_has_come(tmp_path: Path) -> None:
    """Stages, notices and the result; a refusal and an error are told apart from a server that went away."""
    stages: list[tuple[str, int, int]] = []
    notices: list[str] = []
    asker = Client(tmp_path, notice=notices.append)
    verb = VERBS["rename"]
    asked = {"cluster": "c1", "name": "Lagoon"}
    named = asker.ask(verb, asked, progress=lambda *stage: stages.append(stage))
    assert (named, stages, notices) == (ClusterName("c1", "Lagoon", "owner", 5), [("layout", 1, 2)], ["it waits"])
    with pytest.raises(Declined):
        asker.ask(verb, {**asked, "name": "decline"})
    with pytest.raises(LibraryLocked, match="Wait"):
        asker.ask(verb, {**asked, "name": "fail"})
    with pytest.raises(Interrupted):
        asker.ask(verb, {**asked, "name": "break"})
    assert asker.ask(verb, asked) == named, "the server goes on"


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("failure", [OSError(9, "stderr is closed"), ValueError("I/O operation on closed file")])
def test_what_fails_at_the_asker_is_not_the_daemons_going_away(tmp_path: Path, failure: Exception) -> None:
    """A notice or a bar that cannot be shown: that failure itself, or the write would be called half done."""

    def refuse(*said: object) -> None:
        raise failure

    verb, asked = VERBS["rename"], {"cluster": "c1", "name": "Lagoon"}
    for asker, progress in ((Client(tmp_path, notice=refuse), no_progress), (Client(tmp_path), refuse)):
        with pytest.raises(type(failure)) as caught:
            asker.ask(verb, asked, progress=progress)
        assert caught.value is failure


def test_a_result_of_another_make_is_as_none(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be read is no answer, however it cannot be read: the library is asked itself."""
    monkeypatch.setattr(FakeBackend, "read", lambda self, question: ClusterName("c1", "Lagoon", "owner", 5))
    with pytest.raises(Interrupted):
        search(tmp_path, "hello")


def test_another_version_is_nobody(
    tmp_path: Path, server: Server, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Later or earlier: nothing is asked."""
    monkeypatch.setattr(client, "__version__", "99")
    with pytest.raises(NoServer, match="another version"):
        search(tmp_path, "hello")
    monkeypatch.undo()
    assert not backend.asked.is_set()


WRONG: dict[str, tuple[str, bytes]] = {
    "no verb": ("/v1/drop", b'{"arguments": {}}'),
    "no argument": ("/v1/search", b'{"arguments": {}}'),
    "an argument too many": ("/v1/search", b'{"arguments": {"text": "a", "no": 1}}'),
    "of another type": ("/v1/search", b'{"arguments": {"text": 1}}'),
    "out of range": ("/v1/search", b'{"arguments": {"text": "a", "limit": 0}}'),
    "a kind that is none": ("/v1/recluster", b'{"arguments": {"kind": "slow"}}'),
    "an asker that is none": ("/v1/status", b'{"arguments": {}, "asker": {"files": 1}}'),
    "not JSON": ("/v1/status", b"{a}"),
    "not UTF-8": ("/v1/status", b'{"arguments": {"\xff": 1}}'),
    "no object": ("/v1/status", b"[]"),
    "nothing": ("/v1/status", b""),
    "nested without end": ("/v1/status", b"[" * 100_000),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_question_that_is_none_is_declined(tmp_path: Path, server: Server, backend: FakeBackend, what: str) -> None:
    """Whatever a broken client sends: it is told so, and nothing is asked."""
    with connect(tmp_path, seconds=SECONDS) as line:
        line.sendall(post(*WRONG[what]))
        status, body = answer_of(line)
    assert status == 400
    assert "not understood" in json.loads(body)["declined"]
    assert not backend.asked.is_set()


RUDE: dict[str, Callable[[socket.socket], None]] = {
    "silent": lambda line: None,
    "garbage": lambda line: line.sendall(b"\xff\xff\xff\xff" + b"x" * 1000 + b"\r\n\r\n"),
    "a head without end": lambda line: line.sendall(b"GET /v1 HTTP/1.1\r\nX: " + b"x" * 200_000),
    "half a head": lambda line: line.sendall(b"GET /v1 HTTP/1.1\r\nHost: x"),
    "half a body": lambda line: line.sendall(post("/v1/search", b'{"arguments"', length=1000)),
    "a body without end": lambda line: line.sendall(post("/v1/search", b"x" * 1000, length=1 << 40)),
}


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("way", RUDE)
def test_the_rude_are_hung_up_on_and_others_answered(tmp_path: Path, way: str) -> None:
    """In bounded time, and meanwhile nobody waits."""
    with connect(tmp_path, seconds=SECONDS) as line:
        RUDE[way](line)
        assert search(tmp_path, "hello") == ANSWER
        line.settimeout(SECONDS)
        try:
            while line.recv(4096):
                pass
        except ConnectionError:
            pass


def test_a_giant_question_is_refused_before_it_is_here(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rather than kept in memory."""
    monkeypatch.setattr(app, "QUESTION_BYTES", 1000)
    with connect(tmp_path, seconds=SECONDS) as line:
        line.sendall(post("/v1/search", b"x" * 100_000))
        assert answer_of(line)[0] == 400


def test_an_answer_too_long_is_left_to_the_asker(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rather than cut."""
    monkeypatch.setattr(app, "ANSWER_BYTES", 10)
    with pytest.raises(Declined, match="too long"):
        search(tmp_path, "hello")


def test_who_goes_away_in_the_middle_leaves_room(tmp_path: Path, server: Server, backend: FakeBackend) -> None:
    """While something is told, and between question and answer: the server goes on."""
    questions = [post("/v1/rename", b'{"arguments": {"cluster": "c1", "name": "wait"}}')]
    questions += [post("/v1/search", b'{"arguments": {"text": "wait"}}')]
    for question in questions:
        for _ in range(app.MOST_ASKERS // 2):
            with connect(tmp_path, seconds=SECONDS) as line:
                line.sendall(question)
                assert backend.asked.wait(SECONDS)
                backend.asked.clear()
    backend.free.set()
    until(lambda: _is_answered(tmp_path))


def _is_answered(library: Path) -> bool:
    try:
        return search(library, "hello") == ANSWER
    except (Declined, NoServer):
        return False


def test_too_many_are_turned_away_at_once(tmp_path: Path, server: Server, backend: FakeBackend) -> None:
    """They do without; when one has gone there is room again."""
    with ThreadPoolExecutor(app.MOST_ASKERS) as pool:
        waiting = [pool.submit(search, tmp_path, "wait") for _ in range(app.MOST_ASKERS)]
        until(lambda: len(backend.questions) == app.MOST_ASKERS)
        with pytest.raises(Declined, match="too many"):
            search(tmp_path, "hello")
        backend.free.set()
        assert [one.result(SECONDS) for one in waiting] == [ANSWER] * app.MOST_ASKERS
    assert search(tmp_path, "hello") == ANSWER


def test_silent_connections_do_not_shut_others_out_for_long(tmp_path: Path, server: Server) -> None:
    """As many as may be, and more: within seconds there is room again."""
    with ExitStack() as lines:
        for _ in range(serving.MOST_CONNECTIONS + 5):
            lines.enter_context(connect(tmp_path, seconds=SECONDS))
        until(lambda: _is_answered(tmp_path))


def test_it_ends_promptly_while_somebody_is_being_answered(
    tmp_path: Path, server: Server, backend: FakeBackend
) -> None:
    """The asker is told by the end of the line, the socket goes, and who comes later finds nobody."""
    outcome: list[BaseException] = []

    def wait_for_answer() -> None:
        try:
            search(tmp_path, "wait")
        except BaseException as error:
            outcome.append(error)

    asker = threading.Thread(target=wait_for_answer)
    asker.start()
    assert backend.asked.wait(SECONDS)
    assert server.close(seconds=SECONDS)
    assert not backend.free.is_set(), "nobody was answered"
    asker.join(SECONDS)
    assert isinstance(outcome[0], Declined | Interrupted)
    with pytest.raises(NoServer):
        search(tmp_path, "hello")


def test_a_stopped_server_keeps_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its socket accepts, and nothing is said."""
    monkeypatch.setattr(client, "HELLO_S", 0.3)
    listener = listen(tmp_path)
    try:
        with pytest.raises(NoServer):
            search(tmp_path, "hello")
    finally:
        listener.close()


def test_what_is_no_verb_is_no_attribute(tmp_path: Path) -> None:
    """So `hasattr` and a typing mistake are answered as everywhere."""
    asker = Client(tmp_path)
    assert not hasattr(asker, "serach")
    with pytest.raises(AttributeError, match="no verb"):
        asker.catch_up()
    with pytest.raises(TypeError):
        asker.search("red", 5)
    with pytest.raises(TypeError):
        asker.search("red", progress=print)
    assert asker.search.__doc__ is not None
    assert asker.search.__doc__.startswith("Find photos")


def test_the_description_names_every_verb_and_its_types() -> None:
    """As OpenAPI, for programs in other languages."""
    described = description()
    assert set(described["paths"]) == {f"/v1/{name}" for name in VERBS}
    parts = described["components"]["schemas"]
    assert {"Answer", "Hit", "Filters", "Status", "EditRequest"} <= set(parts)
    text = json.dumps(described)
    assert all(f"#/components/schemas/{name}" in text for name in ("Answer", "Status"))
    assert str(os.getcwd()) not in text
