"""Random seasons on the database: the account, its report and what is left of it after names are erased agree with a
slow count of what was made up.
"""

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from service.account.counting import COUNTS, Row
from service.account.report import MEASURES, Figures, SeasonFigures, lines_of
from service.allocation.planning import child_hash
from service.stays import seasons
from service.stays.families import Traveller
from service.values import clock
from tests.account.slow import Found, MadeFamily, MadeOffer, MadeStay, slow_account
from tests.account.summer import Summer
from tests.allocation.season import family
from tests.stays.camp import DATES, Camp, stay

LISTS_CAME = date(2026, 7, 4)
PLACES = ("Bergvik", "Nabovik", "Uvik")
ENDED = ("declined", "expired", "cancelled", "withdrawn", "stay_cancelled")


@st.composite
def made_stays(draw: st.DrawFn) -> list[MadeStay]:
    return [
        MadeStay(
            code=f"S{number}",
            starts_on=date(2026, 6, 27) + timedelta(days=7 * draw(st.integers(0, 5))),
            youngest=draw(st.integers(0, 9)),
            oldest=draw(st.integers(9, 17)),
            cancelled=draw(st.booleans()),
            confirmed=draw(st.integers(0, 2)),
        )
        for number in range(draw(st.integers(1, 3)))
    ]


@st.composite
def made_seasons(draw: st.DrawFn) -> tuple[list[MadeStay], list[MadeFamily]]:
    stays = draw(made_stays())
    codes = st.sampled_from([one.code for one in stays])
    # Around the ages of children, so that a birthday falls on and beside the first day of a stay.
    births = st.one_of(
        st.dates(date(2007, 6, 20), date(2026, 1, 1)),
        st.sampled_from([date(2008, 6, 27), date(2008, 6, 28), date(2008, 2, 29), date(1990, 1, 1)]),
    )
    families = []
    for number in range(draw(st.integers(0, 6))):
        born = tuple(draw(st.lists(births, min_size=1, max_size=4)))
        homes = st.integers(0, len(born))
        offers = [
            MadeOffer(draw(codes), draw(st.sampled_from(ENDED)), draw(homes)) for _ in range(draw(st.integers(0, 2)))
        ]
        if draw(st.booleans()):
            offers.append(MadeOffer(draw(codes), draw(st.sampled_from(["open", "accepted"])), draw(homes)))
        living = bool(offers) and offers[-1].state in ("open", "accepted")
        families.append(
            MadeFamily(
                municipality=draw(st.sampled_from(PLACES)),
                key=f"F{number}",
                births=born,
                wishes=tuple(draw(st.lists(codes, unique=True, max_size=2))),
                offers=tuple(offers),
                place=offers[-1].stay if living else draw(st.none() | codes),
                gone=draw(st.integers(0, 4)) == 0,
                late=draw(st.booleans()),
                last=draw(st.none() | st.just(2020)),
            )
        )
    return stays, families


def make(camp: Camp, number: int, stays: list[MadeStay], families: list[MadeFamily]) -> Summer:
    """A season on the database as it was made up."""
    by = camp.actor("coordinator")
    with camp.session(camp.organisation) as session:
        camp.season = seasons.add_season(session, camp.organisation, camp.district, f"Season {number}", DATES, by)
    ids: dict[str, UUID] = {}
    for one in stays:
        changes = {"min_child_age": one.youngest, "max_child_age": one.oldest, "volunteers": 2, "min_families": 0}
        ids[one.code] = camp.add(stay(one.code, one.starts_on, **changes))
        for _ in range(one.confirmed):
            camp.as_owner(
                """WITH v AS (INSERT INTO volunteer (tenant_id, name, phone, email) VALUES (:t, 'V', '', '')
                    RETURNING id)
                INSERT INTO stay_role (tenant_id, stay_id, role, state, volunteer_id)
                SELECT :t, :s, 'helper', 'confirmed', id FROM v""",
                t=camp.organisation,
                s=ids[one.code],
            )
    with camp.session(camp.organisation) as session:
        seasons.publish_season(session, camp.organisation, camp.season, by)
    summer = Summer(camp)
    listed = [
        (
            one,
            family(
                one.key,
                0,
                *(ids[code] for code in one.wishes),
                births=one.births,
                late=one.late,
                last=one.last,
                municipality=one.municipality,
            ),
        )
        for one in families
    ]
    summer.lists(*(row for _, row in listed))
    for each in families:
        for offer in each.offers:
            summer.offer(each.key, offer.stay, offer.state, stay_at_home=offer.at_home, municipality=each.municipality)
        if each.place is not None:
            summer.place_at(each.key, each.place, each.municipality)
        else:
            camp.as_owner(
                "UPDATE placement SET stay_id = NULL WHERE season_id = :s AND family_key = :k",
                s=camp.season,
                k=each.key,
            )
    summer.lists(*(row for one, row in listed if not one.gone))
    for made in stays:
        if made.cancelled:
            camp.as_owner("UPDATE stay SET state = 'cancelled', cancelled_at = now() WHERE id = :id", id=ids[made.code])
    return summer


