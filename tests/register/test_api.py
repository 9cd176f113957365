"""The register over the API: imports, what was rejected, and confirming what the gate held."""

import csv
from collections.abc import Callable, Iterator
from datetime import date
from io import StringIO
from pathlib import Path
from uuid import uuid4

import pytest
from httpx import Response

from service.database.engine import Database
from service.identity.actions import add_municipality, find_municipality
from service.register import api
from service.register.made_up import Extract, write_extract
from tests.calls import Callers, Client, callers_of, done, every_item, wrong
from tests.conftest import Medspiller

IMPORTS = "/api/v1/register/imports"


@pytest.fixture
def callers(database: Database, medspiller: Medspiller, at: Callable[[str], None]) -> Iterator[Callers]:
    at("2017-01-15T08:00Z")
    medspiller("municipality", "add", "0751", "Medby", "--country", "dk")
    with database.transaction() as session:
        municipality = find_municipality(session, "0751")
    with callers_of(database, municipality) as found:
        yield found


@pytest.fixture
def extract(tmp_path: Path) -> Extract:
    return write_extract(tmp_path, households=60, on=date(2017, 1, 1))


@pytest.fixture
def system(callers: Callers) -> Client:
    return callers.system("register")


def upload(client: Client, key: str | None = None, **files: Path | str) -> Response:
    """Post files; a text is the whole content of one."""
    contents = {name: (f"{name}.csv", f if isinstance(f, str) else f.read_bytes()) for name, f in files.items()}
    return client.post(IMPORTS, files=contents, headers={"Idempotency-Key": key} if key else {})


def uploads(installation: Path) -> list[Path]:
    folder = installation / "uploads"
    return list(folder.iterdir()) if folder.exists() else []


def spoiled(extract: Extract) -> str:
    """The population with a relation in every tenth row that there is not, and its last row twice."""
    header, *lines = extract.population.read_text(encoding="utf-8").splitlines(keepends=True)
    for at in range(0, len(lines), 10):
        for relation in ("provider", "child", "other"):
            lines[at] = lines[at].replace(f",{relation},", ",uncle,")
    return "".join([header, *lines, lines[-1]])


