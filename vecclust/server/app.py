"""The API as an application: requests to verbs, results to answers. Who may connect is the socket's affair.

`GET /v1` says which vecclust answers. `POST /v1/VERB` takes `{"arguments": {...}}`, checked by pydantic against the
verb's own types; `asker` beside it holds the settings and the view of the files of who asks, the server's own where
it is left out. A verb that reads answers with one JSON object, `result` or `error` in it. One that writes answers with
an object a line, first how far it has come; who asked may go away meanwhile. `declined` says that the asker is to do
without the server.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import logging
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol, TypeVar

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from vecclust import __version__
from vecclust.errors import (
    ConfigError,
    LibraryLocked,
    ModelError,
    NotFound,
    PhotoError,
    TooLarge,
    UsageError,
    VecclustError,
    pack_error,
)
from vecclust.server.client import Declined
from vecclust.server.codec import dump, load
from vecclust.server.verbs import API, VERBS, Verb

log = logging.getLogger(__name__)
T = TypeVar("T")

# More at once are turned away, and do without the server.
MOST_ASKERS = 16
# A question carries settings and paths, as many as a command line can (2 MB on Linux, an odd byte written as six).
QUESTION_BYTES = 16 << 20
# An answer may carry 100,000 hits of a few hundred bytes.
ANSWER_BYTES = 256 << 20
# Longest time until a question is here as a whole.
QUESTION_S = 5.0
STATUS: tuple[tuple[type[VecclustError], int], ...] = (
    (NotFound, 404),
    (UsageError, 400),
    (ConfigError, 400),
    (LibraryLocked, 409),
    (TooLarge, 413),
    (PhotoError, 422),
    (ModelError, 503),
)
DECLINED = 503
# Halves of surrogate pairs, which pydantic refuses in text; a pair of backslashes is no escape.
_SURROGATES = re.compile(rb"(\\\\)|\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, as far as it changes an answer.

    Attributes:
        config: an absolute path of a configuration file, or None for the library's own.
        environment: variables that begin with `VECCLUST_`.
        flags: dotted configuration keys.
        files: device and inode of the files that are named, by path; None for one that cannot be read.
    """

    config: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    flags: dict[str, Any] = field(default_factory=dict)
    files: dict[str, tuple[int, int] | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Question:
    """One question, checked.

    Attributes:
        verb: of the table.
        arguments: by name, of the types of the method.
        asker: who asks, None for anybody.
    """

    verb: Verb
    arguments: Mapping[str, Any]
    asker: Asker | None


class Backend(Protocol):
    """What answers questions; both methods are called by several threads at once."""

    def read(self, question: Question) -> Any:
        """Give the result of a verb that reads.

        Args:
            question: the question.

        Raises:
            Declined: the asker is to find it out alone.
            VecclustError: the answer is an error.
        """

    def write(self, question: Question) -> Iterator[Mapping[str, Any]]:
        """Do what a verb says; give what the asker should hear meanwhile, and `result` at the end.

        Args:
            question: the question.

        Raises:
            Declined: the asker is to do it alone; only before anything is given.
            VecclustError: the answer is an error.
        """


def status_of(error: VecclustError) -> int:
    """Give the HTTP status of an error.

    Args:
        error: the error.
    """
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)


