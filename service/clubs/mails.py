"""What clubs are told by e-mail, in the language of their municipality.

An e-mail about an account goes also to whom the club named as its contact in the last two months: somebody who got
into the club's account may have changed the contact first.
"""

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlmodel import Session

from service.clubs.desk import Desk
from service.clubs.queries import Club, PayeeLine
from service.errors import N_, Text
from service.identity.messages import send_email
from service.values import clock
from service.values.accounts import mask_account
from service.web.formats import show
from service.web.texts import translator

TOLD_AFTER: Final = timedelta(days=60)
"""How long a contact is told of accounts after another has taken its place."""

_RECEIVED: Final = (
    N_("Your club's application has come in"),
    N_(
        """Hello

{municipality} has an application of a club that names this address as its contact.
Somebody will look at it and write to you.

Did you not apply? Then you need not do anything: nothing happens before somebody has looked at it.
"""
    ),
)
_APPROVED: Final = (
    N_("{club} is approved"),
    N_(
        """Hello {name}

{municipality} has approved {club}. Children can use their leisure pass there from now on.

A second e-mail invites you to the club's page.
There you tell what the club offers, keep its data up to date, and can invite other treasurers.
"""
    ),
)
_REJECTED: Final = (
    N_("{club} was not approved"),
    N_(
        """Hello {name}

{municipality} could not approve {club}. The reason:

{reason}

You can apply again once that is put right.
"""
    ),
)
_ACCOUNT_PROPOSED: Final = (
    N_("{club}: another account was proposed"),
    N_(
        """Hello {name}

For {club} another account was proposed, to which {municipality} shall send its money from now on: {account}.

It counts only after the municipality has approved it, and some days later still.
Until then money goes to the account that was approved before.

Do you know nothing of it? Then tell the municipality at once.
"""
    ),
)
_ACCOUNT_APPROVED: Final = (
    N_("{club}: another account was approved"),
    N_(
        """Hello {name}

{municipality} has approved the account {account} of {club}.
Money goes there from {day} on, and until then to the account that was approved before.

Do you know nothing of it? Then tell the municipality at once: until that day the change can be stopped.
"""
    ),
)
_ACCOUNT_REJECTED: Final = (
    N_("{club}: the account was not approved"),
    N_(
        """Hello {name}

{municipality} has not approved the account {account} that was proposed for {club}. The reason:

{reason}

Money goes on to the account that was approved before, if there is one.
"""
    ),
)
_ACCOUNT_STOPPED: Final = (
    N_("{club}: the change of account was stopped"),
    N_(
        """Hello {name}

The account {account} of {club} was stopped before its day. Money goes on to the account that was approved before.
"""
    ),
)
_SUSPENDED: Final = (
    N_("{club} is suspended"),
    N_(
        """Hello {name}

{municipality} has suspended {club}. It takes no passes until that is lifted.
What is owed to the club stays owed. The reason:

{reason}
"""
    ),
)
_REINSTATED: Final = (
    N_("{club} is no longer suspended"),
    N_(
        """Hello {name}

{municipality} has lifted the suspension of {club}. Children can use their leisure pass there again.
"""
    ),
)
_ENDED: Final = (
    N_("{club} has ended in Medspiller"),
    N_(
        """Hello {name}

{municipality} has ended {club}'s part in the leisure pass. What is owed to the club stays owed; its page is closed.
"""
    ),
)
_CONTACT_CHANGED: Final = (
    N_("{club} has another contact"),
    N_(
        """Hello {name}

{club} has told {municipality} that somebody else is its contact from now on.

Do you know nothing of it? Then tell the municipality at once.
"""
    ),
)
_NEMKONTO: Final = N_("NemKonto")
_COST_CENTRE: Final = N_("the cost centre {cost_centre}")


def tell_received(session: Session, desk: Desk, email: str) -> None:
    """That an application has come in. Nothing that the applicant wrote stands in it: it may be anybody."""
    _send(session, desk, [(email, "")], _RECEIVED, {})


