"""How a stay was, said without a name: by families with a code that counts once, by volunteers from the stay's page.

Nothing here is noted in the trail: its time would tell who said what.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final, Literal
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.database.tenancy import act_for
from service.errors import Conflict, NotFound
from service.stays.queries import StayRow, find_stay
from service.travel.models import AGAIN, AUDIENCES, Opinion
from service.travel.rules import FEWEST_ANSWERS, code_of, read_code, week_of
from service.values.secrecy import KeyRing, TenantSecrets

_KIND: Final = "opinion"
MARKS: Final = ("overall", "children", "travel")


class Said(msgspec.Struct, frozen=True):
    """What somebody says of a stay: marks from 1, bad, to 5, good."""

    overall: int
    again: Literal["yes", "perhaps", "no"]
    children: int | None = None
    travel: int | None = None
    words: str = ""


class Code(msgspec.Struct, frozen=True):
    """A family's code that somebody has typed: what it is kept as, and the stay that it is for."""

    hash: bytes
    stay: StayRow
    tenant_id: UUID
    time_zone: str


class Results(msgspec.Struct, frozen=True):
    """What an audience said. With too few answers everything but their number is empty.

    `averages` and `again` (shares of the answers) are by name; `words` are in an order that tells nothing.
    """

    audience: str
    answers: int
    averages: dict[str, float | None]
    again: dict[str, float]
    words: list[str]

    @property
    def shown(self) -> bool:
        return self.answers >= FEWEST_ANSWERS


def draw_codes(
    session: Session, tenant_id: UUID, keys: KeyRing, stay_id: UUID, offers: Sequence[UUID]
) -> dict[UUID, str]:
    """The code of each family that comes to a stay, the same each time it is asked for.

    It is made of the offer with a key outside the database: nothing kept leads from a code to a family.
    """
    secrets = keys.for_tenant(tenant_id)
    codes = {offer: _code(secrets, offer) for offer in offers}
    hashes = [keys.lookup_hash(_KIND, code) for code in codes.values()]
    new = (
        session.execute(
            text(
                """INSERT INTO opinion_code (tenant_id, hash, stay_id, audience, used)
                SELECT CAST(:tenant AS uuid), hash, :stay, 'family', false
                FROM unnest(CAST(:hashes AS bytea[])) AS given (hash)
                ON CONFLICT (tenant_id, hash) DO NOTHING RETURNING hash"""
            ),
            {"tenant": tenant_id, "stay": stay_id, "hashes": hashes},
        )
        .scalars()
        .all()
    )
    session.execute(
        text("SELECT directory.keep_secrets(:kind, CAST(:hashes AS bytea[]), CAST(:stays AS uuid[]))"),
        {"kind": _KIND, "hashes": list(new), "stays": [stay_id] * len(new)},
    )
    return codes


def _code(secrets: TenantSecrets, offer_id: UUID) -> str:
    return code_of(secrets.hash(f"opinion {offer_id}"))


def find_code(session: Session, keys: KeyRing, written: str) -> Code:
    """The stay that a family's code is for; the transaction acts for its organisation from now on."""
    code = read_code(written)
    if code is None:
        raise NotFound("There is no such code. It has 12 letters and figures and stands in your letter.")
    hashed = keys.lookup_hash(_KIND, code)
    found = session.execute(
        text(
            """SELECT s.tenant_id, s.subject_id, t.time_zone FROM directory.find_secret(:kind, :hash) AS s
            JOIN directory.list_tenants() AS t ON t.id = s.tenant_id"""
        ),
        {"kind": _KIND, "hash": hashed},
    ).one_or_none()
    if found is None:
        raise NotFound("There is no such code. It has 12 letters and figures and stands in your letter.")
    act_for(session, found.tenant_id)
    sql = "SELECT used FROM opinion_code WHERE hash = :hash"
    used = session.execute(text(sql), {"hash": hashed}).scalar_one_or_none()
    if used is None:
        raise NotFound("This code is not valid any more.")
    if used:
        raise Conflict("With this code somebody has answered already. Thank you!")
    return Code(hashed, find_stay(session, found.subject_id), found.tenant_id, found.time_zone)


def require_over(stay: StayRow, today: date) -> None:
    """Refuse an opinion of a stay whose last day has not come yet."""
    if today < stay.ends_on:
        raise Conflict("How the stay was can be said from its last day on, {day}.", day=stay.ends_on)


def say_as_family(session: Session, code: Code, said: Said, today: date) -> None:
    """Keep what a family says, and its code as used; of two at once one is kept."""
    require_over(code.stay, today)
    used = session.execute(
        text("UPDATE opinion_code SET used = true WHERE hash = :hash AND NOT used RETURNING 1"), {"hash": code.hash}
    ).one_or_none()
    if used is None:
        raise Conflict("With this code somebody has answered already. Thank you!")
    _keep(session, code.tenant_id, code.stay.id, "family", said, today)


def say_as_volunteer(
    session: Session, tenant_id: UUID, keys: KeyRing, stay: StayRow, account_id: UUID, said: Said, today: date
) -> None:
    """Keep what somebody of the organisation says of a stay, once."""
    require_over(stay, today)
    # Who has answered is kept as a keyed hash, what was said beside it and without it.
    hashed = keys.lookup_hash("opinion of a volunteer", f"{stay.id} {account_id}")
    new = session.execute(
        text(
            """INSERT INTO opinion_code (tenant_id, hash, stay_id, audience, used)
            VALUES (:tenant, :hash, :stay, 'volunteer', true) ON CONFLICT (tenant_id, hash) DO NOTHING RETURNING 1"""
        ),
        {"tenant": tenant_id, "hash": hashed, "stay": stay.id},
    ).one_or_none()
    if new is None:
        raise Conflict("You have said already how this stay was. Thank you!")
    _keep(session, tenant_id, stay.id, "volunteer", said, today)


def _keep(session: Session, tenant_id: UUID, stay_id: UUID, audience: str, said: Said, today: date) -> None:
    given = msgspec.structs.asdict(said) | {"words": said.words.strip()}
    session.add(
        Opinion(tenant_id=tenant_id, id=uuid4(), stay_id=stay_id, audience=audience, week=week_of(today), **given)
    )
    session.flush()


def results_of(session: Session, stay_id: UUID) -> list[Results]:
    """What was said of a stay, by families and by volunteers. Fewer answers than five are counted and not shown."""
    # The ids are random, and so is their order: it does not tell who was first.
    sql = "SELECT audience, overall, children, travel, again, words FROM opinion WHERE stay_id = :stay ORDER BY id"
    rows = session.execute(text(sql), {"stay": stay_id}).all()
    found = []
    for audience in AUDIENCES:
        own = [row for row in rows if row.audience == audience]
        shown = len(own) >= FEWEST_ANSWERS
        marks = {name: [getattr(row, name) for row in own if getattr(row, name) is not None] for name in MARKS}
        averages = {
            name: sum(given) / len(given) if len(given) >= FEWEST_ANSWERS else None for name, given in marks.items()
        }
        again = {one: sum(row.again == one for row in own) / len(own) for one in AGAIN} if shown else {}
        words = [row.words for row in own if row.words] if shown else []
        found.append(Results(audience, len(own), averages, again, words))
    return found
