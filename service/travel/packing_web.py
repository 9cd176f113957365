"""The page of packing letters: what families bring, and the letters to be printed."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.database.requests import keys_of, transactional
from service.errors import N_
from service.identity.access import AnyRequest, Place, actor_of, organisation_of
from service.stays.queries import StayRow, find_stay
from service.stays.stays_web import as_file
from service.travel import packing
from service.travel.queries import families_of
from service.travel.web import CHANGE, STAY_PATH
from service.travel.words import LANGUAGES
from service.values import clock
from service.web.forms import FormData, blank, read_form, redisplaying
from service.web.pages import page, redirect


class BringForm(msgspec.Struct, frozen=True):
    """What families bring, a thing on each line, by language."""

    da: Annotated[str, Meta(title="Dansk", max_length=packing.MOST_CHARACTERS)] = ""
    nb: Annotated[str, Meta(title="Norsk bokmål", max_length=packing.MOST_CHARACTERS)] = ""
    en: Annotated[str, Meta(title="English", max_length=packing.MOST_CHARACTERS)] = ""


@get(f"{STAY_PATH}/packing", **CHANGE)
@transactional
def show_packing(request: AnyRequest, session: Session, stay_id: FromPath[UUID]) -> Response[str]:
    """What families bring, and how many letters there would be."""
    place, stay = organisation_of(request), find_stay(session, stay_id)
    form = blank(request, BringForm, **packing.texts_of(session, stay))
    return page(request, "travel/packing.html", form=form, **_shown(session, place, stay))


def _shown(session: Session, place: Place, stay: StayRow) -> dict[str, Any]:
    figures = packing.figures_of(families_of(session, stay), place.language)
    over = clock.today(place.time_zone) > stay.ends_on
    return {"stay": stay, "figures": figures, "languages": LANGUAGES, "over": over}


@post(f"{STAY_PATH}/packing", status_code=303, **CHANGE)
@transactional
def keep_texts(request: AnyRequest, data: FormData, session: Session, stay_id: FromPath[UUID]) -> Redirect:
    """Keep what families bring."""
    place, stay = organisation_of(request), find_stay(session, stay_id)
    with redisplaying(request, "travel/packing.html", BringForm, data, **_shown(session, place, stay)):
        asked = read_form(data, BringForm)
        packing.keep_texts(session, place.tenant_id, stay_id, msgspec.structs.asdict(asked), actor_of(request))
    return redirect(request, f"/stays/{stay_id}/packing", N_("The texts were saved."))


@get(f"{STAY_PATH}/packing.pdf", **CHANGE)
@transactional
def print_letters(request: AnyRequest, session: Session, stay_id: FromPath[UUID]) -> Response[bytes]:
    """All letters of a stay in one file."""
    place, stay = organisation_of(request), find_stay(session, stay_id)
    public_url = request.app.state.public_url
    content = packing.print_letters(
        session, place, place.tenant_id, keys_of(request), stay, public_url, actor_of(request)
    )
    return as_file(content, f"packing-{stay.code}.pdf", "application/pdf")


ROUTES = [show_packing, keep_texts, print_letters]
"""The pages of packing letters."""
