"""The pages of refreshes, determinations, schemes and what-if, over the whole application."""

import csv
import gzip
import html
import io
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from httpx import Response
from sqlalchemy import text

from jobs.worker import Worker
from service.database.engine import Database
from service.eligibility import children_web
from service.identity.actions import find_municipality
from service.settings import load
from tests.calls import Callers, Client, callers_of, every_item
from tests.conftest import Medspiller
from tests.passes.town import HIGH, Town

FAMILIES = 24
DRY_RUNS = "/eligibility/dry-runs"
SAMPLE = Path(__file__).parent / "sample"
WHAT_IF = "/eligibility/what-if"


@pytest.fixture
def town(medspiller: Medspiller, database: Database, tmp_path: Path, at: Callable[[str], None]) -> Town:
    """24 poor families with a child each in the middle, a rich one in the north, and one there that is protected."""
    at("2017-01-15T08:00Z")
    made = Town(medspiller, database, tmp_path)
    for number in range(FAMILIES):
        made.family(f"H{number:02}", f"barn {number:02}", district="Midt")
    made.family("R", "rig", income=HIGH, district="Nord")
    made.family("P", "hemmelig", district="Nord", address_protected=1)
    made.family("U", "=uvis", income=None, district="Nord")
    made.load()
    return made


@pytest.fixture
def callers(town: Town, database: Database) -> Iterator[Callers]:
    with callers_of(database, town.municipality) as found:
        yield found


@pytest.fixture
def worker(callers: Callers) -> Client:
    return reader(callers, "case_worker")


def reader(callers: Callers, role: str, *who: Any) -> Client:
    """A person with this role who reads English."""
    client = callers.person(role, *who)
    client.cookies.set("language", "en", domain="testserver.local")
    return client


def text_of(answer: Response, status: int = 200) -> str:
    """What a page says, without its tags."""
    assert answer.status_code == status, answer.text
    main = answer.text.partition("<main")[2].partition("</main>")[0]
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", f"<main{main}").split()))


def key_in(answer: Response) -> str:
    found = re.search(r'name="key" value="([^"]+)"', answer.text)
    assert found is not None, answer.text
    return found[1]


def follow(database: Database, client: Client, answer: Response) -> tuple[str, Response]:
    """Let a worker do what was ordered; gives the order's id and the page of its run."""
    assert answer.status_code == 303, answer.text
    where = answer.headers["location"]
    assert where.startswith("/jobs/runs/")
    Worker(database, load(), []).once()
    return where.rpartition("/")[2], client.get(where)


def send(client: Client, path: str, data: dict[str, Any] | None = None) -> Response:
    return client.post(path, data=data or {}, follow_redirects=False)


def dry_run(database: Database, client: Client, **changes: str) -> str:
    """Make a dry run through the pages; gives its address."""
    asked = {"scheme": "fritidspas", "on": "2017-01-15", "key": key_in(client.get(DRY_RUNS))} | changes
    order, run = follow(database, client, send(client, DRY_RUNS, asked))
    assert f'href="{DRY_RUNS}/{order}"' in run.text, run.text
    return f"{DRY_RUNS}/{order}"


def kept(town: Town) -> list[tuple[Any, ...]]:
    return town.rows("SELECT state, count(*) FROM refresh_run GROUP BY 1 ORDER BY 1")


