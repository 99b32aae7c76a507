"""`vecclust.Client`: a library as those meet it who ask once, and as other programs do.

It has the verbs of `verbs.VERBS`, with the arguments and results of `Library`'s methods. The daemon that keeps the
library answers where there is one, else the library is opened here; the answers are the same, only how long they take
differs. Light: a question that the daemon answers costs neither tables nor model in this process.
"""

from __future__ import annotations

import functools
import http.client
import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vecclust import __version__
from vecclust.config import library_path, named_config, socket_files
from vecclust.errors import VecclustError, unpack_error
from vecclust.server.codec import dump, load
from vecclust.server.verbs import API, VERBS, Verb
from vecclust.types.progress import Progress, no_progress
from vecclust.types.search import Examples

if TYPE_CHECKING:
    from vecclust.library.library import Library as _Verbs
else:
    _Verbs = object

log = logging.getLogger(__name__)

# A daemon says hello at once, but its computer may be busy; who waits in vain goes on without it.
HELLO_S = 5.0
# A line comes every few seconds while work is under way; loading a large model comes without one.
SILENCE_S = 120.0

Values = Mapping[str, Any]
Notice = Callable[[str], object]


class NoServer(Exception):
    """Nobody can be asked, or nobody of this version; nothing was asked."""


class Declined(Exception):
    """The server leaves it to the asker: it would answer something else, or cannot; nothing was done."""


class Interrupted(Exception):
    """The server was asked, and went away before it answered."""


def _no_notice(sentence: str) -> None:
    """Say nothing."""


class Client(_Verbs):
    """One library, asked through its daemon where one keeps it.

    Every verb of the API is a method, as it is of `vecclust.Library`: `client.search("waterfalls", limit=5)`.

    Args:
        path: the library's directory, `~` for home; `$VECCLUST_LIBRARY` or the user's data directory where None.
        config: a configuration file; `$VECCLUST_CONFIG` or `LIBRARY/config.toml` where None.
        flags: dotted configuration keys that win over everything else; those of None are left out.
        notice: told sentences that the asker should see while something is under way.
        library: the same library, open for reading already; asked where no daemon answers, and left open.
    """

    def __init__(
        self,
        path: Path | str | None = None,
        *,
        config: Path | None = None,
        flags: Mapping[str, Any] | None = None,
        notice: Notice = _no_notice,
        library: _Verbs | None = None,
    ) -> None:
        self._path = library_path(path)
        self._settings_file = config
        self._flags = {key: value for key, value in (flags or {}).items() if value is not None}
        self._notice = notice
        self._opened_library = library

    def is_answered(self) -> bool:
        """Say whether a daemon keeps the library and answers this client."""
        try:
            self.ask(VERBS["status"], {})
        except (NoServer, Declined, Interrupted):
            return False
        return True

    def __getattr__(self, name: str) -> Any:
        """Give a verb of the API as a method."""
        if name not in VERBS:
            raise AttributeError(f"{name!r} is no verb of the API", name=name, obj=self)
        verb = VERBS[name]
        return functools.wraps(getattr(_library_class(), name))(functools.partial(self._do, verb))

    def _do(self, verb: Verb, *given: Any, **named: Any) -> Any:
        """Have the daemon do it, and do it here where it does not."""
        arguments = verb.bind(given, named)
        told = {"progress": arguments.pop("progress")} if "progress" in arguments else {}
        for name in arguments:
            if verb.is_path(name):
                arguments[name] = _absolute(arguments[name])
            elif isinstance(arguments[name], Examples):
                examples = arguments[name]
                arguments[name] = Examples(examples.texts, tuple(map(_absolute, examples.photos)))
        writes = verb.writes and not arguments.get("dry_run")
        if writes or not verb.writes:
            try:
                return self.ask(verb, arguments, **told)
            except (NoServer, Declined) as why:
                log.debug("%s is not done by a daemon: %s", verb.name, why)
            except Interrupted as why:
                if writes:
                    raise VecclustError(
                        f"the daemon went away before {verb.name} was done",
                        hint="Look whether it is done (vecclust runs, vecclust clusters), and run it again if not.",
                    ) from why
                log.debug("%s is not answered by a daemon: %s", verb.name, why)
        with self._opened(write=writes) as library:
            return getattr(library, verb.name)(**arguments, **told)

    def _opened(self, *, write: bool) -> AbstractContextManager[Any]:
        if self._opened_library is not None and not write:
            return nullcontext(self._opened_library)
        made: AbstractContextManager[Any] = _library_class().open(
            self._path, write=write, create=False, config=self._settings_file, flags=self._flags
        )
        return made

    def ask(self, verb: Verb, arguments: Values, *, progress: Progress = no_progress) -> Any:
        """Ask the daemon, and nobody else.

        Args:
            verb: of the table.
            arguments: what it is asked with, by name; paths absolute.
            progress: told how far it has come.

        Returns:
            The result.

        Raises:
            NoServer: there is no daemon that can be asked; nothing was asked.
            Declined: it leaves this to the asker; nothing was done.
            Interrupted: it was asked, and went away before it answered.
            VecclustError: the answer is an error.
        """
        taken = False
        try:
            with self._answer(verb, arguments) as lines:
                for line in lines:
                    if "result" in line:
                        with _hearing():
                            return load(verb.result, line["result"])
                    if "declined" in line:
                        raise Declined(str(line["declined"]))
                    if "error" in line:
                        with _hearing():
                            error = unpack_error(line["error"])
                        raise error
                    taken = True
                    if "stage" in line:
                        progress(*line["stage"])
                    elif "notice" in line:
                        self._notice(str(line["notice"]))
            raise Interrupted("it hung up")
        except BaseException as end:
            # Ctrl-C, or SIGTERM as the command line raises it: the daemon need not hear of it.
            if taken and not isinstance(end, Exception):
                self._notice(f"the daemon goes on with {verb.name}; vecclust runs tells when it is done")
            raise

    @contextmanager
    def _answer(self, verb: Verb, arguments: Values) -> Iterator[Iterator[Values]]:
        """Send a question; give the lines of the answer."""
        if not any(map(os.path.exists, socket_files(self._path))):
            raise NoServer("none listens")
        line = _Connection(self._path)
        try:
            _greet(line)
            body = dump({"arguments": arguments, "asker": self._asker(verb, arguments)})
            with _hearing():
                line.request("POST", f"/v{API}/{verb.name}", body, {"Content-Type": "application/json"})
                line.silent_for(SILENCE_S)
                answer = line.getresponse()
            yield _lines(answer)
        finally:
            line.close()

    def _asker(self, verb: Verb, arguments: Values) -> Values:
        """Say by whose settings is asked, and how the files that are named look from here."""
        config = named_config(self._settings_file)
        named = [] if config is None else [os.path.abspath(config)]
        files = [os.fspath(arguments[name]) for name in arguments if verb.is_path(name)]
        for examples in arguments.values():
            files += map(os.fspath, examples.photos if isinstance(examples, Examples) else ())
        return {
            "config": named[0] if named else None,
            "environment": {name: text for name, text in os.environ.items() if name.startswith("VECCLUST_")},
            "flags": self._flags,
            "files": {path: seen(path) for path in (*files, *named)},
        }


