"""The case worker's pages: the families of a season, each family's case, and cases that share somebody."""

from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.database.requests import keys_of, transactional
from service.errors import N_, Count, Invalid, NotFound
from service.identity.access import AnyRequest, actor_of, municipality_of, principal_of
from service.identity.organisations import list_organisations
from service.identity.permissions import may
from service.referrals import actions, cases, queries, sharing
from service.referrals.actions import LONGEST_SAID, Desk
from service.referrals.cases import Decision
from service.referrals.rules import NEED_GUIDANCE
from service.referrals.web import ReferralForm, content_in, form_context, form_of, sayer
from service.referrals.words import (
    CASE_COLORS,
    CASE_STATES,
    CONSENTS,
    OUTCOME_COLORS,
    OUTCOMES,
    REFERRAL_COLORS,
    REFERRAL_STATES,
)
from service.values import clock
from service.web.answers import given_in
from service.web.forms import FormData, blank, read_form, redisplaying
from service.web.pages import page, redirect

CASES: Final = "/referral-cases"
SHARED: Final = f"{CASES}/shared"
_ONE: Final = f"{CASES}/{{case_id:uuid}}"
_PART: Final = f"{CASES}/parts/{{referral_id:uuid}}"
_READ: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("referrals.read")}
_DECIDE: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("referrals.decide")}
_WORDS: Final[dict[str, Any]] = {
    "outcomes": OUTCOMES,
    "outcome_colors": OUTCOME_COLORS,
    "case_states": CASE_STATES,
    "case_colors": CASE_COLORS,
    "states": REFERRAL_STATES,
    "colors": REFERRAL_COLORS,
    "consents": CONSENTS,
    "guidance": NEED_GUIDANCE,
}
_SHOWN: Final = ("open", "sent_back", "approved", "rejected")


class CasesForm(msgspec.Struct, frozen=True):
    """Which families are shown."""

    season: Annotated[UUID | None, Meta(title=N_("Season"))] = None
    state: Annotated[Literal["open", "sent_back", "approved", "rejected"] | None, Meta(title=N_("State"))] = None


class DecisionForm(msgspec.Struct, frozen=True):
    """What is decided about the families that are ticked; the need of each stands in a field of its own."""

    do: Annotated[Literal["approve", "reject", "reopen"], Meta(title=N_("Decision"))]
    chosen: Annotated[list[UUID], Meta(title=N_("Families"))] = []
    season: Annotated[UUID | None, Meta(title=N_("Season"))] = None
    said: Annotated[str, Meta(title=N_("Why they are rejected"), max_length=LONGEST_SAID)] = ""


class CaseForm(msgspec.Struct, frozen=True):
    """What is decided about one family."""

    do: Annotated[Literal["approve", "reject", "reopen"], Meta(title=N_("Decision"))]
    need: Annotated[int | None, Meta(title=N_("How much the family needs it"), ge=1, le=5)] = None
    said: Annotated[str, Meta(title=N_("Why the family is rejected"), max_length=LONGEST_SAID)] = ""


class QuestionForm(msgspec.Struct, frozen=True):
    """What a service is asked."""

    question: Annotated[str, Meta(title=N_("Question to the service"), max_length=LONGEST_SAID)]


class PairForm(msgspec.Struct, frozen=True):
    """Two cases that share somebody, and what they are."""

    first: Annotated[UUID, Meta(title=N_("First case"))]
    second: Annotated[UUID, Meta(title=N_("Second case"))]
    do: Annotated[Literal["join", "apart"], Meta(title=N_("Decision"))]


