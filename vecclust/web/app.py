"""The pages and what they ask: addresses to answers. Who may ask is the server's affair.

What reads is a GET, what changes something a POST that ends in a page. Handlers are plain functions and run in
threads; a library's own errors become pages, or JSON for the pages' scripts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from vecclust.errors import NotFound, UsageError, VecclustError
from vecclust.exports.gallery import PHOTOS_ON_A_PAGE
from vecclust.exports.text import plain
from vecclust.library.opening import decode_limits
from vecclust.library.pages.live import LiveReader
from vecclust.library.watched import WatchedLibrary
from vecclust.server.app import Api, Question, status_of
from vecclust.server.client import Client
from vecclust.types.edits import EditRequest
from vecclust.types.pages import Overview, PhotoView
from vecclust.web import dropped, forms
from vecclust.web.events import Events
from vecclust.web.live_map import LiveMap
from vecclust.web.opener import LibraryOpener
from vecclust.web.pages import LivePages, Narrowed, live_assets
from vecclust.web.pictures import Picture, Pictures
from vecclust.web.refit import ProposedRefit

N_ALIKE = 24
# Of the last changes that had something to tell, for the page that is shown after each.
_N_NOTICES = 50
# On the map's panel: two rows of four.
N_BESIDE_MAP = 8
# Thumbnails are named by content and never change.
_FOR_EVER = {"cache-control": "private, max-age=31536000, immutable"}
# An original is no page: should it be one all the same, it may do nothing.
_NO_PAGE = {"content-security-policy": "default-src 'none'; sandbox", "cache-control": "private, max-age=3600"}
_TITLES: dict[int, str] = {
    400: "That cannot be done",
    404: "Not found",
    409: "Somebody else is writing the library",
    413: "Too large",
    422: "This picture cannot be read",
    503: "The model cannot be used",
}


class _ClientBackend:
    """Answers the API beside the pages, as they themselves are answered."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def read(self, question: Question) -> Any:
        return getattr(self._client, question.verb.name)(**question.arguments)

    def write(self, question: Question) -> Iterator[Mapping[str, Any]]:
        yield {"result": self.read(question)}