def test_from_a_dry_run_to_what_was_kept(
    town: Town, database: Database, worker: Client, at: Callable[[str], None]
) -> None:
    assert "Nothing has been determined yet" in text_of(worker.get("/eligibility"))
    address = dry_run(database, worker)
    shown = text_of(worker.get(address))
    assert "Entitled 25 before: 0" in shown and "New 25" in shown and "For a person to decide 1" in shown
    assert "Midt 24 24 0 0 0 0" in shown and "Nord 1 1 0 1 1 0" in shown
    assert "the income is within the limit 25 25 0" in shown
    assert "25,000.00 kr" in shown
    assert kept(town) == []

    confirm = text_of(worker.get(f"{address}/keep"))
    assert "25 children get a pass, worth at most 25,000.00 kr in all." in confirm
    at("2017-01-15T08:05Z")
    assert "25 letters with passes are queued." in confirm and "0 children are entitled no more." in confirm
    first, again = send(worker, f"{address}/keep"), send(worker, f"{address}/keep")
    assert first.headers["location"] == again.headers["location"]
    _, run = follow(database, worker, first)
    [(refresh,)] = town.rows("SELECT id FROM refresh_run")
    assert f'href="/eligibility/refreshes/{refresh}"' in run.text
    assert kept(town) == [("committed", 1)]
    assert town.rows("SELECT count(*) FROM leisure_pass") == [(25,)]
    assert town.rows("SELECT count(*) FROM letter") == [(25,)]
    assert "It was kept already" in text_of(worker.get(f"{address}/keep"))
    follow(database, worker, send(worker, f"{address}/keep"))
    assert kept(town) == [("committed", 1)]

    shown = text_of(worker.get(f"/eligibility/refreshes/{refresh}"))
    assert "State Kept" in shown and "By Somebody" in shown and "New 25" in shown
    history = text_of(worker.get("/eligibility"))
    assert "fritidspas 2017" in history and "Kept 25 1 1 25 0" in history
    assert "Counted on an earlier state" in text_of(worker.get(address))
    determined = worker.get(f"/eligibility/refreshes/{refresh}/children?outcome=not_entitled")
    assert "rig" in text_of(determined) and "barn" not in text_of(determined)


def test_the_children_behind_the_numbers(town: Town, database: Database, worker: Client) -> None:
    address = dry_run(database, worker)
    first = worker.get(f"{address}/children?change=new")
    assert "New (25)" in text_of(first) and "barn 00" in first.text and "hemmelig" in first.text
    by_district = worker.get(f"{address}/children?change=new&district=Nord")
    assert "hemmelig" not in by_district.text and "No child is found by this filter." in text_of(by_district)
    undecided = worker.get(f"{address}/children?change=needs_review&reason=income_missing")
    assert "=uvis" in html.unescape(undecided.text) and "barn" not in text_of(undecided)
    [person] = set(re.findall(rf'href="({address}/children/[^"]+)"', undecided.text))
    explained = text_of(worker.get(person))
    assert "a provider has no income for 2017" in explained and "Youngest age, Oldest age" in explained
    assert "Limit:" not in explained

    file = worker.post(f"{address}/children/file", data={"change": "needs_review"})
    assert file.headers["content-type"].startswith("text/csv")
    [row] = csv.DictReader(io.StringIO(file.text.removeprefix("\ufeff")))
    assert (row["given_name"], row["outcome"], row["before"]) == ("'=uvis", "needs_review", "")
    logged = town.rows(
        """SELECT action, details->'rows', details->'filters' FROM audit_entry
        WHERE action LIKE 'eligibility.%' AND details ? 'filters' ORDER BY id"""
    )
    assert logged == [
        ("eligibility.determinations.read", 25, {"change": "new"}),
        ("eligibility.determinations.read", 0, {"change": "new", "district": True}),
        ("eligibility.determinations.read", 1, {"change": "needs_review", "reason": "income_missing"}),
        ("eligibility.export", 1, {"change": "needs_review"}),
    ]


def test_the_same_over_the_api(town: Town, callers: Callers, database: Database, worker: Client) -> None:
    address = dry_run(database, worker).replace(DRY_RUNS, "/api/v1/eligibility/dry-runs")
    system = callers.system("eligibility")
    new = every_item(system, f"{address}/children", limit=10)
    assert len(new) == 25 and {child["outcome"] for child in new} == {"entitled"}
    assert [child["given_name"] for child in every_item(system, f"{address}/children", change="needs_review")] == [
        "=uvis"
    ]
    follows = {"passes": 25, "worth_ore": 2_500_000, "letters": 25, "ended_letters": 0, "revoked": 0}
    assert system.get(f"{address}/forecast").json() == follows
    asked = {"scheme": "fritidspas", "on": "2017-01-15", "overrides": {"areas": ["Nord"], "amount_ore": 200000}}
    answer = system.post("/api/v1/eligibility/what-if", json=asked).json()
    found = answer["against_in_force"]
    assert (found["gain"], found["lose"], found["then"]["cost_ore"]) == (2, 0, 5_400_000)
    assert found["now"]["entitled"] == 25 and answer["entitled"] == found["then"]["entitled"] == 27

    order, _ = follow(database, worker, send(worker, f"{DRY_RUNS}/{address.rpartition('/')[2]}/keep"))
    [(refresh,)] = town.rows("SELECT id FROM refresh_run")
    for what in ("children", "forecast"):
        assert system.get(f"/api/v1/eligibility/refreshes/{refresh}/{what}").status_code == 409
        assert system.get(f"/api/v1/eligibility/dry-runs/{order}/{what}").status_code == 404


