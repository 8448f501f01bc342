"""The web application: which address is which page, and what is refused before any page is asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from importlib import resources
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scenv.errors import ScenvError
from scenv.play import texts
from scenv.play.alone import AlonePages
from scenv.play.pages import render
from scenv.play.setup import PlaySettings
from scenv.play.together import TogetherPages

__all__ = ["make_app"]

_MOST_BYTES = 64 * 1024  # of a form
#: Nothing is loaded from elsewhere, no script or style stands in a page, and no other page frames one of ours.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}

Handler = Callable[[Request, dict[str, str]], Response]


def make_app(settings: PlaySettings, allowed_hosts: Sequence[str] = ("*",)) -> Starlette:
    """The application. Games live in its memory.

    Args:
        settings: what `scenv play` was told.
        allowed_hosts: names by which it may be called; on loopback its own only, so that a page elsewhere cannot reach
            it under a name of its own.
    """
    alone, together = AlonePages(settings), TogetherPages(settings)
    routes = [
        Route("/", _page(lambda request, form: render("start.html"))),
        Route("/alone", _page(alone.setup)),
        Route("/alone", _page(alone.begin), methods=["POST"]),
        Route("/alone/{key}", _page(alone.show)),
        Route("/alone/{key}", _page(alone.order), methods=["POST"]),
        Route("/alone/{key}/game.csv", _page(alone.csv)),
        Route("/together", _page(together.setup)),
        Route("/together/open", _page(together.open), methods=["POST"]),
        Route("/together/find", _page(together.find), methods=["POST"]),
        Route("/together/{code}", _page(together.show)),
        Route("/together/{code}", _page(together.order), methods=["POST"]),
        Route("/together/{code}/sit", _page(together.sit), methods=["POST"]),
        Route("/together/{code}/leave", _page(together.leave), methods=["POST"]),
        Route("/together/{code}/state", _page(together.state)),
        Route("/together/{code}/host", _page(together.host)),
        Route("/together/{code}/host", _page(together.steer), methods=["POST"]),
        Route("/together/{code}/game.csv", _page(together.csv)),
        Mount("/static", StaticFiles(directory=str(resources.files("scenv.play") / "static"))),
    ]
    middleware = [Middleware(TrustedHostMiddleware, allowed_hosts=list(allowed_hosts)), Middleware(_Guard)]
    return Starlette(routes=routes, middleware=middleware, exception_handlers={HTTPException: _not_there})


def _page(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """A page whose handler gets the form's fields as text and runs beside the others."""

    async def endpoint(request: Request) -> Response:
        form: dict[str, str] = {}
        if request.method == "POST":
            async with request.form(max_files=0, max_fields=40, max_part_size=_MOST_BYTES) as fields:
                form = {name: value for name, value in fields.items() if not isinstance(value, UploadFile)}
        try:
            return await run_in_threadpool(handler, request, form)
        except ScenvError as error:
            return render("message.html", 422, message=str(error), back=request.url.path)

    return endpoint


async def _not_there(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = texts.NOT_FOUND if error.status_code == 404 else str(error.detail)
    return render("message.html", error.status_code, message=message, back="/")


class _Guard:
    """Refuses forms that are too large or come from other sites, and adds the headers of every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = dict(_HEADERS)
                if not scope["path"].startswith("/static/"):
                    extra["Cache-Control"] = "no-store"
                message["headers"] = [
                    *message["headers"],
                    *((name.lower().encode(), value.encode()) for name, value in extra.items()),
                ]
            await send(message)

        refusal = _refusal(Request(scope))
        await (self.app if refusal is None else refusal)(scope, receive, send_with_headers)


def _refusal(request: Request) -> Response | None:
    """The answer to a form that nobody reads, or None."""
    if request.method != "POST":
        return None
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        return render("message.html", 403, message=texts.FOREIGN, back="/")
    length = request.headers.get("content-length", "")
    if not length.isdigit() or int(length) > _MOST_BYTES:
        return render("message.html", 413, message=texts.TOO_LARGE, back="/")
    return None
