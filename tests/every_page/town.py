"""A small town in which every page has something to show: rows of every kind, and somebody to look at each page."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from uuid import UUID

from sqlalchemy import Connection, NullPool, create_engine

from jobs.worker import Worker
from schemas.refresh import RefreshRequest
from service.audit.actions import Actor
from service.console import keys
from service.database.engine import Database
from service.database.tenancy import act_for
from service.eligibility.ordering import order_refresh
from service.eligibility.review import Grounds
from service.identity import second_factor
from service.identity.access import Place
from service.identity.actions import add_member
from service.identity.members import invite
from service.identity.organisations import add_organisation, add_volunteer_organisation
from service.identity.sessions import make_link, open_session
from service.identity.tokens import make_token
from service.passes.household_notes import add_note, set_contact
from service.passes.on_the_spot import issue_on_the_spot, spot_round
from service.settings import load
from tests.conftest import Medspiller
from tests.every_page.clubs import claim_and_pay, open_clubs
from tests.every_page.holidays import (
    ASTHMA,
    FAMILIES,
    HELPER,
    THEIR_PHONE,
    WHY,
    allocate,
    offer_places,
    offer_season,
    place_on_board,
    refer_and_hand_over,
    travel,
)
from tests.every_page.pages import PAGES, STAFF, address_of
from tests.identity.signing_in import code_of
from tests.passes.town import HIGH, IN_2017, Town

DISTRICTS = ("Midtbyen", "Vestergård", "Nordhavn")
STREET, PROTECTED = "Kastanjealleen 4", "Skjulestien 9"
CHILDREN = ("Alma", "Birk", "Cilla", "David")
FAMILY = "Prøvesen"
NOTE, REASON = "Faren ringede: de flytter i marts.", "Moderen viste en lønseddel fra Bageren."
PHONE = "22 33 44 55"
CODE = "0751"


class EveryPage:
    """The town, the secrets of its people's sessions by viewer, and the address of every page."""

    def __init__(self, medspiller: Medspiller, database: Database, folder: Path) -> None:
        self.database = database
        self.town = Town(medspiller, database, folder)
        self.club = open_clubs(self.town)
        self._people()
        self._year(folder)
        claim_and_pay(self.town, self.club, ["Alma1", "Birk1", "Cilla1"])
        season, stay = offer_season(self.town, self.holidays, self.coordinator)
        refer_and_hand_over(self.town, season, stay, self.service, self.nurse, self.staff)
        allocate(self.town, self.holidays, season, self.coordinator)
        place_on_board(self.town, self.holidays, season, stay, self.coordinator)
        travel(self.town, self.holidays, stay, self.coordinator)
        link, form = offer_places(self.town, self.holidays, season, self.coordinator)
        self.secrets |= {f"/answer/{{secret:str}}{end}": f"{link}{end}" for end in ("", "/no")}
        self.secrets["/seasons/{season_id:uuid}/offers/one"] = form
        self._by_hand()
        self._held()
        with self.owner() as connection:
            self.addresses = {page.path: address_of(page.path, connection, self.tenant, self.secrets) for page in PAGES}

    @property
    def tenant(self) -> UUID:
        return self.town.municipality.id

    @contextmanager
    def owner(self) -> Iterator[Connection]:
        with create_engine(self.database.owner_url, poolclass=NullPool).connect() as connection:
            yield connection

    def personal(self) -> list[str]:
        """Everything that tells who somebody is or how they live, as it stands in files and on pages."""
        people = [str(row[field]) for row in self.town.people for field in ("given_name", "person_id")]
        letters = [number for (number,) in self.town.rows("SELECT number FROM letter")]
        passes = [row["pass_number"] for row in self.town.listed()]
        households = [f"={row['household_id']}" for row in self.town.people]
        said = [FAMILY, STREET, PROTECTED, NOTE, REASON, PHONE, "@by.example", "@klub.example", "@ferie.example"]
        said += [WHY, ASTHMA, THEIR_PHONE, HELPER, *(one.name for family in FAMILIES for one in family)]
        return sorted({*people, *letters, *passes, *households, *said})

    def _people(self) -> None:
        """Somebody for every viewer, a service, a club, an open invitation and a token."""
        municipality = self.town.municipality
        with self.database.transaction() as session:
            self.holidays = add_volunteer_organisation(session, "ferie", "Ferie for alle", "dk").id
            act_for(session, self.tenant)
            by = Actor("page", add_member(session, self.tenant, "admin@by.example", "Astrid Admin", STAFF[0]))
            self.service = add_organisation(session, self.tenant, "service", "Skole", None, by).id
            places = {
                "referrer": (self.tenant, self.service),
                "club_treasurer": (self.tenant, self.club),
                "coordinator": (self.holidays, None),
                "volunteer": (self.holidays, None),
            }
            session.flush()
            accounts = {
                role: add_member(session, at, f"{role}@by.example", role, role, where)
                for role, (at, where) in places.items()
            }
            for role in STAFF:
                accounts["staff"] = add_member(session, self.tenant, "staff@by.example", "Sanne Sagsbehandler", role)
            accounts["guarded"] = add_member(session, self.tenant, "guarded@by.example", "Gerda", "auditor")
            ring = keys(self.database)
            enrolment = second_factor.enrol(session, ring, accounts["guarded"], "guarded@by.example")
            second_factor.confirm(session, ring, accounts["guarded"], code_of(enrolment.secret))
            self.staff, self.nurse = Actor("page", accounts["staff"]), Actor("page", accounts["referrer"])
            self.coordinator = Actor("page", accounts["coordinator"])
            place = Place(self.tenant, "municipality", CODE, municipality.name, "dk", municipality.time_zone, "da")
            make_token(session, place, "Journalsystem", ("register",), by)
            invited = invite(session, self.tenant, "ny@by.example", "Nete Ny", "auditor", None, by)
            self.sessions = {
                viewer: open_session(session, account, "provider", "a browser", strong=True)
                for viewer, account in accounts.items()
            }
            self.sessions["halfway"] = open_session(session, accounts["staff"], "email", "a browser")
            link = make_link(session, accounts["staff"], "command")
        self.secrets = {"/invitation/{secret:str}": f"/invitation/{invited.secret}"}
        self.secrets["/sign-in/link/{secret:str}"] = f"/sign-in/link/{link}"

    def _year(self, folder: Path) -> None:
        """From the register to letters that came back, one held back, and one at a protected address."""
        town = self.town
        for number, district in enumerate(DISTRICTS * 2):
            town.family(f"HUS{number}", *(f"{name}{number}" for name in CHILDREN), district=district, street=STREET)
        town.family("HUS6", "Conrad", income=HIGH, district=DISTRICTS[0])
        town.family("HUS7", "Dagmar", "Esben", income=None, district=DISTRICTS[1])
        town.family("HUS8", "Freja", street=PROTECTED, address_protected=1)
        town.family("HUS9", "Gustav", street="")
        town.load()
        town.commit(IN_2017)
        town.say("letters", "render", "--out", folder / "letters")
        town.say("letters", "hand-over")
        [(sent,)] = town.rows("SELECT min(number) FROM letter WHERE state = 'handed_over'")
        town.say("letters", "returned", sent, "--because", "moved")
        town.say("report", "make", "--scheme", "fritidspas", "--period-of", IN_2017, "--out", folder / "reports")
        town.run("jobs", "run", "seal", "--municipality", CODE)

    def _by_hand(self) -> None:
        """What people do: a dry run, a pass on the spot, a note, a colleague who follows the family."""
        town, ring = self.town, keys(self.database)
        with town.session() as session:
            order_refresh(
                session, town.municipality, RefreshRequest("fritidspas", date.fromisoformat(IN_2017)), self.staff
            )
        Worker(self.database, load(), []).once()
        [(child,)] = town.rows("SELECT id FROM person WHERE given_name = 'Dagmar'")
        [(household,)] = town.rows("SELECT id FROM household WHERE reference = 'HUS0'")
        with town.session() as session:
            round_ = spot_round(session, town.municipality)
            grounds = Grounds(REASON, "income_statement")
            issue_on_the_spot(session, town.municipality, ring, round_, child, grounds, self.staff)
        with town.session() as session:
            add_note(session, town.municipality, household, NOTE, None, self.staff)
            set_contact(session, town.municipality, household, "Kirsten Kontakt", PHONE, "", None, self.staff)

    def _held(self) -> None:
        """A refresh and an import that wait for a second person."""
        for household in list(self.town.incomes):
            self.town.incomes[household] = HIGH
        self.town.load()
        assert self.town.commit(IN_2017)["state"] == "held"
        path = self.town.folder / "population.csv"
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join(lines[: len(lines) // 3]), encoding="utf-8")
        held = self.town.say("register", "import", f"--population={path}")
        assert held["state"] == "held"
