"""The pages of the jobs: the timetable in words, running, pausing and moving a job, its history, a run's progress."""

import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any
from uuid import UUID, uuid4

import pytest
from httpx import Response

from jobs.orders import ORDERS as KINDS
from jobs.timetable import TIMETABLE
from jobs.worker import Worker
from service.audit.actions import COMMAND, Actor
from service.database.engine import Database
from service.identity.actions import Municipality
from service.jobs import words
from service.jobs.actions import pause, tick
from service.jobs.orders import ARGUMENTS, order
from service.jobs.work import find_job, find_place
from service.settings import Settings
from tests.calls import Callers, Client, callers_of
from tests.jobs.conftest import MUNICIPAL, as_owner

At = Callable[[str], None]
HTML = {"accept": "text/html"}


@pytest.fixture
def callers(municipality: Municipality, database: Database, at: At) -> Iterator[Callers]:
    at("2017-01-01T12:00Z")
    with callers_of(database, municipality) as made:
        yield made


def person(callers: Callers, role: str) -> Client:
    client = callers.person(role)
    client.cookies.set("language", "en", domain="testserver.local")
    return client


def page(client: Client, address: str, status: int = 200) -> str:
    answer: Response = client.get(address, headers=HTML, follow_redirects=False)
    assert answer.status_code == status, answer.text
    return answer.text


def send(client: Client, address: str, **fields: object) -> Response:
    return client.post(address, data=fields, headers=HTML, follow_redirects=False)


def said(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html))).strip()


def key_of(html: str) -> str:
    found: str = re.findall(r'name="key" value="([^"]+)"', html)[0]
    return found


def runs(database: Database) -> list[Any]:
    return as_owner(database, "SELECT job, state, period FROM job_run ORDER BY id")


def ordered(database: Database, place: Municipality, kind: str = "letters.render", actor: Actor = COMMAND) -> UUID:
    arguments: dict[str, Any] = {"eligibility.refresh": {"scheme": "fritidspas", "on": "2017-01-15"}}.get(kind, {})
    with database.transaction(place.id) as session:
        return order(session, place.id, kind, arguments, actor)


def test_every_job_and_kind_of_order_is_in_plain_words() -> None:
    assert set(words.JOBS) == {job.name for job in MUNICIPAL if not job.installation}
    assert set(words.ORDERS) == {kind.name for kind in KINDS} == set(ARGUMENTS)


def test_the_timetable(callers: Callers, database: Database, at: At, now_settings: Settings) -> None:
    tick(database, TIMETABLE)
    html = page(person(callers, "case_worker"), "/jobs")
    for job in words.JOBS.values():
        assert job.title in html and job.does in unescape(html)
    assert "every day at 06:00" in html and "2\xa0Jan\xa02017 06:00" in unescape(html)
    assert "Has not run yet" in html and "Overdue" not in html
    at("2017-01-03T12:00Z")
    assert "It did not run though it should have" in page(person(callers, "finance_officer"), "/jobs")
    assert "/jobs" in page(person(callers, "administrator"), "/")


