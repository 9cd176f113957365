"""The pages of the review queue: who waits for a person, and the three things that can be done."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.database.requests import database_of, keys_of, record_outside, transactional
from service.eligibility import review, review_queue
from service.eligibility.review import Evidence, Grounds, Round, find_round
from service.eligibility.review_queue import REASONS, Filter, Standing
from service.errors import N_, Invalid, NotFound
from service.identity.access import AnyRequest, actor_of, municipality_of, principal_of
from service.identity.form_keys import FormKey, is_repeated, new_key
from service.identity.permissions import may
from service.passes.persons_web import REASONS as REASON_NAMES
from service.passes.review import Decided, approve_yes, invite, promise, say_yes
from service.values import clock
from service.web.answers import given_in
from service.web.forms import FormData, blank, read_form, redisplaying
from service.web.pages import page, redirect
from service.web.paging import decode_cursor, encode_cursor

REVIEW: Final = "/review"
HELD: Final = f"{REVIEW}/held"
_MAY: Final[dict[str, Any]] = {
    "sync_to_thread": True,
    "include_in_schema": False,
    "opt": may("review.decide"),
}
_ROWS = 50

EVIDENCE_NAMES: Final = {
    "introduction_benefit": N_("The municipality's introduction benefit"),
    "income_statement": N_("An income statement or payslip"),
    "other_municipality": N_("A decision of another municipality"),
    "conversation": N_("A conversation with the family"),
    "other": N_("Something else"),
}
STANDING_NAMES: Final = {
    "waiting": N_("Waiting"),
    "invited": N_("Invited to apply"),
    "left": N_("Left aside"),
    "held": N_("Held for approval"),
}
_AGES: Final = list(range(18))


class QueueForm(msgspec.Struct, frozen=True):
    """Which part of the queue is shown."""

    scheme: Annotated[str | None, Meta(title=N_("Scheme"), max_length=40)] = None
    period_start: Annotated[date | None, Meta(title=N_("Period"))] = None
    standing: Annotated[Standing, Meta(title=N_("State"))] = "waiting"
    reason: Annotated[str | None, Meta(title=N_("Reason"), max_length=40)] = None
    district: Annotated[str | None, Meta(title=N_("District"), max_length=200)] = None
    youngest: Annotated[int | None, Meta(title=N_("From age"), ge=0, le=17)] = None
    oldest: Annotated[int | None, Meta(title=N_("To age"), ge=0, le=17)] = None
    households: Annotated[str | None, Meta(title=N_("Household numbers"), max_length=40_000)] = None

    @property
    def filter(self) -> Filter:
        """The same as the queue takes it."""
        listed = tuple(dict.fromkeys((self.households or "").replace(",", " ").replace(";", " ").split()))
        return Filter(self.standing, self.reason, self.district, self.youngest, self.oldest, listed or None)


class ChosenForm(msgspec.Struct, frozen=True, kw_only=True):
    """Of which round and which children something is decided; `chosen` holds person keys."""

    scheme: Annotated[str, Meta(title=N_("Scheme"), max_length=40)]
    period_start: Annotated[date, Meta(title=N_("Period"))]
    chosen: Annotated[str, Meta(title=N_("Children"), max_length=40_000)]
    key: FormKey

    @property
    def persons(self) -> list[UUID]:
        """The children's keys."""
        try:
            return [UUID(one) for one in self.chosen.split()]
        except ValueError:
            raise Invalid("The form does not say whom it is about. Choose the children again.") from None


class YesForm(ChosenForm, frozen=True, kw_only=True):
    """A yes, why, and what it rests on."""

    reason: Annotated[str, Meta(title=N_("Reason"), max_length=500)]
    evidence: Annotated[Evidence, Meta(title=N_("Evidence"))]
    reference: Annotated[str | None, Meta(title=N_("Where the evidence is to be found"), max_length=200)] = None


