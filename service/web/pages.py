"""Every page of the program: its template in the shell, in the language, time and colours of who asks.

A template `register/imports.html` stands in `service/register/templates/imports.html` and extends `web/base.html`. It
has the components as `ui`, texts as `_()` and `ngettext()`, the formats of `formats.py` as filters, and what is written
in `_context` below. The application's state holds `csrf` and `cookies`.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
from babel import negotiate_locale
from jinja2 import BaseLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined
from litestar import Response
from litestar.config.csrf import CSRFConfig
from litestar.datastructures import Cookie
from litestar.enums import MediaType
from litestar.response import Redirect
from litestar.utils.scope.state import ScopeState
from markupsafe import Markup

from schemas.problem import Problem
from service.errors import N_
from service.identity.access import AnyRequest, find_principal
from service.identity.authentication import cookies_of
from service.web import menu
from service.web.assets import static_url
from service.web.formats import filters, show
from service.web.texts import LANGUAGES, translator

LANGUAGE_COOKIE: Final = "language"
_MESSAGE_COOKIE: Final = "message"
_SPOKEN: Final = "spoken_language"
_CELL: Final = re.compile(r"<(th|td)\b")

# htmx with neither inline styles nor eval, which the policy of the pages forbids. A wrong form is shown where it stood;
# an error takes the place of the whole page.
_HTMX: Final = json.dumps(
    {
        "includeIndicatorStyles": False,
        "allowEval": False,
        "historyCacheSize": 0,
        "responseHandling": [
            {"code": "204", "swap": False},
            {"code": "[23]..", "swap": True},
            {"code": "422", "swap": True},
            {"code": "[45]..", "swap": True, "error": True, "target": "body", "swapOverride": "innerHTML"},
        ],
    }
)

_SERVICE: Final = Path(__file__).parents[1]
_FOLDERS: Final = {path.parent.name: FileSystemLoader(path) for path in sorted(_SERVICE.glob("*/templates"))}
LOADERS: Final[dict[str, BaseLoader]] = {**_FOLDERS}
"""Where templates come from, by the first part of their name."""


@cache
def environment(language: str) -> Environment:
    """The templates in one language. A value that the handler forgot is an error, not an empty place."""
    made = Environment(
        loader=PrefixLoader(LOADERS), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    texts = translator(language)
    made.globals |= {"_": texts.gettext, "ngettext": texts.ngettext, "static_url": static_url}
    made.filters |= filters(language) | {"labelled": _labelled}
    return made


def _labelled(cells: str, columns: list[str | tuple[str, str]]) -> Markup:
    """The cells of a table's row, each with the label of its column, which is shown where rows are stacked."""
    if len(_CELL.findall(cells)) != len(columns):
        raise ValueError("A row of the table has not as many cells as the table has columns")
    left = iter(columns)

    def label(match: re.Match[str]) -> str:
        column = next(left)
        text, class_ = (column, "") if isinstance(column, str) else column
        role = "rowheader" if match[1] == "th" else "cell"
        scope = Markup(' scope="row"') if match[1] == "th" else ""
        return Markup('<{}{} role="{}" class="{}" data-label="{}"').format(match[1], scope, role, class_, text)

    return Markup(_CELL.sub(label, cells))


def page(
    request: AnyRequest, template: str, status: int = 200, headers: Mapping[str, str] | None = None, **context: Any
) -> Response[str]:
    """A page, or a part of one for htmx: the template with what every page knows and the context given."""
    messages = _Messages(request)
    language = language_of(request)
    templates = environment(language)
    known = _context(request, language) | {"messages": messages} | context
    known["ui"] = templates.get_template("web/components.html").make_module(known)
    text = templates.get_template(template).render(known)
    response = Response(text, status_code=status, media_type=MediaType.HTML, headers=headers)
    if messages.shown:
        response.set_cookie(cookies_of(request).make(_MESSAGE_COOKIE, "", 0))
    return response


def _context(request: AnyRequest, language: str) -> dict[str, Any]:
    principal = find_principal(request)
    place = principal.place if principal else None
    token = _csrf_token(request)
    return {
        "principal": principal,
        "place": place,
        "language": language,
        "languages": LANGUAGES,
        "time_zone": place.time_zone if place else "UTC",
        "theme": principal.theme if principal else "auto",
        "path": request.url.path,
        "menu": (entries := menu.menu_of(principal)),
        "menu_at": menu.where_in(entries, request.url.path),
        "paths": menu,
        "csrf_input": Markup('<input type="hidden" name="_csrf_token" value="{}">').format(token),
        "htmx_config": _HTMX,
        "htmx_headers": json.dumps({_csrf_of(request).header_name: token}),
    }


def _csrf_token(request: AnyRequest) -> str:
    """The token that the forms of this page give back: where no route was found, only the cookie knows it."""
    token = ScopeState.from_scope(request.scope).csrf_token
    return token if isinstance(token, str) else request.cookies.get(_csrf_of(request).cookie_name, "")


