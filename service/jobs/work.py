"""What a job is made of: an entry of the timetable, the place it runs for, and what its body gets to work with.

What is not in the timetable is ordered: a `Kind` is what can be ordered, an `Ordered` one order.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor
from service.database.engine import Database
from service.database.keys import open_keys
from service.database.tenancy import INSTALLATION
from service.errors import NotFound
from service.identity.actions import Municipality, Tenant
from service.jobs.rules import When
from service.settings import Settings
from service.values.progress import Progress
from service.values.secrecy import KeyRing

JOB = Actor(door="job")
# Jobs of the installation as a whole are kept under this tenant, which is nobody's.


class Place(msgspec.Struct, frozen=True):
    """Where a job runs: a municipality, a volunteer organisation, or the installation as a whole, whose clock on the
    wall is UTC.

    `code` is the municipality's or organisation's, or `installation`. `since`: nothing is due before it.
    """

    id: UUID
    code: str
    time_zone: str
    since: datetime
    municipality: Municipality | None
    organisation: Tenant | None = None

    @property
    def kind(self) -> str:
        """Which jobs run here: `municipality`, `organisation` or `installation`."""
        if self.municipality is not None:
            return "municipality"
        return "installation" if self.organisation is None else "organisation"


Arguments = TypeVar("Arguments", bound=msgspec.Struct)


class Ordered(msgspec.Struct, frozen=True):
    """An order as its body sees it: its id, what was asked for, and who asked, for the audit trail."""

    id: UUID
    arguments: dict[str, Any]
    actor: Actor

    def read(self, form: type[Arguments]) -> Arguments:
        """The arguments in the form that `orders.ARGUMENTS` gives this kind."""
        return msgspec.convert(self.arguments, form)


class Work(msgspec.Struct, frozen=True):
    """What a job's body works with; `on` is the date its run was planned for, in the place's time zone."""

    database: Database
    settings: Settings
    place: Place
    period: str
    on: date
    progress: Progress
    order: Ordered | None = None

    def keys(self) -> KeyRing:
        """The key ring of the installation."""
        return open_keys(self.database)

    @property
    def municipality(self) -> Municipality:
        """The municipality of a job that runs for one."""
        if self.place.municipality is None:
            raise TypeError("Only a job of a municipality has one.")
        return self.place.municipality

    @property
    def organisation(self) -> Tenant:
        """The volunteer organisation of a job that runs for one."""
        if self.place.organisation is None:
            raise TypeError("Only a job of a volunteer organisation has one.")
        return self.place.organisation

    @property
    def ordered(self) -> Ordered:
        """The order of a run that was ordered."""
        if self.order is None:
            raise TypeError("A run of the timetable is nobody's order.")
        return self.order


class Told(msgspec.Struct, frozen=True):
    """What came of a run in words, and the same for a machine: ids and counts, never personal data."""

    said: str
    outcome: dict[str, Any] | None


class Whole(msgspec.Struct, frozen=True):
    """A body that is one transaction: what it did and that it is done are committed together. Returns the result."""

    run: Callable[[Session, Work], str | Told]


class Steps(msgspec.Struct, frozen=True):
    """A body with transactions of its own, or an effect outside the database; doing it twice must do it once."""

    run: Callable[[Work], str | Told]


class Job(msgspec.Struct, frozen=True):
    """An entry of the timetable.

    `late`: how long after its time a run may still be made up for; of several missed ones the newest alone, unless
    `every_missed`. It runs for each municipality; of the `installation` once, of the `organisations` for each of those.
    """

    name: str
    says: str
    when: When
    late: timedelta
    do: Whole | Steps
    installation: bool = False
    every_missed: bool = False
    organisations: bool = False

    @property
    def kind(self) -> str:
        """For which places it runs; see `Place.kind`."""
        if self.organisations:
            return "organisation"
        return "installation" if self.installation else "municipality"


class Kind(msgspec.Struct, frozen=True):
    """Something that can be ordered at any time, with arguments."""

    name: str
    says: str
    do: Whole | Steps


Timetable = Sequence[Job]
Kinds = Sequence[Kind]


def find_job(timetable: Timetable, name: str, kind: str) -> Job:
    """The job of this name for places of a kind; refused where there is none, or it runs for another kind."""
    for job in timetable:
        if job.name == name and job.kind == kind:
            return job
    other = next((job.kind for job in timetable if job.name == name), None)
    if other == "municipality":
        raise NotFound("The job {job} runs for a municipality: name it with --municipality.", job=name)
    if other == "organisation":
        raise NotFound("The job {job} runs for a volunteer organisation: name it with --organisation.", job=name)
    if other is not None:
        raise NotFound("The job {job} is the installation's: leave out --municipality.", job=name)
    names = ", ".join(job.name for job in timetable if job.kind == kind)
    raise NotFound("There is no job {job}. There are {known}.", job=name, known=names)


def places(session: Session) -> list[Place]:
    """The installation, every municipality and every volunteer organisation; none before there is a municipality."""
    rows = session.execute(
        text(
            """SELECT id, kind, code, name, country, time_zone, language, created_at FROM directory.list_tenants()
            ORDER BY kind, code"""
        )
    ).all()
    municipalities = [row for row in rows if row.kind == "municipality"]
    if not municipalities:
        return []
    first = min(row.created_at for row in municipalities)
    found = [Place(INSTALLATION, "installation", "UTC", first, None)]
    for row in municipalities:
        municipality = msgspec.convert(row, Municipality, from_attributes=True)
        found.append(Place(row.id, row.code, row.time_zone, row.created_at, municipality))
    for row in rows:
        if row.kind == "organisation":
            organisation = msgspec.convert(row, Tenant, from_attributes=True)
            found.append(Place(row.id, row.code, row.time_zone, row.created_at, None, organisation))
    return found


def find_place(session: Session, code: str | None, kind: str = "municipality") -> Place:
    """The municipality, or the organisation where that is the `kind`, with this code; with None the installation."""
    wanted = "installation" if code is None else kind
    for place in places(session):
        if place.kind == wanted and code in (None, place.code):
            return place
    if code is None:
        raise NotFound("Nothing runs before there is a municipality. Add it with `medspiller municipality add`.")
    if kind == "organisation":
        raise NotFound("There is no volunteer organisation with the code {code}.", code=code)
    raise NotFound(
        "There is no municipality with the code {code}. Add it with `medspiller municipality add`.", code=code
    )