class InviteForm(ChosenForm, frozen=True, kw_only=True):
    """An invitation, and why."""

    reason: Annotated[str, Meta(title=N_("Reason"), max_length=500)]


class LeaveForm(ChosenForm, frozen=True, kw_only=True):
    """Children left aside: why, and until when."""

    reason: Annotated[str, Meta(title=N_("Reason"), max_length=500)]
    until: Annotated[date | None, Meta(title=N_("Until"))] = None


@get(REVIEW, **_MAY)
@transactional
def show_queue(request: AnyRequest, session: Session) -> Response[str]:
    """The children who wait, oldest first."""
    return _queue(request, session, request.query_params, request.query_params.get("after"))


@post(REVIEW, status_code=200, **_MAY)
@transactional
def find_households(request: AnyRequest, data: FormData, session: Session) -> Response[str]:
    """The children of pasted household numbers, which stand in no address."""
    return _queue(request, session, data, None)


def _queue(request: AnyRequest, session: Session, asked: Mapping[str, Any], after: str | None) -> Response[str]:
    form = read_form(asked, QueueForm)
    municipality = municipality_of(request)
    round_ = find_round(session, municipality, form.scheme, form.period_start)
    if round_ is None:
        return page(request, "passes/review_none.html")
    pasted = form.filter.households is not None
    limit = review.MOST if pasted else _ROWS
    place = decode_cursor(after, UUID)
    found = review_queue.read_queue(session, municipality, round_, form.filter, limit, place, actor_of(request))
    counted, more = review_queue.tally(session, municipality, round_), len(found) > limit
    shown = found[:limit]
    return page(
        request,
        "passes/review_queue.html",
        form=blank(request, QueueForm, **msgspec.structs.asdict(form)),
        asked=form,
        round=round_,
        rounds=[(_at(form, round_=one), one) for one in review.rounds(session, municipality)],
        children=shown,
        counted=counted,
        tabs=[(name, counted.standings.get(name, 0), _at(form, standing=name)) for name in STANDING_NAMES],
        by_reason=[
            (name, counted.reasons.get(name, 0), _at(form, standing="waiting", reason=name)) for name in REASONS
        ],
        everybody=_at(form, reason=None),
        filtered=any((form.reason, form.district, form.youngest is not None, form.oldest is not None, pasted)),
        next=_at(form, after=encode_cursor(shown[-1].id)) if more and not pasted else None,
        first=_at(form) if after else None,
        hidden=_hidden(form, round_),
        **_WORDS,
    )


_WORDS: Final[dict[str, Any]] = {
    "reasons": REASON_NAMES,
    "standings": STANDING_NAMES,
    "evidence": EVIDENCE_NAMES,
    "reason_codes": REASONS,
    "ages": _AGES,
}


def _at(form: QueueForm, *, round_: Round | None = None, **changes: Any) -> str:
    """The queue's address with these changes; what people pasted is never in it."""
    known = msgspec.structs.asdict(form) | changes
    known.pop("households")
    if round_ is not None:
        known |= {"scheme": round_.scheme, "period_start": round_.period_start, "district": None}
    asked = {name: value for name, value in known.items() if value not in (None, "", "waiting")}
    return f"{REVIEW}?{urlencode(asked)}" if asked else REVIEW


def _hidden(form: QueueForm, round_: Round) -> dict[str, str]:
    known = msgspec.structs.asdict(form) | {"scheme": round_.scheme, "period_start": round_.period_start}
    return {name: str(value) for name, value in known.items() if value is not None}


@post(f"{REVIEW}/file", status_code=200, **_MAY)
@transactional
def download_queue(request: AnyRequest, data: FormData, session: Session) -> Response[str]:
    """The shown part of the queue for a spreadsheet. That it was taken is in the trail."""
    form, municipality = read_form(data, QueueForm), municipality_of(request)
    round_ = _named_round(request, session, form.scheme, form.period_start)
    file = review_queue.queue_as_csv(session, municipality, round_, form.filter, actor_of(request))
    name = f"review-{clock.today(municipality.time_zone)}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(f"\ufeff{file}", media_type="text/csv; charset=utf-8", headers=headers)


