"""The pages of signing in and out: by a link in an e-mail, with a provider, by an invitation."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.database.requests import database_of, keys_of, transactional
from service.errors import N_, NotFound, Refused
from service.identity import oidc, provider_sign_in, throttle
from service.identity.access import AnyRequest, find_principal, principal_of
from service.identity.agents import agent_of
from service.identity.authentication import address_of, cookies_of, forget_signed_in, keep_signed_in
from service.identity.mails import ROLE_NAMES, Asked, order_link
from service.identity.members import accept_invitation, find_invitation
from service.identity.permissions import HALFWAY, PUBLIC
from service.identity.sessions import end_session, use_link
from service.web import menu
from service.web.formats import show
from service.web.forms import FormData, Redisplayed, blank, read_form, redisplaying
from service.web.pages import is_local, language_of, page, redirect
from service.web.problems import WANTED
from service.web.texts import translator

LINK_SENT: Final = "/sign-in/sent"
_BROWSER: Final = "provider"
_LOG = logging.getLogger("medspiller.identity")


class AskForLink(msgspec.Struct):
    """Who wants a link to sign in."""

    email: Annotated[
        str,
        Meta(
            title=N_("E-mail address"),
            max_length=254,
            pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$",
            description=N_("Write an e-mail address, such as name@example.org."),
        ),
    ]


class Accepting(msgspec.Struct):
    """What somebody tells who accepts an invitation."""

    name: Annotated[str, Meta(title=N_("Your name"), max_length=100)]


def person_of(request: AnyRequest) -> tuple[UUID, UUID]:
    """The account of the person who asks, and the session: of HALFWAY and SIGNED_IN pages."""
    principal = principal_of(request)
    if principal.account_id is None or principal.session_id is None:
        raise TypeError("This page is for people, who have a session.")
    return principal.account_id, principal.session_id


@contextmanager
def refusing(request: AnyRequest, heading: str) -> Iterator[None]:
    """Where the block is refused, say so on a page that leads back to signing in; what was written is rolled back."""
    try:
        yield
    except Refused as refusal:
        language = language_of(request)
        sentence = refusal.said(translator(language).gettext, lambda value: show(value, language))
        shown = page(request, "identity/not_signed_in.html", refusal.status, heading=heading, sentence=sentence)
        raise Redisplayed(shown) from refusal


def wanted_page(request: AnyRequest) -> str:
    """The page that somebody wanted before they had to sign in, if it is one of ours; else the first page."""
    wanted = request.cookies.get(cookies_of(request).name(WANTED), "")
    return wanted if is_local(wanted) else menu.START


def enter(request: AnyRequest, response: Response[Any], secret: str) -> None:
    """Let the browser in with the new secret of its session."""
    keep_signed_in(request, response, secret)
    response.set_cookie(cookies_of(request).make(WANTED, "", 0))


def leave(request: AnyRequest, message: str) -> Redirect:
    """To the sign-in page, with nothing left of the session in the browser."""
    # The message is in the language of the page that shows it, which does not know any more who it was.
    request.scope["user"] = None
    response = redirect(request, menu.SIGN_IN, message)
    forget_signed_in(request, response)
    return response


@get(menu.SIGN_IN, sync_to_thread=True, include_in_schema=False, opt=PUBLIC)
def show_sign_in(request: AnyRequest) -> Response[Any]:
    """Ways to sign in."""
    if find_principal(request) is not None:
        return redirect(request, menu.START)
    form = blank(request, AskForLink)
    return page(request, "identity/sign_in.html", form=form, providers=_providers(request))


@post(menu.SIGN_IN, status_code=303, sync_to_thread=True, include_in_schema=False, opt=PUBLIC)
@transactional
def ask_for_link(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Order a link; the same work and the same answer whether an account has the address or not."""
    with redisplaying(request, "identity/sign_in.html", AskForLink, data, providers=_providers(request)):
        email = read_form(data, AskForLink).email
    throttle.count(database_of(request), throttle.SIGN_IN_LINKS_FROM_ADDRESS, address_of(request))
    throttle.count(database_of(request), throttle.SIGN_IN_LINKS, email)
    asked = Asked(email, request.app.state.public_url, language_of(request))
    order_link(session, keys_of(request), asked)
    return redirect(request, LINK_SENT)


@get(LINK_SENT, sync_to_thread=False, include_in_schema=False, opt=PUBLIC)
def show_link_sent(request: AnyRequest) -> Response[str]:
    """What happens next, for whoever asked."""
    return page(request, "identity/link_sent.html")


@get("/sign-in/link/{secret:str}", sync_to_thread=False, include_in_schema=False, opt=PUBLIC)
def show_link(request: AnyRequest) -> Response[str]:
    """A button that uses the link: programs that look through e-mails open every address, and must not use it up."""
    return page(request, "identity/use_link.html")