def test_a_run_by_hand_once_and_what_came_of_it(
    callers: Callers, database: Database, now_settings: Settings, municipality: Municipality
) -> None:
    client = person(callers, "administrator")
    html = page(client, "/jobs/seal")
    key = key_of(html)
    answers = [send(client, "/jobs/seal/run", key=key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert answers[0].headers["location"] == answers[1].headers["location"]
    [(job, state, _)] = runs(database)
    assert (job, state) == ("seal", "queued")
    [(orders,)] = as_owner(database, "SELECT count(*) FROM audit_entry WHERE action = 'jobs.run'")
    assert orders == 1
    waiting = page(client, answers[0].headers["location"])
    assert "every 2s" in waiting and "Look again" in waiting and "usually within seconds" in waiting
    assert 'hx-trigger="every 3s"' in page(client, "/jobs")
    assert "It is at work" in page(client, "/jobs/seal")
    Worker(database, now_settings, TIMETABLE).once()
    done = page(client, answers[0].headers["location"])
    assert "Entries sealed: " in done and "hx-trigger" not in done
    assert 'hx-trigger="every 3s"' not in page(client, "/jobs")
    again = send(client, "/jobs/seal/run", key=key_of(page(client, "/jobs/seal")))
    assert again.headers["location"] == "/jobs/seal"
    assert "It is done already" in page(client, "/jobs/seal")


def test_what_posts_letters_or_decides_is_asked_about_first(callers: Callers) -> None:
    client = person(callers, "administrator")
    for job, before in (("letters", "cannot be called back"), ("refresh-month", "Determinations change")):
        [confirmation] = re.findall(
            rf'<details class="ds-details confirm">(?:(?!</details>).)*/jobs/{job}/run.*?</details>',
            page(client, f"/jobs/{job}"),
            re.DOTALL,
        )
        assert before in confirmation
    assert not re.search(r"<details[^>]*>(?:(?!</details>).)*/jobs/seal/run", page(client, "/jobs/seal"), re.DOTALL)


def test_pausing_and_resuming(callers: Callers, database: Database, at: At) -> None:
    client = person(callers, "administrator")
    for _ in range(2):
        assert send(client, "/jobs/letters/pause").status_code == 303
    assert "not while it is paused" in page(client, "/jobs") and "Paused" in page(client, "/jobs/letters")
    at("2017-01-01T12:20Z")
    for _ in range(2):
        assert send(client, "/jobs/letters/resume").status_code == 303
    assert "Paused" not in said(page(client, "/jobs/letters").split('class="facts"')[1].split("</dl>")[0])
    changes = as_owner(database, "SELECT action FROM audit_entry WHERE action LIKE 'jobs.%' ORDER BY at")
    assert [change.action for change in changes] == ["jobs.pause", "jobs.resume"]


def test_a_job_that_is_not_paused_is_not_resumed(callers: Callers, database: Database, at: At) -> None:
    """It would count from now on, and forget what is due."""
    tick(database, TIMETABLE)
    at("2017-01-02T05:30Z")
    assert send(person(callers, "administrator"), "/jobs/letters/resume").status_code == 303
    tick(database, TIMETABLE)
    assert ("letters", "queued", "2017-01-02") in [tuple(run) for run in runs(database)]


def test_a_time_of_its_own(callers: Callers, database: Database) -> None:
    client = person(callers, "administrator")
    assert 'value="06:00"' in page(client, "/jobs/letters/time")
    assert send(client, "/jobs/letters/time", at="22.15").status_code == 303
    html = page(client, "/jobs/letters")
    assert "From now on it runs every day at 22:15." in html and "own time" in html
    assert send(client, "/jobs/letters/time/reset").status_code == 303
    assert "every day at 06:00" in page(client, "/jobs/letters")
    form = page(client, "/jobs/refresh-year/time")
    assert 'name="month"' in form and 'name="day"' in form
    send(client, "/jobs/refresh-year/time", at="03:00", day="31", month="1")
    assert "on 31 January at 03:00" in page(client, "/jobs/refresh-year")


def test_every_wrong_field_is_named(callers: Callers) -> None:
    client = person(callers, "administrator")
    answer = send(client, "/jobs/refresh-year/time", at="25:00", day="32", month="")
    assert answer.status_code == 422
    assert answer.text.count('class="ds-validation-message"') == 3
    assert "Write the time as hours and minutes" in answer.text and 'value="32"' in answer.text


def test_every_run_by_job_and_state_page_by_page(
    callers: Callers, database: Database, municipality: Municipality, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.jobs.web.RUNS_PER_PAGE", 2)
    ids = [str(ordered(database, municipality)) for _ in range(5)]
    other = str(ordered(database, municipality, "eligibility.refresh"))
    client, found, address = person(callers, "case_worker"), [], "/jobs/runs?job=letters.render&state=queued"
    while address:
        html = page(client, address)
        found += re.findall(r'href="/jobs/runs/([0-9a-f-]{36})"', html)
        following = re.search(r'href="([^"]+)"[^>]*rel="next"', html)
        address = unescape(following[1]) if following else ""
    assert found == ids[::-1]
    assert other in page(client, "/jobs/runs")
    assert "Nothing found" in page(client, "/jobs/runs?state=failed")
    page(client, "/jobs/runs?state=none", 422)


def test_who_ordered_sees_the_run_and_nobody_else_without_the_permission(
    callers: Callers, database: Database, municipality: Municipality
) -> None:
    auditor, treasurer = person(callers, "auditor"), callers.person("auditor", "other@example.org")
    [(account,)] = as_owner(database, "SELECT id FROM directory.account WHERE email = 'auditor@example.org'")
    run = ordered(database, municipality, actor=Actor(door="page", account_id=account))
    html = page(auditor, f"/jobs/runs/{run}")
    assert "Ordered by" in html and "Somebody" in html and 'href="/jobs"' not in html
    page(treasurer, f"/jobs/runs/{run}", 404)
    page(person(callers, "case_worker"), f"/jobs/runs/{run}")
    page(auditor, f"/jobs/runs/{uuid4()}", 404)


def test_a_refused_order_says_what_to_do(
    callers: Callers, database: Database, municipality: Municipality, now_settings: Settings
) -> None:
    run = ordered(database, municipality, "eligibility.refresh")
    Worker(database, now_settings, []).once()
    html = page(person(callers, "case_worker"), f"/jobs/runs/{run}")
    assert "What to do" in html and "order it again" in html
    [(result,)] = as_owner(database, "SELECT result FROM job_run")
    assert result in unescape(html)


def test_progress_and_an_outcome_in_the_readers_language(
    callers: Callers, database: Database, municipality: Municipality
) -> None:
    run = ordered(database, municipality, "letters.render")
    progress = "state = 'running', attempts = 1, progress = 'rendering', progress_done = 1200, progress_total = 3000"
    as_owner(database, f"UPDATE job_run SET {progress}")
    client = person(callers, "case_worker")
    html = page(client, f"/jobs/runs/{run}")
    assert 'max="3000" value="1200"' in html and "1,200 of 3,000" in html and "every 2s" in html
    outcome = '{"letters": 1234, "pages": 2468, "batches": 2, "held_back": 0, "files": []}'
    done = "state = 'done', finished_at = now(), result = 'x', progress = NULL, progress_done = NULL"
    as_owner(database, f"UPDATE job_run SET {done}, progress_total = NULL, outcome = '{outcome}'")
    html = page(client, f"/jobs/runs/{run}")
    assert "1,234 letters on 2,468 pages in 2 print batches." in html
    client.cookies.set("language", "da", domain="testserver.local")
    assert "1.234 breve på 2.468 sider" in page(client, f"/jobs/runs/{run}")


def test_who_may_change(callers: Callers, database: Database) -> None:
    worker = person(callers, "case_worker")
    assert "Run it now" not in page(worker, "/jobs/letters")
    for path in ("run", "pause", "resume", "time", "time/reset"):
        assert send(worker, f"/jobs/letters/{path}").status_code == 403
    page(person(callers, "auditor"), "/jobs", 403)
    page(worker, "/jobs/backup", 404)
    assert runs(database) == []


def test_a_paused_job_is_no_alarm(callers: Callers, database: Database, municipality: Municipality, at: At) -> None:
    tick(database, TIMETABLE)
    with database.transaction(municipality.id) as session:
        pause(session, find_place(session, "0751"), find_job(TIMETABLE, "letters", "municipality"), COMMAND)
    at("2017-01-05T12:00Z")
    assert "Overdue" not in page(person(callers, "case_worker"), "/jobs/letters")
