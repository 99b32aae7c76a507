"""The pages and what they ask: addresses to answers. Who may ask is the gate's affair.

What reads is a GET, what changes something a POST that ends in a page. Handlers are plain functions and run in
threads; a library's own errors become pages, or JSON for the pages' scripts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from vecclust.errors import LibraryLocked, ModelError, NotFound, PhotoError, TooLarge, UsageError, VecclustError
from vecclust.exports.gallery import PHOTOS_ON_A_PAGE
from vecclust.library.library import Library
from vecclust.library.opening import decode_limits
from vecclust.library.paging import Paging
from vecclust.types.edits import EditRequest
from vecclust.types.pages import Overview
from vecclust.web import dropped, forms, words
from vecclust.web.atlas import Atlas
from vecclust.web.beats import Beats
from vecclust.web.desk import Desk
from vecclust.web.notices import Notices
from vecclust.web.opener import Opener
from vecclust.web.pages import LivePages, live_assets
from vecclust.web.pictures import Picture, Pictures

N_ALIKE = 24
N_FOUND = 60
# On the map's panel: two rows of four.
N_BESIDE_MAP = 8
# Thumbnails are named by content and never change.
_FOR_EVER = {"cache-control": "private, max-age=31536000, immutable"}
# An original is no page: should it be one all the same, it may do nothing.
_NO_PAGE = {"content-security-policy": "default-src 'none'; sandbox", "cache-control": "private, max-age=3600"}
_STATUS: tuple[tuple[type[VecclustError], int, str], ...] = (
    (NotFound, 404, "Not found"),
    (UsageError, 400, "That cannot be done"),
    (LibraryLocked, 409, "Somebody else is writing the library"),
    (TooLarge, 413, "Too large"),
    (PhotoError, 422, "This picture cannot be read"),
    (ModelError, 503, "The model cannot be used"),
)


class App:
    """The pages of one library.

    Args:
        library: open for reading.
        opener: opens it for writing, and in other processes.
        is_ending: whether the server is about to end.
    """

    def __init__(self, library: Library, *, opener: Opener, is_ending: Callable[[], bool]) -> None:
        self._library = library
        self._daemon_or_library = opener.front(library)
        self._paging: Paging = library.paging()
        self._pictures = Pictures(self._paging, limits=decode_limits(library.config))
        self._pages = LivePages(self._pictures.thumbnails)
        self._desk = Desk(opener, front=self._daemon_or_library)
        self._atlas = Atlas(self._paging, opener=opener, pictures=self._pictures)
        self._drops = dropped.Drops(library, front=self._daemon_or_library, pictures=self._pictures)
        self._notices = Notices()
        self._beats = Beats(self._paging, desk=self._desk, is_ending=is_ending)

    def close(self) -> None:
        """End the processes it started."""
        self._desk.close()
        self._atlas.close()
        self._pictures.close()

    def starlette(self) -> Starlette:
        """Give the application."""
        routes = [
            Route("/", self._front),
            Route("/cluster/{cluster}", self._cluster),
            Route("/cluster/{cluster}/name", self._rename, methods=["POST"]),
            Route("/cluster/{cluster}/merge", self._merge, methods=["POST"]),
            Route("/photos", self._say, methods=["POST"]),
            Route("/words/{word}/back", self._take_back, methods=["POST"]),
            Route("/unclustered", self._unclustered),
            Route("/photo/{photo}", self._photo),
            Route("/alike/{photo}", self._alike),
            Route("/thumbnail/{photo}", self._thumbnail),
            Route("/original/{photo}", self._original),
            Route("/search", self._search),
            Route("/dropped", self._drop, methods=["POST"]),
            Route("/dropped/{number}", self._dropped),
            Route("/dropped/{number}/picture", self._dropped_picture),
            Route("/map", self._map),
            Route("/map/sheet/{name}/{number}.webp", self._map_sheet),
            Route("/runs", self._runs),
            Route("/runs/{run}/current", self._roll_back, methods=["POST"]),
            Route("/fit", self._propose, methods=["POST"]),
            Route("/fit/adopt", self._adopt, methods=["POST"]),
            Route("/fit/forget", self._forget, methods=["POST"]),
            Route("/events", self._events),
            Route("/asset/{name}", self._asset),
        ]
        handlers = {VecclustError: self._refused, HTTPException: self._no_such_page}
        return Starlette(routes=routes, exception_handlers=handlers)  # type: ignore[arg-type]

    # Pages.

    def _front(self, request: Request) -> Response:
        return HTMLResponse(self._pages.front(self._told(request)))

    def _cluster(self, request: Request) -> Response:
        overview, page = self._told(request), forms.page(request)
        cluster, photos = self._paging.cluster(forms.cluster(request))
        html = self._pages.cluster(
            overview,
            cluster,
            photos=self._paging.shown(_part(photos, page)),
            page=page,
            history=self._paging.history(cluster.entry.id),
        )
        return HTMLResponse(html)

    def _unclustered(self, request: Request) -> Response:
        overview, page = self._told(request), forms.page(request)
        photos = self._paging.shown(_part(overview.unclustered, page))
        return HTMLResponse(self._pages.unclustered(overview, photos=photos, page=page))

    def _photo(self, request: Request) -> Response:
        photo = forms.photo(request)
        facts = self._paging.facts(photo)
        (shown,) = self._paging.shown([photo])
        alike = self._library.alike(photo, limit=N_ALIKE)
        near = self._paging.shown([hit.photo for hit in alike.results])
        return HTMLResponse(self._pages.photo(self._told(request), shown, facts=facts, alike=near))

    def _search(self, request: Request) -> Response:
        asked = request.query_params.get("q", "").strip()[: forms.MOST_LETTERS]
        answer = self._daemon_or_library.search(asked, limit=N_FOUND)
        photos = self._paging.shown([hit.photo for hit in answer.results])
        return HTMLResponse(self._pages.found(self._paging.overview(), asked=asked, words=asked, photos=photos))

    def _dropped(self, request: Request) -> Response:
        number = forms.number(request, "number")
        photos = self._paging.shown(self._drops.get(number).photos)
        html = self._pages.found(
            self._paging.overview(), asked="Photos like the one you dropped", words="", photos=photos, dropped=number
        )
        return HTMLResponse(html)

    def _map(self, request: Request) -> Response:
        try:
            page, failed = self._atlas.page(), None
        except VecclustError as error:
            page, failed = None, error
        return HTMLResponse(page or self._pages.waiting(self._paging.overview(), failed=failed))

    def _runs(self, request: Request) -> Response:
        runs, current = self._library.runs()
        overview = self._paging.overview()
        return HTMLResponse(self._pages.runs(overview, runs=runs, current=current, fit=self._desk.view))

    # What pages ask for.

    def _alike(self, request: Request) -> Response:
        answer = self._library.alike(forms.photo(request), limit=N_BESIDE_MAP)
        return JSONResponse({"photos": [hit.photo for hit in answer.results]})

    def _thumbnail(self, request: Request) -> Response:
        photo = forms.photo(request)
        jpeg = self._pictures.thumbnails([photo]).get(photo)
        if jpeg is None:
            raise NotFound("there is no picture of this photo", hint="It may have left the library.")
        return Response(jpeg, media_type="image/jpeg", headers=_FOR_EVER)

    def _original(self, request: Request) -> Response:
        return _sent(self._pictures.original(forms.photo(request)))

    def _dropped_picture(self, request: Request) -> Response:
        return Response(self._drops.get(forms.number(request, "number")).jpeg, media_type="image/jpeg")

    def _map_sheet(self, request: Request) -> Response:
        sheet = self._atlas.sheet(request.path_params["name"], forms.number(request, "number"))
        return Response(sheet, media_type="image/webp", headers=_FOR_EVER)

    async def _events(self, request: Request) -> Response:
        return StreamingResponse(self._beats.stream(), media_type="text/event-stream")

    async def _asset(self, request: Request) -> Response:
        asset = live_assets().get(request.path_params["name"])
        if asset is None:
            raise NotFound("there is no such file", hint="")
        return Response(asset[1], media_type=asset[0], headers={"cache-control": "no-cache"})

    # Changes.

    async def _rename(self, request: Request) -> Response:
        cluster, given = forms.cluster(request), await forms.fields(request)
        await run_in_threadpool(self._daemon_or_library.rename, cluster, "".join(given.get("name", ())))
        return _to(f"/cluster/{cluster}")

    async def _merge(self, request: Request) -> Response:
        cluster, given = forms.cluster(request), await forms.fields(request)
        return await self._said(words.about_clusters(cluster, given), {"from": [cluster]})

    async def _say(self, request: Request) -> Response:
        given = await forms.fields(request)
        return await self._said(words.about_photos(given), given)

    async def _take_back(self, request: Request) -> Response:
        given = await forms.fields(request)
        return await self._said(words.taken_back(str(request.path_params["word"])), given)

    async def _said(self, saying: EditRequest, given: words.Fields) -> Response:
        report = await run_in_threadpool(self._daemon_or_library.say, saying)
        overview = await run_in_threadpool(self._paging.overview)
        page = words.page_after(given, report, clusters={one.entry.id for one in overview.clusters})
        return _to(page + self._notices.put(report.notices))

    def _roll_back(self, request: Request) -> Response:
        self._daemon_or_library.rollback(forms.run(request))
        return _to("/runs")

    def _propose(self, request: Request) -> Response:
        self._desk.propose()
        return _to("/runs")

    def _adopt(self, request: Request) -> Response:
        self._desk.adopt()
        return _to("/runs")

    def _forget(self, request: Request) -> Response:
        self._desk.forget()
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
        status, title = next(
            ((code, title) for kind, code, title in _STATUS if isinstance(error, kind)), (500, "Error")
        )
        if "application/json" in request.headers.get("accept", ""):
            said = {"kind": error.kind, "message": error.message, "hint": error.hint}
            return JSONResponse({"error": said}, status_code=status)
        page = self._pages.error(self._overview(), title=title, message=error.message, hint=error.hint)
        return HTMLResponse(page, status_code=status)

    def _no_such_page(self, request: Request, error: HTTPException) -> Response:
        page = self._pages.error(self._overview(), title=error.detail, message="There is nothing to see here", hint="")
        return HTMLResponse(page, status_code=error.status_code, headers=error.headers)

    def _told(self, request: Request) -> Overview:
        """Give the library with what the page should tell of the change that led to it."""
        return replace(self._paging.overview(), notices=self._notices.get(request))

    def _overview(self) -> Overview | None:
        try:
            return self._paging.overview()
        except VecclustError:
            return None


def _part(photos: tuple[str, ...], page: int) -> tuple[str, ...]:
    """Give the photos of one page.

    Raises:
        NotFound: there are not that many pages.
    """
    part = photos[page * PHOTOS_ON_A_PAGE : (page + 1) * PHOTOS_ON_A_PAGE]
    if page and not part:
        raise NotFound("there are not that many pages", hint="")
    return part


def _sent(picture: Picture) -> Response:
    headers = _NO_PAGE | {"content-length": str(picture.size_bytes)}
    return StreamingResponse(picture.parts, media_type=picture.kind, headers=headers)


def _to(page: str) -> Response:
    return RedirectResponse(re.sub(r"[^\w/?=-]", "", page), status_code=303)