def tell_approved(session: Session, desk: Desk, club: Club) -> None:
    """That the club may begin."""
    _tell(session, desk, club, _APPROVED)


def tell_rejected(session: Session, desk: Desk, to: tuple[str, str], club: str, reason: str) -> None:
    """Why a club was not approved; `to` is the address and name of whoever applied."""
    _send(session, desk, [to], _REJECTED, {"club": club, "reason": reason})


def tell_account_proposed(session: Session, desk: Desk, club: Club, payee: PayeeLine) -> None:
    """That somebody wants the club's money to go elsewhere."""
    _tell(session, desk, club, _ACCOUNT_PROPOSED, widely=True, account=_named(desk, payee))


def tell_account_approved(session: Session, desk: Desk, club: Club, payee: PayeeLine) -> None:
    """That the club's money will go elsewhere, and from when on."""
    day = show(payee.usable_from, desk.municipality.language)
    _tell(session, desk, club, _ACCOUNT_APPROVED, widely=True, account=_named(desk, payee), day=day)


def tell_account_rejected(session: Session, desk: Desk, club: Club, payee: PayeeLine, reason: str) -> None:
    """Why an account was not approved."""
    _tell(session, desk, club, _ACCOUNT_REJECTED, widely=True, account=_named(desk, payee), reason=reason)


def tell_account_stopped(session: Session, desk: Desk, club: Club, payee: PayeeLine) -> None:
    """That an account was stopped before money went there."""
    _tell(session, desk, club, _ACCOUNT_STOPPED, widely=True, account=_named(desk, payee))


def tell_suspended(session: Session, desk: Desk, club: Club, reason: str) -> None:
    """That the club may not take passes for now."""
    _tell(session, desk, club, _SUSPENDED, reason=reason)


def tell_reinstated(session: Session, desk: Desk, club: Club) -> None:
    """That the club may take passes again."""
    _tell(session, desk, club, _REINSTATED)


def tell_ended(session: Session, desk: Desk, club: Club) -> None:
    """That the club's part is over."""
    _tell(session, desk, club, _ENDED)


def tell_contact_changed(session: Session, desk: Desk, before: Club) -> None:
    """To the contact that was, that there is another."""
    _tell(session, desk, before, _CONTACT_CHANGED)


def _tell(
    session: Session, desk: Desk, club: Club, words: tuple[str, str], *, widely: bool = False, **values: Any
) -> None:
    to = [(club.contact_email, club.contact_name or "")] if club.contact_email else []
    if widely:
        to += _earlier(session, club)
    _send(session, desk, to, words, {"club": club.name} | values)


def _earlier(session: Session, club: Club) -> list[tuple[str, str]]:
    rows = session.execute(
        text(
            """SELECT DISTINCT ON (email) email, name FROM club_past_contact
            WHERE club_id = :club AND ended_at > :since AND email <> :now ORDER BY email, ended_at DESC"""
        ),
        {"club": club.id, "since": clock.now() - TOLD_AFTER, "now": club.contact_email or ""},
    ).all()
    return [(row.email, row.name) for row in rows]


def _send(
    session: Session, desk: Desk, to: list[tuple[str, str]], words: tuple[str, str], values: dict[str, Any]
) -> None:
    translate = translator(desk.municipality.language).gettext
    subject, body = words
    for email, name in to:
        known = {"municipality": desk.municipality.name, "name": name} | values
        said = Text(body, known).said(translate)
        # A subject is one line, and a club's name may be as long as one.
        headline = " ".join(Text(subject, known).said(translate).split())[:200]
        send_email(session, desk.keys, email, headline, said)


def _named(desk: Desk, payee: PayeeLine) -> str:
    """An account so that the club knows it again; the whole number stands in no e-mail."""
    if payee.account:
        return mask_account(payee.account)
    translate = translator(desk.municipality.language).gettext
    if payee.kind == "nemkonto":
        return translate(_NEMKONTO)
    return Text(_COST_CENTRE, {"cost_centre": payee.cost_centre}).said(translate)
