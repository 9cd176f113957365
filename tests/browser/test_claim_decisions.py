"""Claims decided, terms, payment dates and budgets in a browser: wide and narrow, with and without scripts."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import text

from service.audit.actions import COMMAND
from service.claims.budget import set_budget
from service.database.engine import Database
from service.identity.actions import add_member
from service.identity.sessions import open_session
from tests.browser.conftest import Faults, require_good
from tests.claims.clubs import NUMBERS, claim, open_club
from tests.conftest import Medspiller
from tests.passes.town import IN_2017, Town

WIDE, NARROW = (1280, 900), (360, 740)


@pytest.fixture
def town(medspiller: Medspiller, database: Database, tmp_path: Path, at: Callable[[str], None]) -> Town:
    """Claims of two clubs that wait: five since the name is another one, one more since its budget is used up."""
    at("2017-02-01T08:00Z")
    made = Town(medspiller, database, tmp_path)
    made.family("H1", "Nour", "Ella")
    made.load()
    made.commit(IN_2017)
    football = open_club(made, "Boldklubben Frem af 1908", members=80)
    swimming = open_club(made, "Svømmeklubben", NUMBERS[1])
    with made.session() as session:
        session.execute(
            text(
                """INSERT INTO club_activity (tenant_id, club_id, name, kind, min_age, max_age, season_start,
                    season_end, fee_ore, made_at)
                VALUES (:tenant, :club, 'Fodbold', 'football', 5, 9, '2017-01-01', '2017-06-30', 70000, now())"""
            ),
            {"tenant": made.municipality.id, "club": football},
        )
    claim(made, swimming, "Nour", 15_000, activity="Svømning")
    for activity in ("Fodbold", "Skak", "Dans", "Løb"):
        claim(made, football, "Nour", 20_000, activity=activity, given_name="Nora", reference=f"17-{activity}")
    with made.session() as session:
        set_budget(session, made.municipality, "fritidspas", 2017, 100_000, 80, True, "Byrådet, 12. december", COMMAND)
    claim(made, swimming, "Ella", 40_000, activity="Svømning")
    return made


@pytest.fixture
def secrets(town: Town) -> dict[str, str]:
    with town.database.transaction(town.municipality.id) as session:
        people = {
            role: add_member(session, town.municipality.id, f"{role}@lillevik.example", role, role)
            for role in ("case_worker", "administrator")
        }
        return {
            name: open_session(session, account, "provider", "test", strong=True) for name, account in people.items()
        }


def _enter(page: Page, url: str, secret: str) -> None:
    cookies = {"medspiller": secret, "language": "en"}
    page.context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])


def _states(town: Town) -> dict[str, int]:
    return {str(state): count for state, count in town.rows("SELECT state, count(*) FROM claim GROUP BY state")}


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_a_case_worker_goes_through_the_queue(
    service_url: str,
    secrets: dict[str, str],
    browser_page: Page,
    faults: Faults,
    town: Town,
    size: tuple[int, int],
) -> None:
    page = browser_page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    _enter(page, service_url, secrets["case_worker"])
    page.goto(f"{service_url}/")
    page.get_by_role("link", name="Claims of clubs, to be decided").click()
    expect(page.get_by_role("heading", name="Claims", level=1)).to_be_visible()
    expect(page.get_by_role("link", name="Waits for the municipality (5)")).to_be_visible()
    require_good(page)
    page.get_by_label("Reference, pass number or id of a claim").fill("17-Skak")
    page.get_by_role("button", name="Find", exact=True).click()
    expect(page.get_by_text("1 claim on this page")).to_be_visible()
    require_good(page)
    page.get_by_role("link", name="Show all that wait").click()
    page.get_by_role("link", name="The name is not the one on the pass.").click()
    page.get_by_role("link", name="Boldklubben Frem af 1908, Fodbold").click()
    expect(page.get_by_text("Nour Prøvesen")).to_be_visible()
    expect(page.get_by_text("claimed here")).to_be_visible()
    require_good(page)

    page.get_by_role("button", name="Go on to what the club is told").click()
    expect(page.get_by_text("Choose the reason first.")).to_be_visible()
    page.get_by_label("The pass is another child's.").check()
    page.get_by_role("button", name="Go on to what the club is told").click()
    expect(page.get_by_role("heading", name="Reject the claim?")).to_be_visible()
    require_good(page)
    page.get_by_label("What the club shall do").fill("")
    page.get_by_role("button", name="Reject the claim").click()
    expect(page.get_by_role("link", name="What the club shall do: Fill this in.")).to_be_visible()
    require_good(page)
    page.get_by_label("What the club shall do").fill("Spørg familien om det rigtige pas.")
    page.get_by_role("button", name="Reject the claim").dblclick()
    expect(page.get_by_role("heading", name="Boldklubben Frem af 1908: Skak")).to_be_visible()
    assert _states(town) == {"submitted": 4, "rejected": 1, "approved": 1}

    page.get_by_text("Approve less, or write to the club").click()
    page.get_by_label("What the pass pays").fill("500")
    page.get_by_role("button", name="Approve this amount").click()
    expect(page.get_by_role("link", name="must be more than 0 and at most 200 kr")).to_be_visible()
    require_good(page)
    page.get_by_label("What the pass pays").fill("100,50")
    page.get_by_label("To the club").fill("Kun den halve sæson.")
    page.get_by_role("button", name="Approve this amount").dblclick()
    expect(page.get_by_role("heading", name="Boldklubben Frem af 1908: Dans")).to_be_visible()
    expect(page.get_by_text("is approved; it is expected to be paid on 15 February 2017")).to_be_visible()
    page.get_by_label("You are here").get_by_role("link", name="Claims").click()

    page.get_by_label("Choose Boldklubben Frem af 1908, Dans").check()
    page.get_by_label("Choose Boldklubben Frem af 1908, Løb").check()
    page.get_by_role("button", name="Approve the chosen claims").click()
    expect(page.get_by_text("Together 400.00 kr from the passes.")).to_be_visible()
    require_good(page)
    page.get_by_role("button", name="Approve them").dblclick()
    expect(page.get_by_text("No claim fits all that is chosen.")).to_be_visible()
    require_good(page)
    assert _states(town) == {"submitted": 1, "rejected": 1, "approved": 4}
    page.get_by_label("Claims", exact=True).get_by_role("link", name="Days to decision").click()
    expect(page.get_by_role("row", name="Boldklubben Frem af 1908")).to_be_visible()
    require_good(page)
    assert town.sound()
    # The second click takes the place of the first, which the browser counts as a request that failed.
    faults[:] = [fault for fault in faults if "ERR_ABORTED" not in fault]


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_budget_terms_and_payment_dates(
    service_url: str,
    secrets: dict[str, str],
    browser_page: Page,
    faults: Faults,
    town: Town,
    size: tuple[int, int],
) -> None:
    page = browser_page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    _enter(page, service_url, secrets["administrator"])
    page.goto(f"{service_url}/")
    page.get_by_role("link", name="Budgets that are nearly or wholly used up").click()
    expect(page.get_by_role("img", name="fritidspas 2017, in kroner")).to_be_visible()
    require_good(page)
    page.get_by_role("link", name="See fritidspas 2017").click()
    expect(page.get_by_text("1 claim waits for money alone")).to_be_visible()
    require_good(page)
    page.get_by_role("link", name="Lift the stop").click()
    require_good(page)
    page.get_by_role("button", name="Lift the stop").click()
    expect(page.get_by_role("link", name="Who decided it, and why: Fill this in.")).to_be_visible()
    page.get_by_label("Who decided it, and why").fill("The council, 3 February")
    page.get_by_role("button", name="Lift the stop").dblclick()
    expect(page.get_by_text("The council, 3 February")).to_be_visible()
    require_good(page)
    page.get_by_role("button", name="Approve them as far as the money goes").dblclick()
    expect(page.get_by_text("Claims approved: 1.").or_(page.get_by_text("sent already"))).to_be_visible()
    assert _states(town) == {"submitted": 4, "approved": 2}
    page.get_by_role("link", name="Change the budget").click()
    require_good(page)
    page.get_by_label("What is set aside").fill("many")
    page.get_by_role("button", name="Keep the budget").click()
    expect(page.get_by_role("link", name="What is set aside: Write an amount in kroner")).to_be_visible()
    require_good(page)
    page.get_by_label("What is set aside").fill("25000")
    page.get_by_role("button", name="Keep the budget").click()
    expect(page.get_by_text("The budget of 2017 is kept.")).to_be_visible()

    page.goto(f"{service_url}/claims/terms")
    require_good(page)
    page.get_by_role("link", name="New terms of fritidspas").click()
    require_good(page)
    page.get_by_label("Least number of sessions in a season").fill("-1")
    page.get_by_label("For seasons that begin from").fill("2017-03-01")
    page.get_by_label("Where the terms were decided").fill("The committee, 14 November")
    page.get_by_label("Golf").check()
    page.get_by_role("button", name="Look at it once more").click()
    expect(
        page.get_by_role("link", name="Least number of sessions in a season: It must be at least 0.")
    ).to_be_visible()
    require_good(page)
    page.get_by_label("Least number of sessions in a season").fill("8")
    page.get_by_role("button", name="Look at it once more").click()
    expect(page.get_by_role("heading", name="Keep these terms of fritidspas?")).to_be_visible()
    require_good(page)
    page.get_by_role("button", name="Back to the form").click()
    expect(page.get_by_label("Golf")).to_be_checked()
    page.get_by_role("button", name="Look at it once more").click()
    page.get_by_role("button", name="Keep the terms").dblclick()
    expect(page.get_by_text("coming", exact=True)).to_be_visible()
    require_good(page)
    assert town.rows("SELECT count(*) FROM claim_terms") == [(1,)]

    page.get_by_label("Claims", exact=True).get_by_role("link", name="Payment dates").click()
    expect(page.get_by_role("rowheader", name="15 February 2017")).to_be_visible()
    require_good(page)
    page.get_by_label("Day of payment").fill("2017-02-20")
    page.get_by_label("Last day of decisions that are paid on it").fill("2017-02-21")
    page.get_by_role("button", name="Add the date").click()
    expect(page.get_by_role("link", name="must be before the day of payment")).to_be_visible()
    require_good(page)
    page.get_by_label("Last day of decisions that are paid on it").fill("2017-02-16")
    page.get_by_role("button", name="Add the date").click()
    expect(page.get_by_role("rowheader", name="20 February 2017")).to_be_visible()
    require_good(page)
    page.get_by_role("button", name="Take back the payment on 20 February 2017").click()
    page.get_by_label("Day of the month on which claims are paid").fill("20")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("rowheader", name="20 March 2017")).to_be_visible()
    faults[:] = [fault for fault in faults if "ERR_ABORTED" not in fault]


def test_decisions_without_scripts(service_url: str, secrets: dict[str, str], browser: Browser, town: Town) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    _enter(page, service_url, secrets["case_worker"])
    page.goto(f"{service_url}/claims")
    page.get_by_text("Filter", exact=True).first.click()
    page.get_by_label("Club (optional)").select_option(label="Boldklubben Frem af 1908")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_text("4 claims on this page")).to_be_visible()
    page.get_by_role("link", name="Boldklubben Frem af 1908, Fodbold").click()
    page.get_by_role("button", name="Approve 200.00 kr").click()
    expect(page.get_by_role("heading", name="Boldklubben Frem af 1908: Skak")).to_be_visible()
    page.get_by_label("The child was no member in this season.").check()
    page.get_by_role("button", name="Go on to what the club is told").click()
    expect(page.get_by_label("What the club shall do")).to_have_value(
        "Barnet er ikke blandt jeres medlemmer i denne sæson. Meld først barnet ind, og stil så kravet."
    )
    page.get_by_role("button", name="Reject the claim").click()
    expect(page.get_by_role("heading", name="Boldklubben Frem af 1908: Dans")).to_be_visible()
    assert _states(town) == {"submitted": 3, "approved": 2, "rejected": 1}
    context.close()
    assert town.sound()