@get(CASES, **_READ)
@transactional
def show_cases(request: AnyRequest, session: Session) -> Response[str]:
    """The families of a season, with counts, the quota and how the need spreads over the services."""
    asked = read_form(dict(request.query_params), CasesForm)
    season = cases.newest_season(session, asked.season)
    if season is None:
        return page(request, "referrals/cases_none.html")
    municipality = municipality_of(request)
    counts = cases.counts_of(session, season)
    return page(
        request,
        "referrals/cases.html",
        season=season,
        seasons=queries.list_seasons(session),
        cases=cases.list_cases(session, municipality, season, asked.state, actor_of(request)),
        counts=counts,
        tabs=[(one, counts.states.get(one, 0), f"{CASES}?season={season.season_id}&state={one}") for one in _SHOWN],
        state=asked.state,
        spread=cases.spread_over_services(session, season.season_id),
        shared=len(sharing.shared_cases(session, season.season_id)),
        services={one.id: one.name for one in list_organisations(session)},
        may_decide=principal_of(request).may("referrals.decide"),
        **_WORDS,
    )


@post(f"{CASES}/decisions", status_code=303, **_DECIDE)
@transactional
def decide_several(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Decide about all that are ticked, or about none of them."""
    asked = read_form(data, DecisionForm)
    decisions = [Decision(one, asked.do, _need(data, one), asked.said) for one in asked.chosen]
    cases.decide(session, municipality_of(request), decisions, actor_of(request))
    back = f"{CASES}?season={asked.season}" if asked.season else CASES
    return redirect(request, back, N_("Families decided about: {count}."), count=Count(len(decisions)))


def _need(data: dict[str, Any], case_id: UUID) -> int | None:
    written = next(iter(given_in(data, f"need-{case_id}")), "")
    return int(written) if written in ("1", "2", "3", "4", "5") else None


@get(_ONE, **_READ)
@transactional
def show_case(request: AnyRequest, session: Session, case_id: FromPath[UUID]) -> Response[str]:
    """A family's case: what each service has said, whether it fits the season, and what is decided."""
    detail = cases.read_case(session, municipality_of(request), case_id, actor_of(request))
    form = blank(request, CaseForm, need=detail.row.need)
    return page(request, "referrals/case.html", form=form, **_case(request, session, detail))


def _case(request: AnyRequest, session: Session, detail: cases.CaseDetail) -> dict[str, Any]:
    return _WORDS | {
        "case": detail.row,
        "season": detail.season,
        "parts": detail.referrals,
        "shared": detail.shared,
        "services": {one.id: one.name for one in list_organisations(session)},
        "spread": cases.spread_over_services(session, detail.season.season_id),
        "may_decide": principal_of(request).may("referrals.decide"),
        "longest": LONGEST_SAID,
        "said": sayer(request),
    }


@post(f"{_ONE}/decision", status_code=303, **_DECIDE)
@transactional
def decide_one(request: AnyRequest, data: FormData, session: Session, case_id: FromPath[UUID]) -> Redirect:
    """Decide about a family."""
    municipality, actor = municipality_of(request), actor_of(request)
    detail = cases.read_case(session, municipality, case_id, actor)
    with redisplaying(request, "referrals/case.html", CaseForm, data, **_case(request, session, detail)):
        asked = read_form(data, CaseForm)
        cases.decide(session, municipality, [Decision(case_id, asked.do, asked.need, asked.said)], actor)
    back = f"{CASES}?season={detail.season.season_id}"
    return redirect(request, back, N_("Decided about the family of {name}."), name=detail.row.leading.contact)


@post(f"{_ONE}/look", status_code=303, **_DECIDE)
@transactional
def look_at(request: AnyRequest, session: Session, case_id: FromPath[UUID]) -> Redirect:
    """The decision stands, and what has come was looked at."""
    cases.look_at(session, municipality_of(request), case_id, actor_of(request))
    return redirect(request, f"{CASES}/{case_id}", N_("The decision stands. The services see it."))


@post(f"{_ONE}/withdrawal", status_code=303, **_DECIDE)
@transactional
def withdraw_case(request: AnyRequest, session: Session, case_id: FromPath[UUID]) -> Redirect:
    """The family has withdrawn its consent."""
    actions.withdraw_case(session, municipality_of(request), keys_of(request), case_id, actor_of(request))
    said = N_("The consent is withdrawn: what was said of the family is erased here, and it is taken off the list.")
    return redirect(request, CASES, said)


@post(f"{_PART}/question", status_code=303, **_DECIDE)
@transactional
def ask_service(request: AnyRequest, data: FormData, session: Session, referral_id: FromPath[UUID]) -> Redirect:
    """Send a service's referral back with a question."""
    asked = read_form(data, QuestionForm)
    municipality = municipality_of(request)
    case_id = cases.send_back(session, municipality, keys_of(request), referral_id, asked.question, actor_of(request))
    return redirect(request, f"{CASES}/{case_id}", N_("The question is sent."))


@post(f"{_PART}/lead", status_code=303, **_DECIDE)
@transactional
def let_lead(request: AnyRequest, session: Session, referral_id: FromPath[UUID]) -> Redirect:
    """Let the list be made from this service's referral."""
    case_id = cases.lead(session, municipality_of(request), referral_id, actor_of(request))
    return redirect(request, f"{CASES}/{case_id}", N_("The list is made from this referral."))


@get(f"{_PART}/change", **_DECIDE)
@transactional
def ask_for_change(request: AnyRequest, session: Session, referral_id: FromPath[UUID]) -> Response[str]:
    """The form of a referral, for a case worker who puts something right."""
    row, season = _part(session, referral_id)
    form = form_of(request, row, clock.today(municipality_of(request).time_zone))
    context = form_context(season, [str(one) for one in row.wishes]) | {"referral": row}
    return page(request, "referrals/change.html", form=form, **context)


def _part(session: Session, referral_id: UUID) -> tuple[queries.ReferralRow, queries.OfferedSeasonRow]:
    found = queries.read_rows(session, "r.id = :id AND r.state NOT IN ('draft', 'withdrawn')", id=referral_id)
    if not found:
        raise NotFound("There is no such referral.")
    return found[0], queries.find_season(session, found[0].season_id)


@post(f"{_PART}/change", status_code=303, **_DECIDE)
@transactional
def keep_change(request: AnyRequest, data: FormData, session: Session, referral_id: FromPath[UUID]) -> Redirect:
    """Keep what a case worker put right."""
    row, season = _part(session, referral_id)
    municipality = municipality_of(request)
    desk = Desk(municipality, row.service_id, keys_of(request), actor_of(request))
    wished = [one for one in given_in(data, "wishes") if isinstance(one, str) and one]
    context = form_context(season, wished) | {"referral": row}
    with redisplaying(request, "referrals/change.html", ReferralForm, data, **context):
        actions.change_for(session, desk, referral_id, content_in(data, clock.today(municipality.time_zone)))
    return redirect(request, f"{CASES}/{row.case_id}", N_("The change is kept."))


@get(SHARED, **_READ)
@transactional
def show_shared(request: AnyRequest, session: Session) -> Response[str]:
    """Cases that share somebody: by no more than their names and the year of birth."""
    municipality_of(request)
    may_decide = principal_of(request).may("referrals.decide")
    return page(request, "referrals/shared.html", pairs=sharing.shared_cases(session), may_decide=may_decide)


@post(SHARED, status_code=303, **_DECIDE)
@transactional
def decide_pair(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Say of two cases what they are: one family, or two."""
    asked, municipality, actor = read_form(data, PairForm), municipality_of(request), actor_of(request)
    if asked.first == asked.second:
        raise Invalid("These are not two cases.")
    if asked.do == "join":
        made = sharing.join_cases(session, municipality, asked.first, asked.second, actor)
        return redirect(request, f"{CASES}/{made}", N_("The two cases are one now, and open."))
    sharing.keep_apart(session, municipality, asked.first, asked.second, actor)
    return redirect(request, SHARED, N_("The two cases stay apart."))


ROUTES = [
    show_cases,
    decide_several,
    show_case,
    decide_one,
    look_at,
    withdraw_case,
    ask_service,
    let_lead,
    ask_for_change,
    keep_change,
    show_shared,
    decide_pair,
]
"""The pages of families' cases."""
