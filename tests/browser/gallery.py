"""A page with every component, for the tests alone: an application without a database."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from jinja2 import FileSystemLoader
from litestar import Litestar, Request, Response, get, post
from litestar.config.csrf import CSRFConfig
from litestar.datastructures import State
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware, DefineMiddleware
from litestar.response import Redirect
from litestar.types import ASGIApp, Receive, Scope, Send
from msgspec import Meta

from schemas.problem import Problem
from service.errors import N_, Conflict
from service.identity.access import Place, Principal
from service.identity.authentication import Cookies, Csrf
from service.identity.permissions import PERMISSIONS
from service.values.clock import now
from service.web import menu, pages
from service.web.assets import serve_asset
from service.web.forms import (
    FormData,
    Kroner,
    Redisplayed,
    UploadData,
    blank,
    read_form,
    redisplaying,
    show_again,
)
from service.web.pages import page, redirect
from service.web.preferences import choose_language
from service.web.security import headers_for

AnyRequest = Request[Any, Any, Any]

pages.LOADERS["gallery"] = FileSystemLoader(Path(__file__).parent / "templates")

PLACE = Place(
    tenant_id=UUID(int=1),
    kind="municipality",
    code="101",
    name="Lillevik Kommune",
    country="dk",
    time_zone="Europe/Copenhagen",
    language="da",
)
SOMEBODY = Principal(
    name="Case worker",
    place=PLACE,
    permissions=frozenset(PERMISSIONS),
    account_id=UUID(int=2),
    session_id=UUID(int=3),
    places=2,
)
ENTRIES = (
    menu.Entry("/gallery", "Gallery", "register.read"),
    menu.Entry("/other", "Passes and their ledgers", "passes.read"),
    menu.Entry("/third", "Letters and print batches", "letters.read"),
)


class NewClub(msgspec.Struct):
    name: Annotated[str, Meta(title="Club name", min_length=3, max_length=20)]
    fee: Annotated[Kroner, Meta(title="Fee of a season", ge=0, le=500_000)]
    members: Annotated[int, Meta(title="How many members", ge=1)]
    since: Annotated[date, Meta(title="Member since")]
    kind: Annotated[Literal["sport", "music"], Meta(title="Kind")]
    area: Annotated[Literal["north", "south"], Meta(title="Area")]
    days: Annotated[list[Literal["monday", "friday"]], Meta(title="Days of the week")]
    email: Annotated[str | None, Meta(title="E-mail")] = None
    remark: Annotated[str | None, Meta(title="Remark", max_length=200)] = None
    agreed: Annotated[bool, Meta(title="The club has agreed")] = False


class Club(msgspec.Struct):
    number: int
    name: str
    claims: int
    fee: int
    paid: bool


CLUBS = [
    Club(1, "Lillevik Svømmeklub", 1204, 125_000, True),
    Club(2, "Idrætsforeningen Fremad for børn og unge i Store Lillevik og omegn", 3, 40_050, False),
    Club(3, "<b>Musik</b> & dans", 0, 0, False),
]


class _As(ASGIMiddleware):
    """Stands where the sign-in stands."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, principal: Principal | None) -> None:
        self._principal = principal

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        scope["user"] = self._principal
        await next_app(scope, receive, send)


def gallery_app(principal: Principal | None = SOMEBODY) -> Litestar:
    """The gallery as somebody sees it."""
    csrf = CSRFConfig(secret="of the gallery", cookie_name="csrf", cookie_httponly=True)
    return Litestar(
        [gallery, progress, search, add, upload, refused, broken, error, serve_asset, choose_language],
        state=State({"csrf": csrf, "cookies": Cookies(secure=False)}),
        middleware=[_As(principal), DefineMiddleware(Csrf, config=csrf)],
        before_send=[headers_for(secure=False)],
        exception_handlers={Redisplayed: show_again},
        openapi_config=None,
        logging_config=None,
    )


@get("/gallery", sync_to_thread=False)
def gallery(request: AnyRequest) -> Response[str]:
    return page(request, "gallery/gallery.html", **_context(), form=blank(request, NewClub, fee=125_050, area="south"))


@post("/gallery", status_code=303, sync_to_thread=False)
def add(request: AnyRequest, data: FormData) -> Redirect:
    with redisplaying(request, "gallery/gallery.html", NewClub, data, **_context()):
        new = read_form(data, NewClub)
        if new.name == "Taken":
            raise Conflict("There is a club {name} already.", name=new.name)
    return redirect(request, "/gallery", "{name} stands in the gallery.", name=new.name)


class Search(msgspec.Struct):
    q: str = ""


@post("/search", status_code=200, sync_to_thread=False)
def search(request: AnyRequest, data: FormData) -> Response[str]:
    wanted = read_form(data, Search).q
    found = [club for club in CLUBS if wanted in club.name]
    return page(
        request, "gallery/gallery.html", **_context() | {"clubs": found, "q": wanted}, form=blank(request, NewClub)
    )


@post("/upload", status_code=303, sync_to_thread=False)
def upload(request: AnyRequest, data: UploadData) -> Redirect:
    return redirect(request, "/gallery", "The file was read.")


@get("/progress", sync_to_thread=False)
def progress(request: AnyRequest) -> Response[str]:
    return page(request, "gallery/progress.html")


@get("/refused", sync_to_thread=False)
def refused(request: AnyRequest) -> Response[str]:
    problem = Problem("about:blank", "Conflict", 409, "Somebody else approved this run already. Look at it again.")
    return pages.error_page(request, problem)


@get("/error", sync_to_thread=False)
def error(request: AnyRequest) -> Response[str]:
    said = "Something went wrong in the service."
    return pages.error_page(request, Problem("about:blank", "Error", 500, said, f"urn:uuid:{UUID(int=7)}"))


@get("/broken", sync_to_thread=False)
def broken(request: AnyRequest) -> Response[str]:
    return page(request, "gallery/broken.html")


def _context() -> dict[str, Any]:
    return {"clubs": CLUBS, "q": "", "now": now(), "today": now().date(), "sentence": N_("Gallery")}
