"""The pages of the register in a browser: an upload, its progress, rejected rows, a held file and a second person."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlmodel import Session

from service.database.engine import Database
from service.database.tenancy import act_for
from service.identity.actions import add_member, add_municipality
from service.identity.sessions import open_session
from service.register.made_up import Extract, write_extract
from tests.browser.conftest import PLAIN, Faults, Way, enter, follow, require_accessible, watched, work


@pytest.fixture
def secrets(database: Database) -> list[str]:
    """The sessions of two case workers."""

    def worker(session: Session, name: str) -> str:
        account = add_member(session, tenant, f"{name}@lillevik.example", f"The {name} case worker", "case_worker")
        return open_session(session, account, "provider", "test", strong=True)

    with database.transaction() as session:
        tenant = add_municipality(session, "0751", "Lillevik Kommune", "dk").id
        act_for(session, tenant)
        return [worker(session, "first"), worker(session, "second")]


@pytest.fixture
def extract(tmp_path: Path) -> Extract:
    return write_extract(tmp_path / "extract", households=60, on=date(2017, 1, 1))


def spoiled(extract: Extract) -> Path:
    """The population with unknown relations, a row that is too short, bytes of Latin-1, and an odd language."""
    lines = extract.population.read_text(encoding="utf-8").splitlines()
    for at in (5, 15, 25):
        for relation in ("provider", "child", "other"):
            lines[at] = lines[at].replace(f",{relation},", ",uncle,")
    lines[7] = lines[7].rsplit(",", 1)[0]
    lines[9] = lines[9].rsplit(",", 1)[0] + ",Danish!"
    content = "\n".join(lines).encode()
    path = extract.population.with_name("spoiled.csv")
    path.write_bytes(content + b"\n" + "H1,x,other,1980-01-01,S\xf8ren,,,,,,0,\n".encode("latin-1"))
    return path


def torn(extract: Extract) -> Path:
    lines = extract.population.read_text(encoding="utf-8").splitlines(keepends=True)
    path = extract.population.with_name("torn.csv")
    path.write_text("".join(lines[: len(lines) // 2]), encoding="utf-8")
    return path


def test_a_case_worker_uploads_and_a_colleague_confirms(
    service_url: str,
    secrets: list[str],
    extract: Extract,
    walker: Page,
    way: Way,
    looks_right: Callable[[], None],
    database: Database,
) -> None:
    page = walker
    enter(page, service_url, secrets[0])

    def upload(**files: Path) -> None:
        page.goto(f"{service_url}/register/upload")
        for name, path in files.items():
            page.locator(f"#{name}").set_input_files(path)
        page.get_by_role("button", name="Upload").dblclick()
        expect(page.get_by_text("usually within seconds")).to_be_visible()
        work(database)
        follow(page, "See the import", way)

    page.goto(f"{service_url}/register")
    expect(page.get_by_text("Nothing has been imported yet")).to_be_visible()
    looks_right()
    page.get_by_role("link", name="Upload an extract").click()
    page.get_by_text("The columns of population.csv").click()
    looks_right()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download a template of population.csv").click()
    assert download.value.path().read_bytes().startswith(b"\xef\xbb\xbfhousehold_id;person_id;")

    upload(population=extract.population, income=extract.income, decisions=extract.decisions)
    expect(page.get_by_text("Taken over, no row was rejected")).to_be_visible()
    looks_right()

    upload(population=spoiled(extract))
    expect(page.get_by_text("Taken over, but 5 rows were rejected")).to_be_visible()
    expect(page.get_by_text("Save it as “CSV UTF-8”")).to_be_visible()
    looks_right()
    page.get_by_role("link", name="relation is none of provider, child, other").click()
    expect(page.get_by_text("uncle")).to_have_count(3)
    looks_right()
    page.get_by_label("Line").fill("x")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("link", name="Line: Write a whole number in digits.")).to_be_visible()
    looks_right()
    page.get_by_role("link", name="Clear").click()
    page.get_by_label("Line").fill("8")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("the line has 11 fields where the header has 12").last).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as CSV").click()
    assert len(download.value.path().read_text(encoding="utf-8").splitlines()) == 2

    upload(population=torn(extract))
    expect(page.get_by_text("Held: nothing has changed yet")).to_be_visible()
    expect(page.get_by_text("a second person must")).to_be_visible()
    expect(page.get_by_role("link", name="Confirm")).to_have_count(0)
    looks_right()

    enter(page, service_url, secrets[1])
    page.goto(service_url)
    page.get_by_role("link", name="Imports held, to be confirmed").click()
    looks_right()
    page.get_by_role("rowheader").get_by_role("link").click()
    looks_right()
    page.get_by_role("link", name="Confirm", exact=True).click()
    expect(page.get_by_role("heading", name="What will happen")).to_be_visible()
    looks_right()
    page.get_by_role("button", name="Confirm and take over").dblclick()
    expect(page.get_by_text("usually within seconds")).to_be_visible()
    work(database)
    follow(page, "See the import", way)
    expect(page.get_by_text("Confirmed by")).to_be_visible()
    looks_right()
    page.goto(f"{service_url}/register")
    expect(page.get_by_role("rowheader")).to_have_count(3)
    looks_right()


def test_a_wrong_file_is_said_at_its_field_without_scripts(
    service_url: str,
    secrets: list[str],
    extract: Extract,
    browser: Browser,
    database: Database,
    tmp_path: Path,
    faults: Faults,
) -> None:
    with watched(browser, faults, PLAIN) as page:
        enter(page, service_url, secrets[0])
        page.goto(f"{service_url}/register/upload")
        page.get_by_role("button", name="Upload").click()
        expect(page.get_by_role("heading", name="Upload at least one file")).to_be_visible()

        workbook = tmp_path / "workbook.csv"
        workbook.write_bytes(b"PK\x03\x04\x14\x00\x06\x00")
        page.locator("#population").set_input_files(workbook)
        page.locator("#decisions").set_input_files(extract.income)
        page.get_by_role("button", name="Upload").click()
        expect(page.get_by_role("link", name="Population: population.csv is a spreadsheet")).to_be_visible()
        expect(page.get_by_role("link", name="This is income.csv: choose it in its own field.")).to_be_visible()

        page.locator("#population").set_input_files(extract.population)
        page.get_by_role("button", name="Upload").click()
        expect(page.get_by_text("usually within seconds")).to_be_visible()
        work(database)
        follow(page, "See the import", PLAIN)
        expect(page.get_by_text("Taken over, no row was rejected")).to_be_visible()


def test_too_much_is_said(
    service_url: str,
    secrets: list[str],
    browser_page: Page,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MEDSPILLER_MAX_UPLOAD_MB", "1")
    page = browser_page
    enter(page, service_url, secrets[0])
    page.goto(f"{service_url}/register/upload")
    expect(page.get_by_text("All files together may have 1 megabytes")).to_be_visible()
    large = tmp_path / "large.csv"
    large.write_bytes(b"x" * 1_500_000)
    page.locator("#income").set_input_files(large)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", name="More than 1 megabytes were uploaded.")).to_be_visible()
    require_accessible(page)