class _Connection(http.client.HTTPConnection):
    """HTTP over a library's socket."""

    def __init__(self, library: Path) -> None:
        super().__init__("localhost")
        self._library = library

    def connect(self) -> None:
        """Connect to the socket."""
        from vecclust.server.sockets import connect

        self.sock = connect(self._library, seconds=HELLO_S)

    def silent_for(self, seconds: float) -> None:
        """Wait longer for every further line."""
        self.sock.settimeout(seconds)


@contextmanager
def _hearing() -> Iterator[None]:
    """Take whatever goes wrong with the daemon's words for its going away; what goes wrong with the asker is not."""
    try:
        yield
    except (OSError, http.client.HTTPException, ValueError, TypeError, KeyError, RecursionError) as error:
        raise Interrupted(str(error)) from error


def _lines(answer: http.client.HTTPResponse) -> Iterator[Values]:
    with _hearing():
        yield from map(json.loads, answer)


def _greet(line: _Connection) -> None:
    """Hear which vecclust answers: only the same gives the same answers."""
    try:
        line.request("GET", f"/v{API}")
        heard = json.loads(line.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError, RecursionError) as error:
        raise NoServer(str(error)) from error
    if not isinstance(heard, dict) or heard.get("vecclust") != __version__:
        raise NoServer(f"another version: {heard!r:.100}")


def seen(path: str) -> list[int] | None:
    """Tell which file a path leads to.

    Args:
        path: absolute.

    Returns:
        Device and inode, or None where it cannot be read.
    """
    try:
        found = os.stat(path)
    except OSError:
        return None
    return [found.st_dev, found.st_ino] if os.access(path, os.R_OK) else None


def _absolute(path: Path | str) -> Path:
    return Path(os.path.abspath(os.path.expanduser(path)))


def _library_class() -> type[Any]:
    from vecclust.library.library import Library

    return Library