class App:
    """The pages of one library.

    Args:
        library: open for reading.
        opener: opens it for writing, and in other processes.
        is_ending: whether the server is about to end.
    """

    def __init__(self, library: WatchedLibrary, *, opener: LibraryOpener, is_ending: Callable[[], bool]) -> None:
        self._library = library
        self._client = opener.client(library)
        self._live: LiveReader = library.live()
        self._pictures = Pictures(self._live, limits=decode_limits(library.config))
        self._pages = LivePages(self._pictures.thumbnails)
        self._refit = ProposedRefit(opener, client=self._client)
        self._live_map = LiveMap(self._live, opener=opener, pictures=self._pictures)
        self._drops = dropped.Drops(library, client=self._client, pictures=self._pictures)
        self._notices = dropped.Recent[tuple[str, ...]](_N_NOTICES)
        self._event_source = Events(self._live, refit=self._refit, is_ending=is_ending)

    def close(self) -> None:
        """End the processes it started."""
        self._refit.close()
        self._live_map.close()
        self._pictures.close()

    def starlette(self) -> Starlette:
        """Give the application."""
        routes = [
            Route("/", self._front_page),
            Route("/cluster/{cluster}", self._cluster),
            Route("/cluster/{cluster}/name", self._rename, methods=["POST"]),
            Route("/cluster/{cluster}/merge", self._merge, methods=["POST"]),
            Route("/names", self._answer_names, methods=["POST"]),
            Route("/photos", self._edit, methods=["POST"]),
            Route("/words/{edit}/back", self._take_back, methods=["POST"]),
            Route("/unclustered", self._unclustered),
            Route("/photo/{photo}", self._photo),
            Route("/alike/{photo}", self._alike),
            Route("/words/{photo}", self._words),
            Route("/thumbnail/{photo}", self._thumbnail),
            Route("/original/{photo}", self._original),
            Route("/search", self._search),
            Route("/dropped", self._drop, methods=["POST"]),
            Route("/dropped/{number}", self._dropped),
            Route("/dropped/{number}/picture", self._dropped_picture),
            Route("/timeline", self._timeline),
            Route("/timeline/{year}", self._year),
            Route("/places", self._places),
            Route("/group/{group}/name", self._rename_group, methods=["POST"]),
            Route("/map", self._map),
            Route("/map/sheet/{name}/{number}.webp", self._map_sheet),
            Route("/runs", self._runs),
            Route("/runs/{run}/current", self._roll_back, methods=["POST"]),
            Route("/fit", _then_runs(self._refit.propose), methods=["POST"]),
            Route("/fit/adopt", _then_runs(self._refit.adopt), methods=["POST"]),
            Route("/fit/forget", _then_runs(self._refit.forget), methods=["POST"]),
            Route("/events", self._events),
            Route("/asset/{name}", self._asset),
            Mount("/api", routes=Api(_ClientBackend(self._client)).routes()),
        ]
        handlers = {VecclustError: self._refused, HTTPException: self._no_such_page}
        return Starlette(routes=routes, exception_handlers=handlers)  # type: ignore[arg-type]

    # Pages.

    def _front_page(self, request: Request) -> Response:
        narrowed, told = self._narrowed(request, "since", "until", "folder"), self._told(request)
        shown = told if narrowed.photos is None else replace(self._live.overview(narrowed.photos), notices=told.notices)
        view = self._live.timeline() if narrowed.photos is None else None
        return HTMLResponse(self._pages.front_page(shown, narrowed=narrowed, view=view))

    def _timeline(self, request: Request) -> Response:
        return HTMLResponse(self._pages.timeline(self._told(request), self._live.timeline()))

    def _year(self, request: Request) -> Response:
        year = int(forms.part(request, "year"))
        return HTMLResponse(self._pages.year(self._told(request), self._live.timeline(), year=year))

    def _places(self, request: Request) -> Response:
        return HTMLResponse(self._pages.places(self._told(request), self._live.timeline()))

    def _cluster(self, request: Request) -> Response:
        overview, page = self._told(request), forms.page(request)
        cluster, members = self._live.cluster(forms.part(request, "cluster"))
        narrowed = self._narrowed(request, "since", "until", "folder")
        photos = narrowed.only(members)
        shown, n_narrowed = self._live.shown(_part(photos, page)), (narrowed, len(photos))
        return HTMLResponse(self._pages.cluster(overview, cluster, photos=shown, page=page, narrowed=n_narrowed))

    def _unclustered(self, request: Request) -> Response:
        overview, page = self._told(request), forms.page(request)
        narrowed = self._narrowed(request, "since", "until", "folder")
        photos = narrowed.only(overview.unclustered)
        shown, n_narrowed = self._live.shown(_part(photos, page)), (narrowed, len(photos))
        return HTMLResponse(self._pages.unclustered(overview, photos=shown, page=page, narrowed=n_narrowed))

    def _photo(self, request: Request) -> Response:
        photo = forms.part(request, "photo")
        facts = self._live.facts(photo)
        (shown,) = self._live.shown([photo])
        alike = self._library.alike(photo, limit=N_ALIKE)
        near = self._live.shown([hit.photo for hit in alike.results])
        return HTMLResponse(self._pages.photo(self._told(request), shown, facts=facts, alike=near))

    def _search(self, request: Request) -> Response:
        asked = request.query_params.get("q", "").strip()[: forms.MOST_LETTERS]
        narrowed = self._narrowed(request, "since", "until", "folder", "cluster")
        photos: Sequence[PhotoView] = ()
        notices: tuple[str, ...] = ()
        meant: Sequence[str] = ()
        if not narrowed.failed:
            answer = self._client.search(asked, limit=dropped.N_FOUND, filters=narrowed.asked.filters())
            photos, notices = self._live.shown([hit.photo for hit in answer.results]), answer.notices
            meant = [cluster.id for cluster in answer.clusters]
        overview = replace(self._live.overview(), notices=notices)
        return HTMLResponse(self._pages.found(overview, query=asked, photos=photos, meant=meant, narrowed=narrowed))

    def _dropped(self, request: Request) -> Response:
        number = int(forms.part(request, "number"))
        photos = self._live.shown(self._drops.get(number).photos)
        return HTMLResponse(self._pages.found(self._live.overview(), query="", photos=photos, dropped=number))

    def _map(self, request: Request) -> Response:
        try:
            page, failed = self._live_map.page(), None
        except VecclustError as error:
            page, failed = None, error
        return HTMLResponse(page or self._pages.waiting(self._live.overview(), failed=failed))

    def _runs(self, request: Request) -> Response:
        runs, current = self._library.runs()
        overview = self._live.overview()
        return HTMLResponse(self._pages.runs(overview, runs=runs, current=current, fit=self._refit.view))

    # What pages ask for.

    def _alike(self, request: Request) -> Response:
        answer = self._library.alike(forms.part(request, "photo"), limit=N_BESIDE_MAP)
        return JSONResponse({"photos": [hit.photo for hit in answer.results]})

    def _words(self, request: Request) -> Response:
        facts = self._live.facts(forms.part(request, "photo"))
        return JSONResponse({"words": [plain(word) for word in facts.words]})

    def _thumbnail(self, request: Request) -> Response:
        photo = forms.part(request, "photo")
        jpeg = self._pictures.thumbnails([photo]).get(photo)
        if jpeg is None:
            raise NotFound("there is no picture of this photo", hint="It may have left the library.")
        return Response(jpeg, media_type="image/jpeg", headers=_FOR_EVER)

    def _original(self, request: Request) -> Response:
        return _sent(self._pictures.original(forms.part(request, "photo")))

    def _dropped_picture(self, request: Request) -> Response:
        return Response(self._drops.get(int(forms.part(request, "number"))).jpeg, media_type="image/jpeg")

    def _map_sheet(self, request: Request) -> Response:
        sheet = self._live_map.sheet(request.path_params["name"], int(forms.part(request, "number")))
        return Response(sheet, media_type="image/webp", headers=_FOR_EVER)

    async def _events(self, request: Request) -> Response:
        return StreamingResponse(self._event_source.stream(), media_type="text/event-stream")

    async def _asset(self, request: Request) -> Response:
        asset = live_assets().get(request.path_params["name"])
        if asset is None:
            raise NotFound("there is no such file", hint="")
        return Response(asset[1], media_type=asset[0], headers={"cache-control": "no-cache"})

    # Changes.

    async def _rename(self, request: Request) -> Response:
        cluster, given = forms.part(request, "cluster"), await forms.fields(request)
        await run_in_threadpool(self._client.rename, cluster, "".join(given.get("name", ())))
        return _to(f"/cluster/{cluster}")

    async def _rename_group(self, request: Request) -> Response:
        group, given = forms.part(request, "group"), await forms.fields(request)
        await run_in_threadpool(self._client.rename, group, "".join(given.get("name", ())))
        year = "".join(given.get("year", ()))
        back = f"/timeline/{year}" if year.isascii() and year.isdigit() else "/places"
        return _to(f"{back}#{group}")

    async def _answer_names(self, request: Request) -> Response:
        given = await forms.fields(request)
        answer = forms.about_names(given)
        decide = self._client.accept_names if answer.accepts else self._client.refuse_names
        await run_in_threadpool(decide, answer.clusters)
        back = forms.narrowing(request, "since", "until", "folder").query
        return _to(forms.page_after_names(given, answer, narrowed=back))

    async def _merge(self, request: Request) -> Response:
        cluster, given = forms.part(request, "cluster"), await forms.fields(request)
        return await self._edited(forms.about_clusters(cluster, given), {"from": [cluster]})

    async def _edit(self, request: Request) -> Response:
        given = await forms.fields(request)
        return await self._edited(forms.about_photos(given), given)

    async def _take_back(self, request: Request) -> Response:
        given = await forms.fields(request)
        return await self._edited(forms.about_edit(str(request.path_params["edit"])), given)

    async def _edited(self, edit: EditRequest, given: forms.Fields) -> Response:
        report = await run_in_threadpool(self._client.edit, edit)
        overview = await run_in_threadpool(self._live.overview)
        page = forms.page_after(given, report, clusters={one.entry.id for one in overview.clusters})
        return _to(f"{page}?told={self._notices.put(report.notices)}" if report.notices else page)

    def _roll_back(self, request: Request) -> Response:
        self._client.rollback(forms.part(request, "run"))
        return _to("/runs")

    async def _drop(self, request: Request) -> Response:
        path = await self._drops.receive(forms.length(request), request.stream())
        try:
            number = await run_in_threadpool(self._drops.answer, path)
        finally:
            dropped.remove(path)
        return JSONResponse({"page": f"/dropped/{number}"})

    # Errors.

    def _refused(self, request: Request, error: VecclustError) -> Response:
        status = status_of(error)
        if "application/json" in request.headers.get("accept", ""):
            said = {"kind": error.kind, "message": error.message, "hint": error.hint}
            return JSONResponse({"error": said}, status_code=status)
        title = _TITLES.get(status, "Error")
        page = self._pages.error(self._overview(), title=title, message=error.message, hint=error.hint)
        return HTMLResponse(page, status_code=status)

    def _no_such_page(self, request: Request, error: HTTPException) -> Response:
        page = self._pages.error(self._overview(), title=error.detail, message="There is nothing to see here", hint="")
        return HTMLResponse(page, status_code=error.status_code, headers=error.headers)

    def _told(self, request: Request) -> Overview:
        """Give the library with what the page should tell of the change that led to it."""
        return replace(self._live.overview(), notices=self._notices.get(forms.told(request)) or ())

    def _narrowed(self, request: Request, *fields: str) -> Narrowed:
        """Find out what a page is to be limited to; what cannot be is said on the page itself, which then has none."""
        asked = forms.narrowing(request, *fields)
        photos, failed = None, ""
        if asked.query:
            try:
                photos = self._live.narrowed(asked.filters())
            except (NotFound, UsageError) as error:
                photos, failed = frozenset[str](), error.message
        return Narrowed(asked, fields, self._live.folders(), photos, failed)

    def _overview(self) -> Overview | None:
        try:
            return self._live.overview()
        except VecclustError:
            return None


def _part(photos: Sequence[str], page: int) -> Sequence[str]:
    """Give the photos of one page.

    Raises:
        NotFound: there are not that many pages.
    """
    part = photos[page * PHOTOS_ON_A_PAGE : (page + 1) * PHOTOS_ON_A_PAGE]
    if page and not part:
        raise NotFound("there are not that many pages", hint="")
    return part


def _then_runs(change: Callable[[], None]) -> Callable[[Request], Response]:
    """Make a handler that changes something and goes on to the page of runs."""

    def answer(request: Request) -> Response:
        change()
        return _to("/runs")

    return answer


def _sent(picture: Picture) -> Response:
    headers = _NO_PAGE | {"content-length": str(picture.size_bytes)}
    return StreamingResponse(picture.parts, media_type=picture.kind, headers=headers)


def _to(page: str) -> Response:
    return RedirectResponse(re.sub(r"[^\w/?=&%+.#-]", "", page), status_code=303)