@post(f"{REVIEW}/choose", status_code=200, **_MAY)
@transactional
def choose(request: AnyRequest, data: FormData, session: Session) -> Response[str] | Redirect:
    """From the ticked children, or all that the filter finds, to the form of what is to be done."""
    form, municipality = read_form(data, QueueForm), municipality_of(request)
    round_ = _named_round(request, session, form.scheme, form.period_start)
    chosen = [one for one in given_in(data, "person") if isinstance(one, str)]
    if given_in(data, "all"):
        chosen = [str(one) for one in review_queue.chosen_by(session, municipality, round_, form.filter)]
    back = _at(form)
    if not chosen:
        return redirect(request, back, N_("Tick at least one child first."), kind="warning")
    if len(chosen) > review.MOST:
        return redirect(
            request, back, N_("At most {most} children go at once: filter first."), kind="warning", most=review.MOST
        )
    act = next(iter(given_in(data, "act")), "yes")
    if act == "take_back":
        persons = ChosenForm(scheme="", period_start=round_.period_start, chosen=" ".join(chosen), key="").persons
        taken = review.take_back(session, municipality, round_, persons, actor_of(request))
        return redirect(request, back, N_("Children who wait again: {count}."), count=taken)
    struct, template = _FORMS.get(str(act), _FORMS["yes"])
    about: dict[str, Any] = {"scheme": round_.scheme, "period_start": round_.period_start, "key": new_key()}
    begun = blank(request, struct, chosen=" ".join(chosen), **about)
    return page(request, template, form=begun, **_about(request, session, round_, chosen))


_YES, _INVITE, _LEAVE = "passes/review_yes.html", "passes/review_invite.html", "passes/review_leave.html"
_FORMS: Final[dict[str, tuple[type[ChosenForm], str]]] = {
    "yes": (YesForm, _YES),
    "invite": (InviteForm, _INVITE),
    "leave": (LeaveForm, _LEAVE),
}
_NAMED = 20


def _about(request: AnyRequest, session: Session, round_: Round, chosen: list[str]) -> dict[str, Any]:
    persons = ChosenForm(scheme="", period_start=round_.period_start, chosen=" ".join(chosen), key="").persons
    municipality = municipality_of(request)
    names: dict[UUID, str] = {}
    if len(persons) <= _NAMED:
        names = review_queue.names_of(session, persons)
        # Beside the request's own transaction: a form that is shown again has shown them as well.
        with record_outside(database_of(request), municipality.id) as outside:
            review_queue.note_named(outside, municipality, names, actor_of(request))
    promised = promise(session, municipality, round_, persons)
    return {"round": round_, "promise": promised, "names": list(names.values()), "alone": review.ALONE, **_WORDS}


def _again(request: AnyRequest, session: Session, data: Mapping[str, Any]) -> tuple[Round, dict[str, Any]]:
    """The round that a form is about, and what its page shows beside the form."""
    sent = read_form(data, ChosenForm)
    round_ = _named_round(request, session, sent.scheme, sent.period_start)
    return round_, _about(request, session, round_, sent.chosen.split())


