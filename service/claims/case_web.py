"""The municipality's page of one claim: everything that it takes to decide it, and the decision."""

from collections.abc import Mapping
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.claims import cases, decisions
from service.claims.cases import Case
from service.claims.decisions import LONGEST_NOTE
from service.claims.queue_forms import CLAIMS, DECIDE, DONE, READ, WORDS, QueueForm
from service.claims.rules import BY_HAND, REJECTED
from service.claims.words import PRESETS, STATES
from service.database.requests import transactional
from service.errors import N_
from service.identity.access import AnyRequest, actor_of, municipality_of, principal_of
from service.identity.form_keys import FormKey, is_repeated, new_key
from service.web.forms import FormData, Kroner, Redisplayed, blank, read_form, redisplaying
from service.web.pages import page, redirect, said
from service.web.texts import translator

_ONE: Final = f"{CLAIMS}/{{claim_id:uuid}}"
_CASE: Final = "claims/staff_case.html"
_REJECT: Final = "claims/staff_reject.html"
TO_REJECT: Final = (*BY_HAND[:-1], *REJECTED, BY_HAND[-1])
"""The reasons for which a case worker rejects, in the order in which they are offered."""


class ApprovalForm(msgspec.Struct, frozen=True):
    """Approve a claim, whole or less of it."""

    key: FormKey
    covered: Annotated[Kroner | None, Meta(title=N_("What the pass pays"), gt=0, lt=10**15)] = None
    note: Annotated[str | None, Meta(title=N_("To the club"), max_length=LONGEST_NOTE)] = None


class RejectionForm(msgspec.Struct, frozen=True):
    """Reject a claim: why, and what the club shall do; `seen` is the state in which it was looked at."""

    reason: Annotated[str, Meta(title=N_("Reason"), max_length=40)]
    note: Annotated[str, Meta(title=N_("What the club shall do"), max_length=LONGEST_NOTE)]
    seen: Annotated[str, Meta(title=N_("State"), max_length=40)]
    key: FormKey


@get(_ONE, **READ)
@transactional
def show_case(request: AnyRequest, session: Session, claim_id: FromPath[UUID]) -> Response[str]:
    """A claim with everything that it takes to decide it. The read is in the audit trail."""
    asked, found = read_form(dict(request.query_params), QueueForm), _read(request, session, claim_id)
    form = blank(request, ApprovalForm, key=new_key(), covered=found.covered_ore)
    return page(request, _CASE, form=form, **_context(request, session, found, asked))


def _read(request: AnyRequest, session: Session, claim_id: UUID) -> Case:
    names = principal_of(request).may("claims.decide")
    return cases.case(session, municipality_of(request), claim_id, actor_of(request), names=names)


def _context(request: AnyRequest, session: Session, found: Case, asked: QueueForm) -> dict[str, Any]:
    following = cases.next_waiting(session, municipality_of(request), asked.wanted, found.id)
    return {
        "one": found,
        "asked": asked,
        "back": asked.at(),
        "next": None if following in (None, found.id) else asked.at(f"{CLAIMS}/{following}"),
        "to_reject": TO_REJECT,
        **WORDS,
    }


@post(f"{_ONE}/approval", status_code=303, **DECIDE)
@transactional
def approve(
    request: AnyRequest, data: FormData, session: Session, claim_id: FromPath[UUID]
) -> Redirect | Response[str]:
    """Approve a claim, and go on to the next one that waits."""
    asked, found = read_form(data, QueueForm), _read(request, session, claim_id)
    municipality, actor = municipality_of(request), actor_of(request)
    try:
        with redisplaying(request, _CASE, ApprovalForm, _renewed(data), **_context(request, session, found, asked)):
            form = read_form(data, ApprovalForm)
            # A refusal undoes the key with it: the form may be put right and sent with the same.
            with session.begin_nested():
                if is_repeated(session, principal_of(request), form.key):
                    return redirect(request, asked.at(f"{CLAIMS}/{claim_id}"), DONE, kind="info")
                paid_on = decisions.approve_claim(session, municipality, claim_id, actor, form.covered, form.note)
    except Redisplayed as again:
        # Returned, not raised: the page shows the case, so that it was seen must be committed.
        return _moved_on(request, session, claim_id, "submitted", asked) or again.response
    message = N_("The claim of {club} is approved; it is expected to be paid on {day}.")
    return _onward(request, session, asked, claim_id, message, club=found.club_name, day=paid_on)