@post("/sign-in/link/{secret:str}", status_code=303, sync_to_thread=True, include_in_schema=False, opt=PUBLIC)
@transactional
def sign_in_by_link(request: AnyRequest, secret: FromPath[str], session: Session) -> Redirect:
    """Sign in with a link, once."""
    with refusing(request, N_("This link does not work")):
        fresh = use_link(session, secret, agent_of(request))
    return _signed_in(request, session, fresh)


@get("/sign-in/with/{key:str}", sync_to_thread=True, include_in_schema=False, opt=PUBLIC)
def begin_with_provider(request: AnyRequest, key: FromPath[str]) -> Redirect:
    """Send the browser to a provider. Outside of a transaction: the provider is asked first."""
    with refusing(request, N_("You could not be signed in")):
        provider = _provider(request, key)
        begun = provider_sign_in.begin(database_of(request), provider, _address_of_answer(request, provider))
    seconds = int(oidc.PATIENCE.total_seconds())
    return Redirect(begun.url, status_code=303, cookies=[cookies_of(request).make(_BROWSER, begun.browser, seconds)])


@get("/sign-in/with/{key:str}/answer", sync_to_thread=True, include_in_schema=False, opt=PUBLIC)
def finish_with_provider(request: AnyRequest, key: FromPath[str]) -> Redirect:
    """Sign in with the answer that a provider sent the browser back with; outside of a transaction, too."""
    browser = request.cookies.get(cookies_of(request).name(_BROWSER), "")
    database, answer = database_of(request), dict(request.query_params)
    with refusing(request, N_("You could not be signed in")):
        provider = _provider(request, key)
        back = _address_of_answer(request, provider)
        fresh = provider_sign_in.finish(database, provider, back, answer, browser, agent_of(request))
    with database.transaction() as session:
        response = _signed_in(request, session, fresh)
    response.set_cookie(cookies_of(request).make(_BROWSER, "", 0))
    return response


@post(menu.SIGN_OUT, status_code=303, sync_to_thread=True, include_in_schema=False, opt=HALFWAY)
@transactional
def sign_out(request: AnyRequest, session: Session) -> Redirect:
    """End the session, here and on the server."""
    account_id, session_id = person_of(request)
    end_session(session, account_id, session_id)
    return leave(request, N_("You are signed out."))


@get("/invitation/{secret:str}", sync_to_thread=True, include_in_schema=False, opt=PUBLIC)
@transactional
def show_invitation(request: AnyRequest, secret: FromPath[str], session: Session) -> Response[str]:
    """Who invites to what."""
    with refusing(request, N_("This invitation does not work")):
        invitation = find_invitation(session, secret)
    form = blank(request, Accepting, name=invitation.name)
    return page(request, "identity/invitation.html", form=form, invitation=invitation, roles=ROLE_NAMES)


@post("/invitation/{secret:str}", status_code=303, sync_to_thread=True, include_in_schema=False, opt=PUBLIC)
@transactional
def accept(request: AnyRequest, secret: FromPath[str], data: FormData, session: Session) -> Redirect:
    """Take the role, and be signed in."""
    with refusing(request, N_("This invitation does not work")):
        invitation = find_invitation(session, secret)
    known = {"invitation": invitation, "roles": ROLE_NAMES}
    with redisplaying(request, "identity/invitation.html", Accepting, data, **known):
        name = read_form(data, Accepting).name
        fresh = accept_invitation(session, secret, name, agent_of(request))
    return _signed_in(request, session, fresh)


def _signed_in(request: AnyRequest, session: Session, secret: str) -> Redirect:
    """On to the page that was wanted; the session that this browser had before is over."""
    before = find_principal(request)
    if before is not None and before.account_id is not None and before.session_id is not None:
        end_session(session, before.account_id, before.session_id)
    response = redirect(request, wanted_page(request))
    enter(request, response, secret)
    return response


def _providers(request: AnyRequest) -> list[oidc.Provider]:
    """The providers to offer: where their file is wrong none, and people can still sign in by e-mail."""
    try:
        return oidc.providers(database_of(request).home)
    except Refused as refusal:
        _LOG.error("providers", extra={"reason": refusal.message})
        return []


def _provider(request: AnyRequest, key: str) -> oidc.Provider:
    for provider in _providers(request):
        if provider.key == key:
            return provider
    raise NotFound("Nobody signs in this way here. Choose one of the ways on the sign-in page.")


def _address_of_answer(request: AnyRequest, provider: oidc.Provider) -> str:
    return f"{request.app.state.public_url}/sign-in/with/{provider.key}/answer"


ROUTES = [
    show_sign_in,
    ask_for_link,
    show_link_sent,
    show_link,
    sign_in_by_link,
    begin_with_provider,
    finish_with_provider,
    sign_out,
    show_invitation,
    accept,
]