def test_a_long_list_goes_on_page_by_page(
    town: Town, database: Database, worker: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children_web, "_ROWS", 10)
    address = dry_run(database, worker)
    page, found = worker.get(f"{address}/children?change=new"), []
    while True:
        found += re.findall(r'<a class="ds-link" href="/persons/([^"]+)"', page.text)
        following = re.search(r'href="([^"]+)" rel="next"', page.text)
        if following is None:
            break
        page = worker.get(html.unescape(following[1]))
    assert len(found) == len(set(found)) == 25


def test_who_is_lost(town: Town, database: Database, worker: Client) -> None:
    town.commit()
    town.incomes["H00"] = HIGH
    town.people = [row for row in town.people if row["household_id"] != "H01"]
    del town.incomes["H01"]
    town.load()
    address = dry_run(database, worker)
    shown = text_of(worker.get(address))
    assert "Lost 2" in shown and "Midt 22 0 2 1 0 22" in shown
    assert "the register names the child no more 0 0 1" in shown
    lost = text_of(worker.get(f"{address}/children?change=lost"))
    assert "barn 00" in lost and "barn 01" in lost and "barn 02" not in lost
    gone = worker.get(f"{address}/children?change=lost&reason=left_register")
    assert "barn 01" in gone.text and "barn 00" not in gone.text
    confirm = text_of(worker.get(f"{address}/keep"))
    assert "0 children get a pass" in confirm and "2 children are entitled no more." in confirm
    assert "Passes of this period that they have stay theirs" in confirm


def test_what_is_taken_back_is_said_before(town: Town, database: Database, worker: Client) -> None:
    town.parameters("keep_when_lost=no")
    town.commit()
    town.incomes["H00"] = HIGH
    del town.incomes["H02"]
    town.load()
    address = dry_run(database, worker)
    assert "1 pass is taken back at once." in text_of(worker.get(f"{address}/keep"))
    follow(database, worker, send(worker, f"{address}/keep"))
    assert town.rows("SELECT count(*) FROM leisure_pass WHERE state = 'revoked'") == [(1,)]


def test_a_refresh_that_is_held_takes_two(
    town: Town, callers: Callers, database: Database, worker: Client, at: Callable[[str], None]
) -> None:
    town.commit()
    for household in list(town.incomes):
        town.incomes[household] = HIGH
    town.load()
    address = dry_run(database, worker)
    _, run = follow(database, worker, send(worker, f"{address}/keep"))
    assert "It is held" in text_of(run)
    [(held,)] = town.rows("SELECT id FROM refresh_run WHERE state = 'held'")
    here = f"/eligibility/refreshes/{held}"
    shown = text_of(worker.get(here))
    assert "0 children are new and 25 are lost, where 25 were entitled before." in shown
    assert "You made it, so a colleague must approve it." in shown
    own = worker.get(f"{here}/approval")
    assert "a colleague who may approve must" in text_of(own) and "Approve it and issue" not in own.text
    assert "second person" in send(worker, f"{here}/approval").json()["detail"]
    assert "barn 03" in worker.get(f"{here}/children?change=lost").text

    colleague = reader(callers, "case_worker", "kollega@example.org")
    other = reader(callers, "administrator", "leder@example.org")
    assert "Refreshes held, to be approved" in text_of(colleague.get("/"))
    assert 'href="/eligibility"' in colleague.get("/").text
    assert "25 children are entitled no more." in text_of(colleague.get(f"{here}/approval"))
    first, second = send(colleague, f"{here}/approval"), send(other, f"{here}/approval")
    assert first.headers["location"] == second.headers["location"]
    follow(database, colleague, first)
    assert kept(town) == [("committed", 2)]
    shown = text_of(worker.get(here))
    assert "State Kept" in shown and "Approved by Somebody" in shown
    assert "not held any more" in colleague.get(f"{here}/approval").json()["detail"]