def named(summer: Summer, rows: list[Row]) -> Found:
    """The figures of rows by the names of places and stays."""
    places = {summer.camp.place(name): name for name in PLACES}
    codes = {id_: code for code, id_ in summer.camp.stays.items()}
    found: Found = Counter()
    for row in rows:
        place = places[row.municipality_id] if row.municipality_id else None
        code = codes[row.stay_id] if row.stay_id else None
        for name in COUNTS:
            found[place, code, name] += getattr(row, name)
    return +found


@pytest.fixture
def district(camp: Camp) -> Camp:
    camp.plan("A1")
    return camp


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made_seasons())
def test_a_random_season_is_counted_closed_and_kept(
    district: Camp, at: Callable[[str], None], made: tuple[list[MadeStay], list[MadeFamily]]
) -> None:
    stays, families = made
    at(f"{LISTS_CAME}T08:00Z")
    district.stays = {}
    number = len(district.rows(district.organisation, "SELECT FROM season"))
    summer = make(district, number, stays, families)
    expected = slow_account(stays, families, LISTS_CAME)
    live = summer.counted()
    assert named(summer, live.rows) == expected
    at("2026-09-01T08:00Z")
    closed = summer.close()
    assert named(summer, summer.kept()[1]) == expected
    refused = sum(count for (_, _, name), count in expected.items() if name == "refused_families")
    assert (closed.refused_families, len(live.refused)) == (refused, refused)
    # Every child of a refused family, of those whom no family with an offer or a place brings along.
    children = [
        {
            child_hash(summer.secrets, Traveller(one.name, one.birth_date))
            for of in found
            if of.listed
            for one in of.listed.travellers
            if one.birth_date > date(2008, 6, 20)
        }
        for found in (live.refused, live.offered)
    ]
    assert summer.credits() == len(children[0] - children[1]) == closed.credits
    with summer.camp.session(summer.tenant) as session:
        # As if the names were gone: the figures do not need them.
        session.execute(text("UPDATE season SET names_erased_at = '2027-04-01' WHERE id = :id"), {"id": summer.season})
        for table in ("received_wish", "received_traveller", "received_family"):
            session.execute(text("SELECT directory.erase_season_names(:t, 1000)"), {"t": table})
    assert named(summer, summer.kept()[1]) == expected
    assert clock.now().year == 2026


COUNT = st.integers(0, 4)


@st.composite
def random_rows(draw: st.DrawFn) -> list[SeasonFigures]:
    found = []
    for _ in range(draw(st.integers(0, 5))):
        district = UUID(int=draw(st.integers(1, 2)))
        stays = [UUID(int=draw(st.integers(100, 110))) for _ in range(draw(st.integers(0, 3)))]
        places = [None, *(UUID(int=district.int * 10 + number) for number in range(3))]
        rows = [
            Row(place, stay_id, **{name: draw(COUNT) for name in COUNTS})
            for place in places
            for stay_id in (None, *stays)
            if (place or stay_id) and draw(st.booleans())
        ]
        found.append(SeasonFigures(draw(st.sampled_from([2024, 2025, 2026])), district, rows))
    return found


@given(random_rows())
def test_a_report_adds_up(figures: list[SeasonFigures]) -> None:
    """Each line by itself: picked out of all rows and added, measure by measure."""
    districts = {UUID(int=number): f"District {number}" for number in (1, 2)}
    places = {UUID(int=d * 10 + n): f"Place {n}" for d in (1, 2) for n in range(3)}
    lines = lines_of(2026, figures, districts, places)
    assert (lines[0].district, lines[0].municipality) == (None, None)
    seen = set()
    for line in lines:
        seen.add((line.district, line.municipality))
        for year, shown in ((2026, line.now), (2025, line.before)):
            picked = [
                row
                for season in figures
                if season.year == year and line.district in (None, districts[season.district])
                for row in season.rows
                if line.municipality is None or places.get(row.municipality_id or UUID(int=0)) == line.municipality
            ]
            assert shown == _added(picked, of_municipality=line.municipality is not None)
    wanted = {
        (districts[season.district], places[row.municipality_id] if row.municipality_id else None)
        for season in figures
        if season.year in (2025, 2026)
        for row in season.rows
    }
    assert wanted <= seen
    assert [(one.district or "", one.municipality or "") for one in lines] == sorted(
        (district or "", place or "") for district, place in seen
    )


def _added(rows: list[Row], *, of_municipality: bool) -> Figures:
    values: dict[str, int | None] = dict.fromkeys(MEASURES, 0)
    stays = set()
    for row in rows:
        for name in MEASURES:
            if name != "stays":
                values[name] = (values[name] or 0) + getattr(row, name)
        if row.stay_id:
            stays.add(row.stay_id)
    values["stays"] = len(stays)
    if of_municipality:
        values["volunteers"] = None
    return Figures(**values)  # type: ignore[arg-type]
