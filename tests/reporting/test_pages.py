"""The page of reports: the figures of the API with the same ones hidden, whatever district is chosen."""

import re
from collections.abc import Callable, Iterator
from datetime import date
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from httpx import Response

from jobs.timetable import TIMETABLE
from jobs.worker import Worker
from service.database.engine import Database
from service.eligibility import schemes
from service.reporting.actions import read_report
from service.reporting.queries import age_groups, figures
from service.reporting.report import ALL, IN_ORDER, Report, shown
from service.settings import load
from tests.calls import Callers, Client, callers_of
from tests.conftest import Medspiller
from tests.passes.town import CODE, IN_2016, Town
from tests.reporting.attacker import Attacker

HTML = {"accept": "text/html"}
HIDDEN, NOBODY = "hidden", "–"


@pytest.fixture
def town(medspiller: Medspiller, database: Database, tmp_path: Path, at: Callable[[str], None]) -> Town:
    """Twelve children with a pass in one district, seven in another, and three in a third, of two ages."""
    at("2017-01-15T08:00Z")
    made = Town(medspiller, database, tmp_path)
    for district, children in (("midt", 12), ("nord", 7), ("syd", 3)):
        for child in range(children):
            born = "2010-05-17" if child % 2 else "2003-02-11"
            made.family(f"{district}{child}", f"{district}s {child}", born=born, district=district)
    made.load()
    made.commit(IN_2016)
    made.commit()
    return made


@pytest.fixture
def callers(town: Town) -> Iterator[Callers]:
    with callers_of(town.database, town.municipality) as made:
        yield made


def page(client: Client, address: str = "/reports", status: int = 200) -> str:
    client.cookies.set("language", "en", domain="testserver.local")
    answer: Response = client.get(address, headers=HTML, follow_redirects=False)
    assert answer.status_code == status, answer.text
    return answer.text


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html))).strip()


def rows_of(html: str, caption: str) -> dict[str, list[str]]:
    """The cells of a table by the name of its row."""
    table = next(table for table in re.findall(r"<table.*?</table>", html, re.DOTALL) if caption in table)
    body = table[table.index("<tbody") :]
    rows = [
        [text_of(cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)] for row in body.split("<tr")[1:]
    ]
    return {row[0]: row[1:] for row in rows}


def expected(report: Report, district: str, group: str) -> list[str]:
    values = [report.line(measure, district, group).value for measure in IN_ORDER]
    said = [HIDDEN if value is None else f"{value:,}" for value in values]
    if values[-1] is not None:
        said[-1] = f"{values[-1] / 100:,.2f}\xa0kr".replace("\xa0", " ")
    return said


def protected(town: Town) -> Report:
    with town.database.transaction(town.municipality.id) as session:
        return read_report(session, town.municipality, "fritidspas", _DAY)


_DAY = date(2017, 1, 1)


def test_every_view_shows_the_one_protected_table(town: Town, callers: Callers) -> None:
    report, client = protected(town), callers.person("case_worker")
    everywhere = page(client)
    by_district = rows_of(everywhere, "Figures by district")
    for district in (*report.districts, ALL):
        assert by_district["All districts" if district == ALL else district][:6] == expected(report, district, ALL)
        html = page(client, "/reports" if district == ALL else f"/reports?district={district}")
        by_age = rows_of(html, "Figures by age")
        for group in (*report.age_groups, ALL):
            assert by_age["All ages" if group == ALL else group][:6] == expected(report, district, group)
        assert ("Figures by district" in html) is (district == ALL)
    assert report.suppressed > 4


def test_nobody_recovers_a_hidden_figure_from_all_pages_together(town: Town, callers: Callers) -> None:
    """The attacker gets what stands on every page and in both files, and nothing else."""
    client = callers.person("auditor")
    told: dict[tuple[str, str, str], str] = {}

    def learn(district: str, group: str, cells: list[str]) -> None:
        for measure, said in zip(IN_ORDER, cells, strict=False):
            if said != HIDDEN:
                assert told.setdefault((district, group, measure), said) == said

    report = protected(town)
    for district, cells in rows_of(page(client), "Figures by district").items():
        learn(ALL if district == "All districts" else district, ALL, cells)
    for district in (*report.districts, ALL):
        html = page(client, "/reports" if district == ALL else f"/reports?district={district}")
        for group, cells in rows_of(html, "Figures by age").items():
            learn(district, ALL if group == "All ages" else group, cells)
        for measure, figure in bars_of(html):
            assert figure == HIDDEN or figure in told.values(), measure
    file = client.get("/api/v1/reports/figures.csv?scheme=fritidspas&period_of=2017-01-01").text.splitlines()[1:]
    for line in file:
        _, district, group, measure, value, *_ = line.split(",")
        assert (value != "") is ((district, group, measure) in told), line

    with town.database.transaction(town.municipality.id) as session:
        version = schemes.version_on(session, town.municipality, "fritidspas", _DAY)
        groups = age_groups(version.parameters.min_age, version.parameters.max_age)
        truth = figures(session, version.scheme_id, _DAY, groups)
        assert truth is not None
    rows, columns = (*truth.districts, ALL), (*report.age_groups, ALL)
    hidden = {
        (measure, row, column)
        for measure in IN_ORDER
        for row, district in enumerate(rows)
        for column, group in enumerate(columns)
        if (district, group, measure) not in told
    }
    assert {place for place, value in shown(truth, groups, 5).items() if value is None} == {
        (rows[row], columns[column], measure) for measure, row, column in hidden
    }
    attacker = Attacker(truth.table, hidden)
    counts = [cell for cell in hidden if cell[0] != "spent"]
    assert counts
    for measure, row, column in counts:
        assert attacker.values_of(attacker.terms(measure, row, column), 5) == 5, (measure, row, column)