class Api:
    """The routes of the API over one backend.

    Args:
        backend: what answers.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._places = threading.Semaphore(MOST_ASKERS)

    def routes(self) -> list[Route]:
        """Give the routes, for a starlette application."""
        return [
            Route(f"/v{API}", self._hello),
            Route(f"/v{API}/{{verb}}", self._ask, methods=["POST"]),
        ]

    async def _hello(self, request: Request) -> Response:
        return JSONResponse({"vecclust": __version__, "api": API, "verbs": list(VERBS)})

    async def _ask(self, request: Request) -> Response:
        try:
            verb = VERBS[request.path_params["verb"]]
            question = _question(verb, await _body(request))
        except (KeyError, ValueError, TypeError, TimeoutError, ClientDisconnect) as error:
            return _answer({"declined": f"not understood: {error!r:.500}"}, 400)
        if not self._places.acquire(blocking=False):
            return _answer({"declined": "too many ask at once"}, DECLINED)
        if verb.writes:
            lines = _outcomes(self._backend.write(question))
            return StreamingResponse(self._told(lines), media_type="application/x-ndjson")
        try:
            return await in_thread(lambda: _read(self._backend, question))
        except asyncio.CancelledError:
            return _answer({"declined": "the server ends"}, DECLINED)
        finally:
            self._places.release()

    async def _told(self, lines: Iterator[Mapping[str, Any]]) -> AsyncIterator[bytes]:
        try:
            while (line := await in_thread(lambda: next(lines, None))) is not None:
                yield dump(line)
        except Exception:
            # A defect here: who asked is hung up on, for nobody knows what was done.
            log.exception("a change was not answered for")
            raise
        finally:
            self._places.release()


def api_app(backend: Backend) -> Starlette:
    """Make an application of the API alone.

    Args:
        backend: what answers.
    """
    return Starlette(routes=Api(backend).routes())


async def in_thread(work: Callable[[], T]) -> T:
    """Wait for a piece of work that another thread does; unlike anyio's, it keeps no process from ending.

    Args:
        work: does it; it may be deep in a model when the server ends.

    Raises:
        RuntimeError: there are no more threads.
    """
    done: concurrent.futures.Future[T] = concurrent.futures.Future()

    def run() -> None:
        if not done.set_running_or_notify_cancel():
            return
        try:
            done.set_result(work())
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=run, name="vecclust-asker", daemon=True).start()
    return await asyncio.wrap_future(done)


def _read(backend: Backend, question: Question) -> Response:
    """Answer a question that reads."""
    try:
        body = dump({"result": backend.read(question)})
    except Declined as declined:
        return _answer({"declined": str(declined)}, DECLINED)
    except VecclustError as error:
        return _answer({"error": pack_error(error)}, status_of(error))
    except Exception:
        # A defect here is none of the asker's, who can do without.
        log.exception("a question could not be answered")
        return _answer({"declined": "it could not be answered"}, DECLINED)
    if len(body) > ANSWER_BYTES:
        return _answer({"declined": "the answer is too long"}, DECLINED)
    return Response(body, media_type="application/json")


def _outcomes(lines: Iterator[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Give the lines of an answer, its errors among them; whatever else ends it hangs up on the asker."""
    try:
        yield from lines
    except Declined as declined:
        yield {"declined": str(declined)}
    except VecclustError as error:
        yield {"error": pack_error(error)}


def _answer(values: Mapping[str, Any], status: int) -> Response:
    return Response(dump(values), status_code=status, media_type="application/json")


async def _body(request: Request) -> bytes:
    """Receive a question, of bounded length and in bounded time."""
    body = bytearray()
    async with asyncio.timeout(QUESTION_S):
        async for part in request.stream():
            body += part
            if len(body) > QUESTION_BYTES:
                raise ValueError(f"a question of more than {QUESTION_BYTES} bytes")
    return bytes(body)


def _question(verb: Verb, body: bytes) -> Question:
    """Check a question against the types of its verb."""
    checked = _SURROGATES.sub(lambda found: found[1] or b"?", body)
    _schema(verb.name).validate_json(checked, strict=True)
    values = json.loads(body)
    arguments = {name: load(verb.hint(name), value) for name, value in values.get("arguments", {}).items()}
    asker = values.get("asker")
    return Question(verb, arguments, None if asker is None else load(Asker, asker))


@cache
def _schema(name: str) -> Any:
    """Make the type of a question of its verb's parameters."""
    from pydantic import ConfigDict, TypeAdapter, create_model

    verb, strict = VERBS[name], ConfigDict(extra="forbid")
    parameters: dict[str, Any] = {
        parameter: (verb.hint(parameter), ... if one.default is one.empty else one.default)
        for parameter, one in verb.parameters.items()
    }
    arguments = create_model(f"{name}_arguments", __config__=strict, **parameters)
    default = ... if any(one[1] is ... for one in parameters.values()) else None
    question = create_model(name, __config__=strict, arguments=(arguments, default), asker=(Asker | None, None))
    return TypeAdapter(question)


def description() -> dict[str, Any]:
    """Describe the API as OpenAPI 3.1 does."""
    from pydantic import TypeAdapter, create_model

    paths: dict[str, Any] = {}
    parts: dict[str, Any] = {}
    for verb in VERBS.values():
        asked = _schema(verb.name).json_schema(ref_template="#/components/schemas/{model}")
        answer: dict[str, Any] = {"result": (verb.result, ...)}
        answered = TypeAdapter(create_model(f"{verb.name}_answer", **answer)).json_schema(
            ref_template="#/components/schemas/{model}", mode="serialization"
        )
        for schema in (asked, answered):
            parts.update(schema.pop("$defs", {}))
        media = "application/x-ndjson" if verb.writes else "application/json"
        content = {media: {"schema": answered}}
        paths[f"/v{API}/{verb.name}"] = {
            "post": {
                "operationId": verb.name,
                "summary": verb.summary,
                "requestBody": {"required": True, "content": {"application/json": {"schema": asked}}},
                "responses": {"200": {"description": "The result.", "content": content}},
            }
        }
    return {
        "openapi": "3.1.0",
        "info": {"title": "vecclust", "version": __version__},
        "paths": paths,
        "components": {"schemas": parts},
    }
