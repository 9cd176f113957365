"""A season with lists and offers, as the offers' own pages would leave them, and its account."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.account import closing
from service.account.closing import Closed
from service.account.counting import Counted, Row, count_season
from service.account.report import Report, read_report
from service.identity.actions import Tenant, find_tenant
from service.stays.families import ListedFamily
from service.stays.queries import SeasonRow, find_season, stays_of
from service.values import clock
from tests.allocation.season import Planning
from tests.stays.camp import Camp

DURING, AFTERWARDS, MUCH_LATER = "2026-07-01T08:00Z", "2026-08-20T08:00Z", "2027-03-01T08:00Z"
ZONE = "Europe/Oslo"


class Summer(Planning):
    """What was planned, and what became of it."""

    def __init__(self, camp: Camp, season: UUID | None = None) -> None:
        super().__init__(camp)
        self.season = season or camp.season

    @property
    def organisation(self) -> Tenant:
        with self.camp.database.transaction() as session:
            return find_tenant(session, "organisation", "ferie")

    def row(self) -> SeasonRow:  # type: ignore[override]
        with self.camp.session(self.tenant) as session:
            return find_season(session, self.season)

    def stay(self, code: str) -> UUID:
        with self.camp.session(self.tenant) as session:
            return next(one.id for one in stays_of(session, self.season) if one.code == code)

    def lists_of(self, session: Session, name: str, *families: tuple[str, ListedFamily]) -> None:
        """Let one municipality alone hand over its next version."""
        session.execute(
            text("SELECT directory.take_over_list(:season, :place, CAST(:families AS jsonb), '[]', '{}', :at)"),
            {"season": self.season, "place": self.camp.place(name), "at": clock.now()}
            | {"families": msgspec.json.encode([one for _, one in families]).decode()},
        )

    def place_at(self, key: str, code: str, municipality: str = "Uvik") -> None:
        """Let a family of the lists hold a place."""
        self.camp.as_owner(
            """INSERT INTO placement (tenant_id, season_id, municipality_id, family_key, stay_id, persons, beds, locked,
                how, revision, changed_at) VALUES (:t, :s, :m, :k, :stay, 20, 0, false, 'hand', 1, now())
            ON CONFLICT (tenant_id, season_id, municipality_id, family_key) DO UPDATE SET stay_id = :stay""",
            t=self.tenant,
            s=self.season,
            m=self.camp.place(municipality),
            k=key,
            stay=self.stay(code),
        )

    def offer(
        self, key: str, code: str, state: str = "accepted", *, stay_at_home: int = 0, municipality: str = "Uvik"
    ) -> None:
        """Offer a family of the newest list a place, and say what became of that; so many of it do not come along."""
        self.place_at(key, code, municipality)
        with self.camp.session(self.tenant) as session:
            place = {"s": self.season, "m": self.camp.place(municipality), "k": key}
            made = session.execute(
                text(
                    """INSERT INTO offer (tenant_id, season_id, municipality_id, family_key, stay_id, state, via,
                        deadline, made_at)
                    VALUES (:t, :s, :m, :k, :stay, :state, 'letter', now(), now()) RETURNING id"""
                ),
                place | {"t": self.tenant, "stay": self.stay(code), "state": state},
            ).scalar_one()
            session.execute(
                text(
                    """INSERT INTO offer_traveller (tenant_id, offer_id, place, name, birth_date, comes)
                    SELECT t.tenant_id, :offer, t.place, t.name, t.birth_date, t.place > :home
                    FROM received_traveller t JOIN received_family f ON f.id = t.family_id
                    JOIN received_list l ON l.id = f.list_id
                    WHERE (l.season_id, l.municipality_id, f.key) = (:s, :m, :k) AND l.number = (SELECT max(n.number)
                        FROM received_list n WHERE (n.season_id, n.municipality_id) = (:s, :m))"""
                ),
                place | {"offer": made, "home": stay_at_home},
            )

    def cancel(self, code: str) -> None:
        """Cancel a stay; what was offered there ends with it."""
        self.camp.as_owner(
            "UPDATE offer SET state = 'stay_cancelled' WHERE stay_id = :id AND state IN ('open', 'accepted')",
            id=self.stay(code),
        )
        self.camp.as_owner(
            "UPDATE stay SET state = 'cancelled', cancelled_at = now() WHERE id = :id", id=self.stay(code)
        )

    def counted(self) -> Counted:
        with self.camp.session(self.tenant) as session:
            return count_season(session, find_season(session, self.season), ZONE)

    def kept(self) -> tuple[bool, list[Row]]:
        with self.camp.session(self.tenant) as session:
            return closing.rows_of(session, find_season(session, self.season), ZONE)

    def close(self) -> Closed:
        with self.camp.session(self.tenant) as session:
            return closing.close_account(session, self.tenant, ZONE, self.camp.keys, self.season, self.by)

    def report(self, year: int = 2026) -> Report:
        with self.camp.session(self.tenant) as session:
            return read_report(session, self.tenant, "Ferie for alle", ZONE, year, self.by)

    def credits(self) -> int:
        [(found,)] = self.camp.rows(
            self.tenant, "SELECT count(*) FROM refusal_credit WHERE season_id = :s", s=self.season
        )
        return int(found)


def total(rows: Sequence[Row]) -> dict[str, int]:
    """The sums of the rows' figures that are not zero."""
    names = [name for name in Row.__struct_fields__ if not name.endswith("_id")]
    found = {name: sum(getattr(one, name) for one in rows) for name in names}
    return {name: count for name, count in found.items() if count}


def in_order(rows: Sequence[Row]) -> list[str]:
    """Rows to be compared, whatever their order."""
    return sorted(msgspec.json.encode(one).decode() for one in rows)