@get(f"{_ONE}/rejection", **DECIDE)
@transactional
def ask_rejection(request: AnyRequest, session: Session, claim_id: FromPath[UUID]) -> Response[str] | Redirect:
    """From the reason to what the club is told, which may be written anew."""
    asked, why = read_form(dict(request.query_params), QueueForm), request.query_params.get("why")
    found = _read(request, session, claim_id)
    if why not in TO_REJECT:
        return redirect(request, asked.at(f"{CLAIMS}/{claim_id}"), N_("Choose the reason first."), kind="warning")
    # The club reads it: in the municipality's language, whatever the case worker's is.
    note = translator(municipality_of(request).language).gettext(PRESETS[why]) if PRESETS[why] else None
    form = blank(request, RejectionForm, reason=why, note=note, seen=found.state, key=new_key())
    return page(request, _REJECT, form=form, **_context(request, session, found, asked))


@post(f"{_ONE}/rejection", status_code=303, **DECIDE)
@transactional
def reject(request: AnyRequest, data: FormData, session: Session, claim_id: FromPath[UUID]) -> Redirect | Response[str]:
    """Reject a claim, and go on to the next one that waits."""
    asked, found = read_form(data, QueueForm), _read(request, session, claim_id)
    municipality, actor = municipality_of(request), actor_of(request)
    try:
        with redisplaying(request, _REJECT, RejectionForm, _renewed(data), **_context(request, session, found, asked)):
            form = read_form(data, RejectionForm)
            # A refusal undoes the key with it: the form may be put right and sent with the same.
            with session.begin_nested():
                if is_repeated(session, principal_of(request), form.key):
                    return redirect(request, asked.at(f"{CLAIMS}/{claim_id}"), DONE, kind="info")
                decisions.reject_claim(session, municipality, claim_id, form.reason, form.note, actor, form.seen)
    except Redisplayed as again:
        seen = str(data.get("seen", ""))
        return _moved_on(request, session, claim_id, seen, asked) or again.response
    message = N_("The claim of {club} is rejected. The club is told why, and what to do.")
    return _onward(request, session, asked, claim_id, message, club=found.club_name)


def _moved_on(request: AnyRequest, session: Session, claim_id: UUID, seen: str, asked: QueueForm) -> Redirect | None:
    """Where somebody else was quicker: to the claim as it stands now, and say so. None where it is as it was."""
    now = cases.state_of(session, claim_id)
    if now == seen:
        return None
    message = N_("Nothing was changed: somebody else was quicker. The claim is now: {state}.")
    state = said(request, STATES[now])
    return redirect(request, asked.at(f"{CLAIMS}/{claim_id}"), message, kind="warning", state=state)


def _onward(
    request: AnyRequest, session: Session, asked: QueueForm, after: UUID, message: str, **values: Any
) -> Redirect:
    """To the next claim that waits in the part of the queue that somebody works on; after the last to the queue."""
    following = cases.next_waiting(session, municipality_of(request), asked.wanted, after)
    path = CLAIMS if following is None else f"{CLAIMS}/{following}"
    return redirect(request, asked.at(path), message, kind="success", **values)


def _renewed(data: Mapping[str, Any]) -> dict[str, Any]:
    # Shown again, a form must count again.
    return dict(data) | {"key": new_key()}


ROUTES = [show_case, approve, ask_rejection, reject]
"""The pages of one claim."""
