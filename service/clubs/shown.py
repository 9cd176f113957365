"""Clubs as the API shows them."""

from uuid import UUID

import msgspec
from sqlmodel import Session

from schemas.club import ClubActivity, ClubChange, ClubDetail, ClubPayee, ClubSummary
from service.clubs import queries
from service.clubs.actions import ClubData
from service.clubs.queries import Activity, Club, ListedClub, PayeeLine
from service.clubs.settings import agreement_of
from service.identity.access import AnyRequest, municipality_of, principal_of
from service.values import clock
from service.values.accounts import mask_account


def summary_of(one: ListedClub) -> ClubSummary:
    """A club as it is listed."""
    return msgspec.convert(one, ClubSummary, from_attributes=True)


def activity_of(one: Activity) -> ClubActivity:
    """Something that a club offers."""
    return msgspec.convert(one, ClubActivity, from_attributes=True)


def detail_of(request: AnyRequest, session: Session, club_id: UUID) -> ClubDetail:
    """A club with all that belongs to it."""
    club = queries.club_of(session, club_id)
    offers, lines = queries.activities_of(session, club_id), queries.payees_of(session, club_id)
    told = {name: getattr(club, name) for name in ClubDetail.__struct_fields__ if hasattr(club, name)}
    return ClubDetail(
        **told,
        activities=len(offers),
        account_waiting=any(one.state == "proposed" for one in lines),
        without_payee=not any(one.state in ("approved", "replaced") for one in lines),
        agreement_current=club.agreement_version == agreement_of(session, municipality_of(request)).version,
        offers=[activity_of(one) for one in offers],
        payees=[line_of(request, session, one) for one in lines],
    )


def line_of(request: AnyRequest, session: Session, one: PayeeLine) -> ClubPayee:
    """A payee, its account whole only for those who need it: who approves accounts, and the club itself."""
    principal = principal_of(request)
    whole = principal.may("clubs.approve_account") or principal.may("club.own")
    today = clock.today(municipality_of(request).time_zone)
    paid = queries.payee_for(session, one.club_id, today)
    told = {name: getattr(one, name) for name in ClubPayee.__struct_fields__ if hasattr(one, name)}
    if one.account is not None and not whole:
        told["account"] = mask_account(one.account)
    return ClubPayee(**told, paid_today=paid is not None and paid.id == one.id)


def merged(club: Club, change: ClubChange) -> ClubData:
    """What a club tells of itself, with what is changed of it."""
    now = ClubData(club.name, club.contact_name, club.contact_email, club.contact_phone, club.members)
    named = {
        name: getattr(change, name) for name in change.__struct_fields__ if getattr(change, name) is not msgspec.UNSET
    }
    return msgspec.structs.replace(now, **named)