def torn(extract: Extract) -> str:
    lines = extract.population.read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(lines[: len(lines) // 2])


def test_an_extract_is_imported_and_told_of(
    callers: Callers, system: Client, extract: Extract, database: Database, installation: Path
) -> None:
    outcome = done(database, system, upload(system, population=extract.population, income=extract.income))
    assert uploads(installation) == []
    found = system.get(f"{IMPORTS}/{outcome['id']}").json()
    assert (found["state"], found["households"], found["persons"]) == ("merged", 60, extract.persons)
    assert (found["incomes"], found["decisions"], found["imported_by"]) == (extract.incomes, 0, None)
    assert str(installation) not in str(outcome)

    again = done(database, system, upload(system, population=extract.population))
    assert again["unchanged"] == extract.persons
    first_page = system.get(IMPORTS, params={"limit": 1}).json()
    assert [one["id"] for one in first_page["items"]] == [again["id"]]
    assert system.get(IMPORTS, params={"limit": 1, "after": first_page["next"]}).json() == {
        "items": [found],
        "next": None,
    }
    assert every_item(system, IMPORTS, state="held") == []
    assert len(every_item(system, IMPORTS, state="merged")) == 2
    assert every_item(callers.person("case_worker"), IMPORTS)[1] == found


def test_what_was_rejected_is_listed_with_its_values_masked(
    system: Client, extract: Extract, database: Database, installation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = done(database, system, upload(system, population=spoiled(extract)))
    address = f"{IMPORTS}/{outcome['id']}/rejections"
    assert outcome["rejected"] > 8
    listed = every_item(system, address)
    assert len(listed) == outcome["rejected"] + outcome["warnings"]
    assert listed[0] == {
        "file": "population.csv",
        "line": 2,
        "field": "relation",
        "value": "uncle",
        "reason": listed[0]["reason"],
        "accepted": False,
    }
    assert len(every_item(system, address, accepted="false")) == outcome["rejected"]
    assert len(every_item(system, address, accepted="true")) == outcome["warnings"]

    monkeypatch.setattr(api, "_LINES_A_CHUNK", 3)
    answer = system.get(f"{address}.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="rejected.csv"'
    rows = list(csv.DictReader(StringIO(answer.text)))
    shown = [{name: str(value) for name, value in one.items() if name != "accepted"} for one in listed]
    assert rows == shown
    [written] = installation.glob("imports/*/rejected.csv")
    with written.open(encoding="utf-8", newline="") as file:
        assert sorted(map(str, csv.DictReader(file))) == sorted(map(str, rows))
    numbers = {line.split(",")[1] for line in extract.population.read_text(encoding="utf-8").splitlines()[1:]}
    assert len(numbers) > 100 and not any(number in answer.text for number in numbers)


def test_nothing_rejected_is_an_empty_list(system: Client, extract: Extract, database: Database) -> None:
    outcome = done(database, system, upload(system, decisions="person_id,ground,percent,valid_from,valid_to\n"))
    address = f"{IMPORTS}/{outcome['id']}/rejections"
    assert system.get(address).json() == {"items": [], "next": None}
    assert system.get(f"{address}.csv").text.splitlines() == ["file,line,field,value,reason"]


def test_a_wrong_upload_is_refused_and_leaves_nothing(system: Client, installation: Path) -> None:
    assert list(wrong(upload(system, incomes="x"))) == ["incomes"]
    files = {"income": ("income.csv", "person_id,year,amount\n")}
    assert list(wrong(system.post(IMPORTS, files=files, data={"year": "2017", "basis": "final"}))) == ["year", "basis"]
    for nothing in ({}, {"json": {"income": "x"}}, {"data": {"income": "x"}}):
        assert system.post(IMPORTS, **nothing).status_code == 422  # type: ignore[arg-type]
    assert upload(system, "k" * 201, income="person_id,year,amount\n").status_code == 422
    assert uploads(installation) == []


def test_a_repeated_upload_is_one_order(system: Client, installation: Path) -> None:
    first = upload(system, "k1", income="person_id,year,amount\n")
    again = upload(system, "k1", income="person_id,year,amount\n")
    assert (again.status_code, again.json(), again.headers["location"]) == (
        202,
        first.json(),
        first.headers["location"],
    )
    assert [path.name for path in uploads(installation)] == [first.json()["id"]]
    for other in ({"income": "person_id,year,amount,basis\n"}, {"decisions": "person_id,year,amount\n"}):
        assert upload(system, "k1", **other).status_code == 409
    second = upload(system, "k2", income="person_id,year,amount\n")
    assert second.json()["id"] != first.json()["id"]
    assert {path.name for path in uploads(installation)} == {first.json()["id"], second.json()["id"]}


def test_what_is_held_is_confirmed_by_a_second_person(
    callers: Callers, system: Client, extract: Extract, database: Database
) -> None:
    done(database, system, upload(system, population=extract.population))
    first, second = callers.person("case_worker"), callers.person("case_worker", "second@example.org")
    held = done(database, first, upload(first, population=torn(extract)))
    [shown] = every_item(first, IMPORTS, state="held")
    assert shown["id"] == held["id"] and "where the last one had" in shown["held_because"]
    assert shown["imported_by"] is not None

    confirmation = f"{IMPORTS}/{held['id']}/confirmation"
    assert "Your role does not allow this" in system.post(confirmation).json()["detail"]
    refused = first.post(confirmation)
    assert refused.status_code == 409 and "a second person must" in refused.json()["detail"]
    key = {"Idempotency-Key": "once"}
    ordered = second.post(confirmation, headers=key)
    assert done(database, second, ordered)["state"] == "merged"
    assert second.get(f"{IMPORTS}/{held['id']}").json()["confirmed_by"] not in (None, shown["imported_by"])
    assert second.post(confirmation, headers=key).json() == ordered.json()
    late = second.post(confirmation)
    assert late.status_code == 409 and "it is merged" in late.json()["detail"]


def test_nobody_sees_the_imports_of_another_municipality(
    callers: Callers, system: Client, extract: Extract, database: Database
) -> None:
    outcome = done(database, system, upload(system, population=spoiled(extract)))
    with database.transaction() as session:
        other = add_municipality(session, "0101", "Storby", "dk")
    stranger = callers.person("case_worker", "stranger@example.org", other)
    assert stranger.get(IMPORTS).json() == {"items": [], "next": None}
    for import_id in (outcome["id"], uuid4()):
        for address in ("", "/rejections", "/rejections.csv"):
            assert stranger.get(f"{IMPORTS}/{import_id}{address}").status_code == 404
        assert stranger.post(f"{IMPORTS}/{import_id}/confirmation").status_code == 404
    assert callers.system("register", municipality=other).get(f"{IMPORTS}/{outcome['id']}").status_code == 404


@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("GET", ""),
        ("POST", ""),
        ("GET", "/{id}"),
        ("GET", "/{id}/rejections"),
        ("GET", "/{id}/rejections.csv"),
        ("POST", "/{id}/confirmation"),
    ],
)
def test_who_may_not_is_refused(callers: Callers, method: str, address: str, installation: Path) -> None:
    at = IMPORTS + address.format(id=uuid4())
    # A body that would be taken: what is refused must be refused before anything is kept.
    files = {"income": ("income.csv", "person_id,year,amount\n")} if (method, address) == ("POST", "") else None
    assert callers.nobody().request(method, at, files=files).status_code == 401
    stranger = callers.nobody()
    stranger.headers["Authorization"] = "Bearer medspiller_unknown"
    assert stranger.request(method, at, files=files).status_code == 401
    for client in (callers.system("schemes", "eligibility"), callers.person("finance_officer")):
        assert client.request(method, at, files=files).status_code == 403
    assert uploads(installation) == []


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 201}, "limit"),
        ({"after": "nonsense"}, "after"),
        ({"after": "IjEi"}, "after"),
        ({"state": "lost"}, "state"),
    ],
)
def test_wrong_questions_name_the_field(system: Client, asked: dict[str, str], field: str) -> None:
    assert list(wrong(system.get(IMPORTS, params=asked))) == [field]


def test_wrong_questions_of_rejections(system: Client, extract: Extract, database: Database) -> None:
    outcome = done(database, system, upload(system, population=extract.population))
    address = f"{IMPORTS}/{outcome['id']}/rejections"
    assert set(wrong(system.get(address, params={"accepted": "maybe", "limit": "many"}))) == {"accepted", "limit"}
    assert list(wrong(system.get(address, params={"after": "WyJhIl0"}))) == ["after"]
    assert system.get(f"{IMPORTS}/17").status_code == 404