def _csrf_of(request: AnyRequest) -> CSRFConfig:
    config: CSRFConfig = request.app.state.csrf
    return config


def language_of(request: AnyRequest) -> str:
    """The language of who asks: their own choice, then that of the browser's cookie, of their place, what `speak` was
    told, and of the browser."""
    principal = find_principal(request)
    place = principal.place if principal else None
    wishes = (
        principal.language if principal else None,
        request.cookies.get(cookies_of(request).name(LANGUAGE_COOKIE)),
        place.language if place else None,
        request.state.get(_SPOKEN),
    )
    for wish in wishes:
        if wish in LANGUAGES:
            return wish
    accepted = [_norwegian(tag) for tag in _accepted(request.headers.get("accept-language", ""))]
    return negotiate_locale(accepted, list(LANGUAGES), sep="-", aliases={}) or "en"


def speak(request: AnyRequest, language: str) -> None:
    """Answer in this language whoever has not chosen another: what is known of a person without an account."""
    request.state[_SPOKEN] = language


def _accepted(header: str) -> list[str]:
    """The languages of an Accept-Language header, the most wanted first."""
    weighed = [tag.strip().partition(";q=") for tag in header.lower().split(",")]
    kept = [(tag, _weight(weight)) for tag, _, weight in weighed if tag]
    return [tag for tag, weight in sorted(kept, key=lambda pair: -pair[1]) if weight > 0]


def _weight(text: str) -> float:
    try:
        return float(text or 1)
    except ValueError:
        return 0


def _norwegian(tag: str) -> str:
    """Who reads any Norwegian reads bokmål."""
    main = tag.split("-")[0]
    return "nb" if main in ("no", "nn") else tag


def said(request: AnyRequest, text: str, /, **values: object) -> str:
    """A text of the catalogues in the language of who asks, its values as they write them."""
    language = language_of(request)
    shown = {name: show(value, language) for name, value in values.items()}
    return translator(language).gettext(text, **shown)


class Message(msgspec.Struct, frozen=True):
    """What the next page says of what was just done; `kind` is success, info, warning or danger."""

    kind: str
    text: str


def redirect(
    request: AnyRequest, path: str, message: str | None = None, /, kind: str = "success", **values: object
) -> Redirect:
    """Send the browser on to a page of ours, which then says the message.

    `redirect(request, "/clubs", N_("The club {name} was added."), name=club.name)`. The message
    travels in a signed cookie that lives for a minute, so that it never stands in an address.
    """
    if not is_local(path):
        raise ValueError("A redirect leads to a path of this service.")
    cookies = [] if message is None else [_cookie(request, Message(kind, said(request, message, **values)))]
    return Redirect(path, status_code=303, cookies=cookies)


def is_local(path: str) -> bool:
    """Whether it is a path of this service. A browser takes `//` and `/\\` for the start of another's address."""
    return path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()


def _cookie(request: AnyRequest, message: Message) -> Cookie:
    content = base64.urlsafe_b64encode(msgspec.json.encode(message)).decode()
    return cookies_of(request).make(_MESSAGE_COOKIE, f"{content}.{_signature(request, content)}", 60)


def _signature(request: AnyRequest, content: str) -> str:
    secret = _csrf_of(request).secret.encode()
    return hmac.new(secret, f"message {content}".encode(), hashlib.sha256).hexdigest()


class _Messages:
    """The message of the last page, if any. It counts as shown once a template has gone through it."""

    def __init__(self, request: AnyRequest) -> None:
        self.shown = False
        self._request = request

    def __iter__(self) -> Iterator[Message]:
        kept = self._request.cookies.get(cookies_of(self._request).name(_MESSAGE_COOKIE), "")
        content, _, signature = kept.partition(".")
        if content:
            self.shown = True
            if hmac.compare_digest(signature.encode(), _signature(self._request, content).encode()):
                yield msgspec.json.decode(base64.urlsafe_b64decode(content), type=Message)


_HEADINGS: Final = {
    400: N_("The request cannot be read"),
    401: N_("You are not signed in"),
    403: N_("You may not do this"),
    404: N_("There is no such page"),
    405: N_("This cannot be done here"),
    409: N_("The state has changed"),
    413: N_("The file is too large"),
    422: N_("Some fields are wrong"),
    429: N_("Too many attempts"),
    500: N_("Something went wrong"),
    503: N_("The service is busy"),
}


def wants_page(request: AnyRequest) -> bool:
    """Whether an error is to be answered with a page: to a browser, but never below `/api/`."""
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/")


def error_page(request: AnyRequest, problem: Problem, headers: Mapping[str, str] | None = None) -> Response[str]:
    """The page that says what went wrong and what to do next; `problem` is in the reader's language already."""
    heading = _HEADINGS.get(problem.status)
    return page(
        request,
        "web/error.html",
        problem.status,
        headers,
        heading=said(request, heading) if heading else problem.title,
        problem=problem,
        incident=(problem.instance or "").removeprefix("urn:uuid:"),
    )
