"""The page on which an administrator sets how the municipality deals with clubs."""

from typing import Any, Final

from litestar import Response, get, post
from litestar.response import Redirect
from sqlmodel import Session

from service.clubs import settings
from service.clubs.forms import SettingsForm
from service.clubs.web import CLUBS
from service.database.requests import transactional
from service.errors import N_
from service.identity.access import AnyRequest, actor_of, municipality_of
from service.identity.permissions import may
from service.web.forms import FormData, blank, read_form, redisplaying
from service.web.pages import page, redirect

_HERE: Final = f"{CLUBS}/settings"
_OPEN: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("clubs.settings")}


@get(_HERE, **_OPEN)
@transactional
def show_settings(request: AnyRequest, session: Session) -> Response[str]:
    """The settings and the agreement as they are."""
    municipality = municipality_of(request)
    now, agreement = settings.settings_of(session), settings.agreement_of(session, municipality)
    form = blank(
        request,
        SettingsForm,
        applications_open=now.applications_open,
        account_wait_days=now.account_wait_days,
        cache_days=now.cache_days,
        agreement=agreement.text,
    )
    return page(request, "clubs/settings.html", form=form, agreement=agreement, municipality=municipality)


@post(_HERE, status_code=303, **_OPEN)
@transactional
def keep_settings(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Keep them; other words of the agreement are a version of its own."""
    municipality, actor = municipality_of(request), actor_of(request)
    shown = {"agreement": settings.agreement_of(session, municipality), "municipality": municipality}
    with redisplaying(request, "clubs/settings.html", SettingsForm, data, **shown):
        asked = read_form(data, SettingsForm)
        changed = settings.Settings(asked.applications_open, asked.account_wait_days, asked.cache_days)
        settings.set_settings(session, municipality.id, changed, actor)
        settings.set_agreement(session, municipality, asked.agreement, actor)
    return redirect(request, CLUBS, N_("The settings are kept."))


ROUTES = [show_settings, keep_settings]
"""The settings of clubs."""
