"""A small municipality made by hand: families, their register files, and what came out for them."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import NullPool, create_engine, text
from sqlmodel import Session

from service.console import keys
from service.database.engine import Database
from service.identity.actions import find_municipality
from service.letters import printing
from service.letters.content import Letter
from service.passes.compose import compose_letters
from service.values.progress import Progress
from tests.conftest import Medspiller

CODE = "0751"
IN_2016, IN_2017 = "2016-12-01", "2017-01-15"
LOW, HIGH = 100_000, 900_000
_POPULATION = [
    "household_id",
    "person_id",
    "relation",
    "birth_date",
    "given_name",
    "family_name",
    "language",
    "street",
    "postcode",
    "city",
    "district",
    "address_protected",
]
_ADDRESS = {"street": "Prøvevej 1", "postcode": "8000", "city": "Aarhus C", "district": "midt", "address_protected": 0}


class Town:
    """Families to import, and the command line that does it. Children are named by whoever adds them."""

    def __init__(self, medspiller: Medspiller, database: Database, folder: Path) -> None:
        self.run = medspiller
        self.database = database
        self.folder = folder
        self.people: list[dict[str, Any]] = []
        self.incomes: dict[str, int] = {}
        self.awards: list[str] = []
        medspiller("municipality", "add", CODE, "Aarhus", "--country", "dk")
        with database.transaction() as session:
            self.municipality = find_municipality(session, CODE)

    def family(
        self, household: str, *children: str, income: int | None = LOW, born: str = "2010-05-17", **where: Any
    ) -> None:
        """A household with one provider, whose income may be unknown, and children of one birth date."""
        self._person(household, "provider", "1980-03-02", f"{household}s mor", **where)
        if income is not None:
            self.incomes[household] = income
        self.alone(household, *children, born=born, **where)

    def alone(self, household: str, *children: str, born: str = "2010-05-17", **where: Any) -> None:
        """Children of a household in which no provider lives."""
        for name in children:
            self._person(household, "child", born, name, **where)

    def award(self, child: str) -> None:
        """An economic free place that entitles, for both years."""
        self.awards.append(f"{self._number(child)},free_place,100,2016-01-01,2017-12-31")

    def of(self, name: str) -> dict[str, Any]:
        """The register's row of a person, to be changed before the next import."""
        return next(row for row in self.people if row["given_name"] == name)

    def _number(self, name: str) -> str:
        return str(self.of(name)["person_id"])

    def _person(self, household: str, relation: str, born: str, name: str, **where: Any) -> None:
        year, month, day = born.split("-")
        number = f"{int(day) + 60}{month}{year[2:]}{(4000 if year >= '2000' else 1000) + len(self.people)}"
        person = {"household_id": household, "person_id": number, "relation": relation, "birth_date": born}
        names = {"given_name": name, "family_name": "Prøvesen", "language": ""}
        self.people.append(person | names | _ADDRESS | where)

    def load(self) -> None:
        """Import the register as it stands now."""
        mothers = {row["household_id"]: row["person_id"] for row in self.people if row["relation"] == "provider"}
        with (self.folder / "population.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, _POPULATION)
            writer.writeheader()
            writer.writerows(self.people)
        rows = [f"{mothers[h]},{year},{kroner}" for h, kroner in self.incomes.items() for year in (2016, 2017)]
        (self.folder / "income.csv").write_text("\n".join(["person_id,year,amount", *rows]) + "\n")
        awards = ["person_id,ground,percent,valid_from,valid_to", *self.awards]
        (self.folder / "decisions.csv").write_text("\n".join(awards) + "\n")
        files = [f"--{kind}={self.folder / kind}.csv" for kind in ("population", "income", "decisions")]
        answer = self.run("register", "import", "--municipality", CODE, *files)
        assert (answer["rejected"], answer["state"]) == (0, "merged")

    def commit(self, on: str = IN_2017) -> dict[str, Any]:
        """Refresh the eligibility and keep it."""
        asked = ("--municipality", CODE, "--scheme", "fritidspas", "--on", on)
        return self.run("eligibility", "refresh", *asked, "--commit")

    def parameters(self, *written: str) -> None:
        """Change the scheme's parameters for both years."""
        for year in (2016, 2017):
            asked = ("--municipality", CODE, "--scheme", "fritidspas", "--valid-from", f"{year}-01-01")
            self.run("scheme", "set", *asked, "--source", "byrådet", *written)

    def listed(self) -> list[dict[str, str]]:
        """The rows of `passes list`."""
        out = self.folder / "passes.csv"
        self.run("passes", "list", "--municipality", CODE, "--out", out)
        with out.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def number(self, child: str) -> str:
        """The number of a child's live pass."""
        return next(r["pass_number"] for r in self.listed() if (r["given_name"], r["state"]) == (child, "live"))

    def say(self, *words: object) -> dict[str, Any]:
        """A command of this municipality: its two words, the option, the rest."""
        return self.run(*words[:2], "--municipality", CODE, *words[2:])

    def refused(self, *words: object) -> str:
        return self.run.fails(*words[:2], "--municipality", CODE, *words[2:])

    def batch(self) -> int:
        """Put what waits into print batches, without rendering them."""
        return printing.make_batches(self.database, self.municipality, keys(self.database), compose_letters, Progress())

    def send(self) -> None:
        """Note every batch as handed over, as if it had been rendered."""
        with self.session() as session:
            session.execute(text("UPDATE letter SET state = 'handed_over' WHERE state = 'batched'"))
            session.execute(text("UPDATE print_batch SET handed_over_at = now() WHERE handed_over_at IS NULL"))

    def letters(self) -> dict[str, Letter]:
        """What the letters in print batches say, by letter number."""
        secrets = keys(self.database).for_tenant(self.municipality.id)
        rows = self.rows("SELECT number, content FROM letter WHERE content IS NOT NULL ORDER BY number")
        return {n: msgspec.json.decode(secrets.decrypt_bytes(content), type=Letter) for n, content in rows}

    @contextmanager
    def session(self) -> Iterator[Session]:
        with self.database.transaction(self.municipality.id) as session:
            yield session

    @contextmanager
    def owner(self) -> Iterator[Session]:
        """The owner's transaction; what it does is kept."""
        with Session(create_engine(self.database.owner_url, poolclass=NullPool)) as session, session.begin():
            yield session

    def rows(self, query: str, **values: object) -> list[tuple[Any, ...]]:
        with self.session() as session:
            return [tuple(row) for row in session.execute(text(query), values)]

    def sound(self) -> bool:
        """Whether `database check` finds nothing; it fails with what it finds."""
        found = [line for check in self.run("database", "check")["checks"] for line in check["found"]]
        assert found == []
        return True