def test_a_determination_is_explained_and_amounts_are_shown_once(town: Town, callers: Callers, worker: Client) -> None:
    town.commit()
    [(determination,)] = town.rows(
        "SELECT d.id FROM determination d JOIN person p ON p.id = d.person_id WHERE given_name = 'rig'"
    )
    address = f"/eligibility/determinations/{determination}"
    page = worker.get(address)
    shown = text_of(page)
    assert "Age: 6 years (the scheme is for 3 to 17)." in shown
    assert "Not entitled: the known income is over the limit." in shown
    assert "Aarhus Kommune" in shown and "Youngest age, Oldest age" in shown
    assert "rig Prøvesen" in shown and "provider" in shown and "kr" not in shown.replace("Aarhus Kr", "")
    key = key_in(page)
    assert "Write at least 10 characters." in text_of(worker.post(address, data={"reason": "kort", "key": key}), 422)
    asked = {"reason": "Familien har klaget.", "key": key}
    unmasked = text_of(worker.post(address, data=asked))
    assert "900,000" in unmasked and "192,714" in unmasked
    reloaded = send(worker, address, asked)
    assert (reloaded.status_code, reloaded.headers["location"]) == (303, address)
    logged = town.rows(
        """SELECT reason, details->'amounts' FROM audit_entry WHERE action = 'eligibility.explain'
        AND (details->'amounts')::boolean ORDER BY id"""
    )
    assert logged == [("Familien har klaget.", True)]
    administrator = reader(callers, "administrator", "leder@example.org")
    assert "Show the amounts" not in administrator.get(address).text
    assert administrator.post(address, data=asked).status_code == 403
    assert reader(callers, "finance_officer").get(address).status_code == 403


def version(**changes: str) -> dict[str, str]:
    known = {
        "scheme": "fritidspas",
        "valid_from": "2018-01-01",
        "source": "Byrådets beslutning",
        "limit": "195000",
        "single_addition": "60000,50",
        "child_addition": "7000",
        "inclusive": "on",
        "min_age": "3",
        "max_age": "17",
        "min_percent": "90",
        "areas": "Nord\r\n8230",
        "amount": "1200",
        "equipment": "",
        "basis_1": "final",
        "basis_2": "annual",
        "period": "calendar_year",
        "keep_when_lost": "on",
        "gate_percent": "20",
    }
    return known | changes


def test_a_new_years_version(town: Town, callers: Callers) -> None:
    admin = reader(callers, "administrator")
    schemes = text_of(admin.get("/schemes"))
    assert "Today version 2 counts." in schemes and "192,714.00 kr" in schemes and "coming" in schemes
    draft = admin.get("/schemes/fritidspas/draft")
    assert 'value="2023-01-01"' in draft.text and 'value="212896"' in draft.text

    wrong = version(limit="meget", min_age="22", source="", gate_percent="0")
    refused = text_of(admin.post("/schemes/check", data=wrong), 422)
    for label in ("Income limit:", "Youngest age:", "Where the figures are from:", "Share of new or lost"):
        assert label in refused
    higher = text_of(admin.post("/schemes/check", data=version(min_age="12", max_age="5")), 422)
    assert "Youngest age:" in higher

    before = town.rows("SELECT count(*) FROM parameter_version")
    confirm = admin.post("/schemes/check", data=version())
    said = text_of(confirm)
    assert "never changed or removed" in said and "60,000.50 kr changed" in said and "Nord, 8230 changed" in said
    assert "determined already" not in said
    assert town.rows("SELECT count(*) FROM parameter_version") == before
    sent = {name: html.unescape(value) for name, value in re.findall(_HIDDEN, confirm.text)}
    assert sent["areas"].split() == ["Nord", "8230"]
    edited = admin.post("/schemes/check", data=sent | {"act": "edit"})
    assert 'value="60000,50"' in edited.text
    for _ in range(2):
        answer = send(admin, "/schemes/versions", sent)
        assert (answer.status_code, answer.headers["location"]) == (303, "/schemes")
    rows = town.rows("SELECT number, parameters->'bases', parameters->'single_addition_ore' FROM parameter_version")
    assert (5, ["final", "annual"], 6000050) in rows and len(rows) == before[0][0] + 1
    assert "Version 5 of fritidspas is kept." in text_of(admin.get("/schemes"))
    assert "the final assessment, the year's income" in text_of(admin.get("/schemes/fritidspas/versions/5"))
    trail = town.rows("SELECT count(*) FROM audit_entry WHERE action = 'eligibility.parameters.set'")
    assert trail == [(1,)]

    auditor = reader(callers, "auditor")
    assert "draft" not in auditor.get("/schemes").text
    assert auditor.post("/schemes/check", data=version()).status_code == 403


_HIDDEN = r'<input type="hidden" name="(?!_csrf)([a-z_0-9]+)" value="([^"]*)">'


