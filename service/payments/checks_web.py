"""The pages of checks by lot and of signals about clubs, for those who may take money back."""

from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.database.requests import transactional
from service.errors import N_, FieldError, Invalid
from service.identity.access import AnyRequest, actor_of, municipality_of
from service.identity.permissions import may
from service.payments import samples
from service.payments.signals import MEANING, signals
from service.payments.web import PAYMENTS
from service.payments.words import SAMPLE_STATES
from service.web.formats import show
from service.web.forms import FormData, blank, read_form, redisplaying
from service.web.pages import language_of, page, redirect
from service.web.texts import translator

_SAMPLES: Final = f"{PAYMENTS}/samples"
_ONE: Final = f"{_SAMPLES}/{{sample_id:uuid}}"
_OPEN: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False}
_CORRECT: Final = _OPEN | {"opt": may("payments.correct")}


class Verdict(msgspec.Struct, frozen=True):
    """What somebody makes of a club's answer."""

    verdict: Annotated[Literal["accept", "ask", "fail"], Meta(title=N_("What do you make of it?"))]
    because: Annotated[str | None, Meta(title=N_("Why, for the club"), max_length=500)] = None
    recover: Annotated[bool, Meta(title=N_("Take the amount back from the club's next payments"))] = False


@get(_SAMPLES, **_CORRECT)
@transactional
def show_samples(request: AnyRequest, session: Session) -> Response[str]:
    """The open checks: what clubs have answered first, then the longest due."""
    found = samples.open_samples(session, municipality_of(request))
    return page(request, "payments/samples.html", samples=found, sample_states=SAMPLE_STATES)


@get(_ONE, **_CORRECT)
@transactional
def show_sample(request: AnyRequest, session: Session, sample_id: FromPath[UUID]) -> Response[str]:
    """A check with the club's answer, and what can be made of it."""
    return page(request, "payments/sample.html", form=blank(request, Verdict), **_sample(request, session, sample_id))


@post(_ONE, status_code=303, **_CORRECT)
@transactional
def judge_sample(request: AnyRequest, data: FormData, session: Session, sample_id: FromPath[UUID]) -> Redirect:
    """Accept an answer, ask again, or not accept it and, if wanted, take the amount back."""
    with redisplaying(request, "payments/sample.html", Verdict, data, **_sample(request, session, sample_id)):
        asked, municipality, actor = read_form(data, Verdict), municipality_of(request), actor_of(request)
        if asked.recover and asked.verdict != "fail":
            wrong = FieldError("recover", N_("goes with an answer that is not accepted"))
            raise Invalid("Some fields are wrong.", [wrong])
        if asked.verdict == "ask":
            samples.ask_again(session, municipality, sample_id, actor)
            return redirect(request, _SAMPLES, N_("The club is asked once more."))
        accepted, because = asked.verdict == "accept", asked.because or ""
        samples.close_sample(session, municipality, sample_id, accepted, because, asked.recover, actor)
    return redirect(request, _SAMPLES, N_("The check is closed."))


@get(f"{PAYMENTS}/signals", **_OPEN | {"opt": may("payments.read")})
@transactional
def show_signals(request: AnyRequest, session: Session) -> Response[str]:
    """Signals about clubs, each with what may explain it."""
    language = language_of(request)
    translate = translator(language).gettext
    found = [
        (one, one.said.said(translate, lambda value: show(value, language)))
        for one in signals(session, municipality_of(request))
    ]
    return page(request, "payments/signals.html", signals=found, meaning=MEANING)


ROUTES = [show_samples, show_sample, judge_sample, show_signals]
"""The pages of checks by lot and signals."""


def _sample(request: AnyRequest, session: Session, sample_id: UUID) -> dict[str, Any]:
    return {
        "one": samples.find_sample(session, municipality_of(request), sample_id),
        "sample_states": SAMPLE_STATES,
        "choices": [
            ("accept", N_("It is enough: accept it")),
            ("ask", N_("It is not enough yet: ask the club once more")),
            ("fail", N_("The child was no member, or the club does not answer")),
        ],
    }
