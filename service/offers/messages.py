"""What a family is written about an offer, by e-mail or text, or who referred it on its behalf.

A message holds the way to the offer and nothing of the family: who gets hold of a phone does not read a name in it.
"""

from base64 import b64decode, b64encode
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.database.tasks import defer
from service.database.tenancy import INSTALLATION
from service.errors import N_, Text, Translate
from service.identity.messages import QUEUE as EMAILS
from service.identity.messages import send_email
from service.letters.texting import QUEUE, TASK, TextMessage
from service.offers.desk import Desk
from service.offers.queries import OfferRow
from service.offers.rules import Contact, mobile
from service.referrals.outcomes import TASK as REFERRERS
from service.values.secrecy import CannotDecrypt, KeyRing
from service.web.formats import show
from service.web.texts import translator

_SUBJECT: Final = N_("An offer of a free holiday: please answer by {deadline}")
_TEXT: Final = N_(
    """Hello

{organisation} offers your family a free holiday: {centre}, {first_day} to {last_day}.

Please say yes or no by {deadline}. Open this address, on a phone too; you need no account:

{url}

The place is kept for you until then. If you say no, it goes to another family.
"""
)
_SHORT: Final = N_(
    "{organisation} offers your family a free holiday: {centre}, {first_day} to {last_day}. Answer by {deadline}: {url}"
)
_REMIND_SUBJECT: Final = N_("Please answer by {deadline}: an offer of a free holiday")
_REMIND_SHORT: Final = N_(
    "{organisation} waits for your answer: a free holiday, {first_day} to {last_day}. Answer by {deadline}: {url}"
)
_REFERRER_SUBJECT: Final = N_("An offer for a family that you referred: answer by {deadline}")
_REFERRER_TEXT: Final = N_(
    """Hello

{organisation} offers a free holiday to the family {family} on your list: {centre}, {first_day} to {last_day}.

Please tell the family, and answer on its behalf by {deadline} if it cannot do so itself. The family may also have this
address, and needs no account:

{url}

The place is kept until then. Without an answer it goes to another family.
"""
)


def address_of(desk: Desk, contact: Contact) -> str:
    """The page on which the family answers."""
    return f"{desk.public_url}/answer/{contact.secret}"


def tell(session: Session, desk: Desk, offer: OfferRow, contact: Contact, *, again: bool = False) -> bool:
    """Queue what is written about an offer, with the commit; a letter is printed and not sent. Whether it was queued.

    `again` reminds of an offer that waits for an answer.
    """
    translate: Translate = translator(offer.language).gettext

    def say(template: str) -> str:
        return Text(template, values).said(translate)

    deadline = offer.deadline.astimezone(ZoneInfo(desk.tenant.time_zone)).date()
    values = {
        "organisation": desk.tenant.name,
        "centre": offer.centre,
        "family": offer.family_key,
        "first_day": show(offer.starts_on, offer.language),
        "last_day": show(offer.ends_on, offer.language),
        "deadline": show(deadline, offer.language),
        "url": address_of(desk, contact),
    }
    if offer.via == "text" and offer.phone and (number := mobile(offer.phone)):
        send_text(session, desk.keys, number, say(_REMIND_SHORT if again else _SHORT))
    elif offer.via == "email" and contact.email:
        send_email(session, desk.keys, contact.email, say(_REMIND_SUBJECT if again else _SUBJECT), say(_TEXT))
    elif offer.via == "referrer" and contact.email:
        send_email(session, desk.keys, contact.email, say(_REFERRER_SUBJECT), say(_REFERRER_TEXT))
    elif offer.via == "referrer":
        return _tell_referrers(session, offer)
    else:
        return False
    return True


def _tell_referrers(session: Session, offer: OfferRow) -> bool:
    """Let the municipality's side write to whoever referred the family; false where its referrals are not here."""
    municipality = session.execute(text("SELECT directory.told_of_offer(:offer)"), {"offer": offer.id}).scalar()
    if municipality is None:
        return False
    ids = {"municipality": str(municipality), "season": str(offer.season_id), "family": offer.family_key}
    return defer(session, REFERRERS, queue=EMAILS, **ids)


def send_text(session: Session, keys: KeyRing, to: str, said: str) -> None:
    """Queue a text message in this transaction; it leaves within seconds of the commit, and never after a rollback."""
    content = msgspec.json.encode(TextMessage(to, said))
    sealed = keys.for_tenant(INSTALLATION).encrypt_bytes(content)
    defer(session, TASK, queue=QUEUE, sealed=b64encode(sealed).decode())


def unseal_text(keys: KeyRing, sealed: str) -> TextMessage:
    """The text message that lay in the queue; raises CannotDecrypt where it is damaged or its key is retired."""
    content = keys.for_tenant(INSTALLATION).decrypt_bytes(b64decode(sealed))
    try:
        return msgspec.json.decode(content, type=TextMessage)
    except msgspec.DecodeError:
        raise CannotDecrypt("What was sealed is no text message.") from None