def bars_of(html: str) -> list[tuple[str, str]]:
    """The measures and figures that stand beside the bars."""
    found = re.findall(r'<text class="bars-figure"[^>]*>([^<]*)</text>', html)
    assert found
    return [(measure, figure) for measure, _, figure in (said.strip().partition(": ") for said in found)]


def key_figures(html: str) -> str:
    [found] = re.findall(r'<dl class="key-figures">.*?</dl>', html, re.DOTALL)
    return text_of(found)


def test_the_key_figures_and_the_period_before(callers: Callers) -> None:
    client = callers.person("finance_officer")
    html = page(client)
    assert "1 January 2017 to 31 December 2017" in html
    assert key_figures(html).startswith("Entitled 22 the period before: 22 Pass issued 22 the period before: 22")
    assert "Take-up 0% the period before: 0% Spent 0.00 kr the period before: 0.00 kr" in key_figures(html)
    earlier = page(client, "/reports?period=2016-01-01")
    assert "1 January 2016 to 31 December 2016" in earlier
    assert key_figures(earlier).startswith("Entitled 22 nothing to compare with")
    few = key_figures(page(client, "/reports?district=syd"))
    assert few.startswith("Entitled hidden the period before: hidden") and "Take-up hidden" in few


def test_an_empty_place_says_what_to_do(medspiller: Medspiller, database: Database, tmp_path: Path) -> None:
    town = Town(medspiller, database, tmp_path)
    with callers_of(database, town.municipality) as callers:
        assert "Nothing to report yet" in page(callers.person("auditor"))


@pytest.mark.parametrize("address", ["/reports?scheme=none", "/reports?district=none", "/reports/kept/fritidspas/x"])
def test_what_does_not_exist(callers: Callers, address: str) -> None:
    page(callers.person("auditor"), address, 404)


@pytest.mark.parametrize("role", ["administrator", "case_worker", "finance_officer", "auditor"])
def test_who_may(callers: Callers, role: str) -> None:
    page(callers.person(role))


def test_nobody_else(callers: Callers) -> None:
    assert callers.nobody().get("/reports").status_code == 401
    assert callers.system("jobs").get("/reports").status_code == 403


def test_the_reports_of_the_months(
    town: Town, callers: Callers, database: Database, at: Callable[[str], None], tmp_path: Path
) -> None:
    at("2017-01-31T21:30Z")
    Worker(database, load(), [job for job in TIMETABLE if job.name == "report"]).once()
    client = callers.person("auditor")
    html = page(client)
    files = re.findall(r'href="(/reports/kept/[^"]+)"', html)
    assert [file.rsplit("/", 1)[1] for file in files] == [f"report-2017-01.{e}" for e in ("csv", "xlsx", "svg", "png")]
    for file in files:
        answer: Any = client.get(file)
        assert answer.status_code == 200
        assert answer.headers["content-disposition"].startswith("attachment")
        name = file.rsplit("/", 1)[1]
        assert answer.content == (load().home / "reports" / CODE / "fritidspas" / name).read_bytes()
    for stolen in ("/reports/kept/fritidspas/..%2f..%2fsecret", "/reports/kept/orders/report-2017-01.csv"):
        assert client.get(stolen).status_code == 404


def test_it_is_in_the_trail(town: Town, callers: Callers) -> None:
    before = town.rows("SELECT count(*) FROM audit_entry WHERE action = 'reporting.report'")[0][0]
    page(callers.person("auditor"), "/reports?district=midt")
    assert town.rows("SELECT count(*) FROM audit_entry WHERE action = 'reporting.report'")[0][0] == before + 1