@post(f"{REVIEW}/yes", status_code=303, **_MAY)
@transactional
def decide(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Say yes to the chosen children."""
    round_, about = _again(request, session, data)
    with redisplaying(request, _YES, YesForm, data, **about):
        form = read_form(data, YesForm)
        if is_repeated(session, principal_of(request), form.key):
            return redirect(request, _where_it_went(request, session), _DONE_ALREADY, kind="info")
        grounds = Grounds(form.reason, form.evidence, form.reference)
        municipality, keys = municipality_of(request), keys_of(request)
        made = say_yes(session, municipality, keys, round_, form.persons, grounds, actor_of(request))
    return _told(request, made, REVIEW)


def _where_it_went(request: AnyRequest, session: Session) -> str:
    """Where a decision is seen after it was made: whoever clicked twice wants to see that it waits, where it does."""
    own = principal_of(request).account_id
    return HELD if any(one.made_by == own for one in review_queue.held_decisions(session)) else REVIEW


_DONE_ALREADY: Final = N_("That form was sent already; it has its effect once.")


def _told(request: AnyRequest, made: Decided, path: str) -> Redirect:
    if made.state == "held":
        said = N_("The decision about {count} children waits for a second person.")
        return redirect(request, HELD, said, kind="info", count=made.children)
    said = N_("Children decided: {count}. Passes issued: {passes}. Letters for the next print batch: {letters}.")
    passes, letters = made.passes_issued, made.letters_queued
    return redirect(request, path, said, count=made.children, passes=passes, letters=letters)


@post(f"{REVIEW}/invitation", status_code=303, **_MAY)
@transactional
def invite_families(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Invite the families of the chosen children to apply."""
    round_, about = _again(request, session, data)
    with redisplaying(request, _INVITE, InviteForm, data, **about):
        form = read_form(data, InviteForm)
        if is_repeated(session, principal_of(request), form.key):
            return redirect(request, REVIEW, _DONE_ALREADY, kind="info")
        made = invite(session, municipality_of(request), round_, form.persons, form.reason, actor_of(request))
    said = N_("Children invited: {count}. Letters for the next print batch: {letters}.")
    return redirect(request, REVIEW, said, count=made.children, letters=made.letters_queued)


@post(f"{REVIEW}/left", status_code=303, **_MAY)
@transactional
def leave(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Leave the chosen children aside."""
    round_, about = _again(request, session, data)
    with redisplaying(request, _LEAVE, LeaveForm, data, **about):
        form = read_form(data, LeaveForm)
        if is_repeated(session, principal_of(request), form.key):
            return redirect(request, REVIEW, _DONE_ALREADY, kind="info")
        until, actor = form.until, actor_of(request)
        made = review.leave(session, municipality_of(request), round_, form.persons, form.reason, until, actor)
    return redirect(request, REVIEW, N_("Children left aside: {count}."), count=len(made.children))


@get(HELD, **_MAY)
@transactional
def show_held(request: AnyRequest, session: Session) -> Response[str]:
    """The decisions about many children that wait for a second person."""
    held = review_queue.held_decisions(session)
    return page(request, "passes/review_held.html", held=held, own=principal_of(request).account_id, **_WORDS)


@post(f"{HELD}/{{act_id:uuid}}/approval", status_code=303, **_MAY)
@transactional
def approve(request: AnyRequest, session: Session, act_id: FromPath[UUID]) -> Redirect:
    """Approve a decision about many children, and issue their passes."""
    made = approve_yes(session, municipality_of(request), keys_of(request), act_id, actor_of(request))
    return _told(request, made, HELD)


@post(f"{HELD}/{{act_id:uuid}}/withdrawal", status_code=303, **_MAY)
@transactional
def withdraw(request: AnyRequest, session: Session, act_id: FromPath[UUID]) -> Redirect:
    """Withdraw a decision that nobody has approved."""
    review.withdraw_yes(session, municipality_of(request), act_id, actor_of(request))
    return redirect(request, HELD, N_("The decision is withdrawn; its children wait again."))


def _named_round(request: AnyRequest, session: Session, scheme: str | None, period_start: date | None) -> Round:
    found = find_round(session, municipality_of(request), scheme, period_start)
    if found is None:
        raise NotFound("Nothing has been determined yet. Run a refresh first.")
    return found


ROUTES = [
    show_queue,
    find_households,
    download_queue,
    choose,
    decide,
    invite_families,
    leave,
    show_held,
    approve,
    withdraw,
]
"""The pages of the review queue."""
