"""A season whose lists have come: families by their contacts, put on the lists of the camp's municipalities."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import msgspec
from sqlalchemy import text

from service.allocation import draw, runs
from service.allocation.planning import FamilyId, Planned, read_plan
from service.stays.families import ListedFamily, Traveller
from service.stays.queries import find_season
from service.values import clock
from service.values.secrecy import TenantSecrets
from tests.stays.camp import TODAY, Camp

AFTER = date(2026, 5, 15)
"""When the lists are closed."""
CHILD, ADULT, GRANDMOTHER = date(2017, 3, 1), date(1988, 4, 2), date(1950, 5, 3)


def family(
    key: str,
    persons: int = 3,
    *wishes: UUID,
    need: int = 3,
    births: Sequence[date] | None = None,
    contact: str | None = None,
    late: bool = False,
    last: int | None = None,
    municipality: str = "Uvik",
) -> tuple[str, ListedFamily]:
    """A family of two adults (of one, where it is two persons) and children of nine years, on a municipality's list."""
    adults = 1 if persons < 3 else 2
    dates = births or [ADULT] * adults + [CHILD] * (persons - adults)
    travellers = tuple(Traveller(f"{contact or key} {place}", born) for place, born in enumerate(dates, start=1))
    listed = ListedFamily(
        key=key,
        need=need,
        contact_name=contact or f"Contact {key}",
        phone="90000000",
        language="nb",
        interpreter=False,
        late=late,
        travellers=travellers,
        wishes=tuple(str(one) for one in wishes),
        last_participation=last,
    )
    return municipality, listed


class Planning:
    """The camp with a season; what is done with it is the coordinator's."""

    def __init__(self, camp: Camp) -> None:
        self.camp, self.tenant, self.season = camp, camp.organisation, camp.season
        self.by = camp.actor("coordinator")

    @property
    def secrets(self) -> TenantSecrets:
        return self.camp.keys.for_tenant(self.tenant)

    def lists(self, *families: tuple[str, ListedFamily]) -> None:
        """Let every municipality hand over the next version of its list, with these of its families and no other."""
        for name in ("Bergvik", "Nabovik", "Uvik"):
            listed = [one for place, one in families if place == name]
            with self.camp.session(self.tenant) as session:
                session.execute(
                    text("SELECT directory.take_over_list(:season, :place, CAST(:families AS jsonb), '[]', '{}', :at)"),
                    {"season": self.season, "place": self.camp.place(name), "at": clock.now()}
                    | {"families": msgspec.json.encode(listed).decode()},
                )

    def id(self, key: str, municipality: str = "Uvik") -> FamilyId:
        return FamilyId(self.camp.place(municipality), key)

    def commit(self, today: date = TODAY) -> str:
        with self.camp.session(self.tenant) as session:
            return draw.commit_draw(session, self.secrets, self.tenant, self.season, today, self.by)

    def run(self, options: runs.Options | None = None, today: date = AFTER) -> UUID:
        with self.camp.session(self.tenant) as session:
            asked = options or runs.Options()
            return runs.make_run(session, self.secrets, self.tenant, self.season, asked, today, self.by)

    def confirm(self, run_id: UUID) -> int:
        with self.camp.session(self.tenant) as session:
            return runs.confirm_run(session, self.secrets, self.tenant, run_id, self.by)

    def row(self, run_id: UUID) -> runs.RunRow:
        with self.camp.session(self.tenant) as session:
            return runs.find_run(session, run_id)

    def told(self, run_id: UUID) -> dict[str, runs.Told]:
        """What every family of a run is told, by the key of its list."""
        with self.camp.session(self.tenant) as session:
            return {one.id.key: one for one in runs.families_of_run(session, self.secrets, run_id)}

    def plan(self) -> Planned:
        with self.camp.session(self.tenant) as session:
            return read_plan(session, find_season(session, self.season))

    def placed(self) -> dict[str, str | None]:
        """The stay of each family that is on a list or holds a place, by its key."""
        planned = self.plan()
        codes = {one.id: one.code for one in planned.stays}
        return {one.id.key: codes.get(one.stay_id) if one.stay_id else None for one in planned.families}

    def lock(self, key: str, code: str, municipality: str = "Uvik", persons: int = 3) -> None:
        """Place a family by hand."""
        self.camp.as_owner(
            """INSERT INTO placement (tenant_id, season_id, municipality_id, family_key, stay_id, persons, beds, locked,
                how, revision, changed_at)
            VALUES (:t, :s, :m, :k, :stay, :p, :p, true, 'hand', 1, now())""",
            t=self.tenant,
            s=self.season,
            m=self.camp.place(municipality),
            k=key,
            stay=self.camp.stays[code],
            p=persons,
        )
