"""What somebody who is not signed in may choose: the language of the pages, kept in the browser."""

from typing import Literal

import msgspec
from litestar import post
from litestar.response import Redirect

from service.identity.access import AnyRequest
from service.identity.authentication import cookies_of
from service.identity.permissions import PUBLIC
from service.web import menu
from service.web.forms import FormData, read_form
from service.web.pages import LANGUAGE_COOKIE, is_local

_YEAR = 365 * 24 * 60 * 60


class LanguageChoice(msgspec.Struct):
    """A language, and the path of the page on which it was chosen."""

    language: Literal["da", "nb", "en"]
    back: str = menu.START


@post(menu.LANGUAGE, status_code=303, sync_to_thread=False, include_in_schema=False, opt=PUBLIC)
def choose_language(request: AnyRequest, data: FormData) -> Redirect:
    """Keep the language and go back."""
    choice = read_form(data, LanguageChoice)
    cookie = cookies_of(request).make(LANGUAGE_COOKIE, choice.language, _YEAR)
    return Redirect(choice.back if is_local(choice.back) else menu.START, status_code=303, cookies=[cookie])