def test_a_version_for_a_time_that_was_determined_says_what_that_means(town: Town, callers: Callers) -> None:
    town.commit()
    admin = reader(callers, "administrator")
    said = text_of(admin.post("/schemes/check", data=version(valid_from="2017-01-01", valid_to="2017-12-31")))
    assert "27 determinations of it are in force. They stay as they were made" in said
    assert "The next refresh uses this version" in said


def test_a_municipality_without_a_scheme_adds_one(database: Database, callers: Callers, medspiller: Medspiller) -> None:
    medspiller("municipality", "add", "3301", "Drammen", "--country", "no")
    with database.transaction() as session:
        drammen = find_municipality(session, "3301")
    admin = reader(callers, "administrator", "admin@drammen.example", drammen)
    assert "There is no scheme yet" in text_of(admin.get("/schemes"))
    assert "No parameters count today" in text_of(admin.get(WHAT_IF))
    assert "There is no scheme yet" in text_of(admin.get(DRY_RUNS))
    confirm = admin.post("/schemes/check", data=version(scheme="fritidskort"))
    assert "Keep this version of fritidskort?" in text_of(confirm)
    sent = {name: html.unescape(value) for name, value in re.findall(_HIDDEN, confirm.text)}
    assert send(admin, "/schemes/versions", sent).status_code == 303
    assert "fritidskort" in text_of(admin.get("/schemes"))


def what_if(**changes: str) -> dict[str, str]:
    known = version(valid_from="", **changes) | {"on": "2017-01-15", "areas": "", "limit": "192714"}
    return known | {"single_addition": "59492", "amount": "1000"} | changes


def counts(database: Database, town: Town) -> dict[str, int]:
    """The rows of every table but the facts, which are a cache for the next count."""
    with town.owner() as session:
        tables = session.execute(
            text("SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('public', 'directory')")
        ).scalars()
        kept = [name for name in tables if name not in ("public.fact", "public.fact_set")]
        return {name: session.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in kept}


def test_what_if_keeps_nothing(town: Town, database: Database, worker: Client) -> None:
    town.commit()
    begun = worker.get(WHAT_IF)
    assert 'value="192714"' in begun.text and 'value="2017-01-15"' in begun.text
    before = counts(database, town)
    same = text_of(worker.post(WHAT_IF, data=what_if()))
    assert "Would gain it 0 Would lose it 0" in same and "Entitled 25 now: 25" in same
    more = text_of(worker.post(WHAT_IF, data=what_if(areas="Nord", amount="2000")))
    assert "Would gain it 2 Would lose it 0" in more and "Entitled 27 now: 25" in more
    assert "54,000.00 kr now: 25,000.00 kr" in more and "Nord 1 3 2 0" in more
    fewer = text_of(worker.post(WHAT_IF, data=what_if(min_age="7")))
    assert "Would gain it 0 Would lose it 25" in fewer
    assert counts(database, town) == before
    wrong = text_of(worker.post(WHAT_IF, data=what_if(limit="meget", on="2015-01-01")), 422)
    assert "Income limit:" in wrong
    assert "no parameters for" in text_of(worker.post(WHAT_IF, data=what_if(on="2015-01-01")), 422)


def test_what_if_is_quick_in_a_town_of_two_thousand_households(
    medspiller: Medspiller,
    database: Database,
    tmp_path: Path,
    at: Callable[[str], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    at("2017-01-15T08:00Z")
    medspiller("municipality", "add", "0751", "Aarhus", "--country", "dk")
    files = []
    for name in ("population", "income"):
        (tmp_path / f"{name}.csv").write_bytes(gzip.decompress((SAMPLE / f"{name}.csv.gz").read_bytes()))
        files.append(f"--{name}={tmp_path / name}.csv")
    medspiller("register", "import", "--municipality", "0751", *files)
    with database.transaction() as session:
        aarhus = find_municipality(session, "0751")
    with callers_of(database, aarhus) as found:
        worker = reader(found, "case_worker")
        worker.post(WHAT_IF, data=what_if())
        began = time.perf_counter()
        answer = worker.post(WHAT_IF, data=what_if(limit="210000"))
        took = (time.perf_counter() - began) * 1000
    assert "Would gain it" in text_of(answer)
    with capsys.disabled():
        print(f" what-if of 2,000 households: {took:.0f} ms", end="")
    assert took < 2000
