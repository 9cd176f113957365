"""One's own account over HTTP: providers, invitations, places, the profile, and what waits."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from httpx import Response

from service.app import WAITING
from service.audit.actions import Actor
from service.database.engine import Database
from service.eligibility import schemes
from service.identity.actions import Municipality, add_member
from service.identity.agents import describe_agent
from service.identity.members import invite
from service.identity.organisations import add_volunteer_organisation
from service.identity.permissions import PERMISSIONS
from service.values import clock
from tests.apps import app_over
from tests.identity.oidc_provider import EMAIL, NOW, SECRET, FakeProvider, serving
from tests.identity.signing_in import (
    ADMINISTRATOR,
    CASE_WORKER,
    TREASURER,
    Browser,
    account_of,
    add_club,
    browsing,
    code_of,
    furnish,
    send,
    session_of,
    set_up_second_factor,
    sign_in,
    with_session,
)
from tests.jobs.conftest import as_owner

At = Callable[[str], None]


@pytest.fixture
def municipality(database: Database) -> Municipality:
    made = furnish(database)
    add_club(database)
    return made


@pytest.fixture
def browser(database: Database, municipality: Municipality) -> Iterator[Browser]:
    with browsing(database) as browser:
        yield browser


# With a provider.


@pytest.fixture
def provider(database: Database, municipality: Municipality) -> Iterator[FakeProvider]:
    """A provider that the installation trusts, and that knows the case worker."""
    clock.pin(NOW)
    with serving() as fake:
        known: dict[str, Any] = {
            "key": "medby",
            "name": "Medby Kommune",
            "issuer": fake.issuer,
            "client_id": "medspiller: a%b",
        }
        grant = {"value": "sag", "role": "case_worker", "municipality": municipality.code}
        known |= {"client_secret": SECRET, "roles_claim": "groups", "roles": [grant]}
        known |= {"second_factor_satisfied": True}
        database.home.mkdir(exist_ok=True)
        file = database.home / "oidc.json"
        file.write_text(json.dumps([known]))
        file.chmod(0o640)
        fake.change = lambda claims: claims.update(groups=["sag"])
        yield fake


def at_provider(fake: FakeProvider, begun: Response) -> str:
    """Somebody signs in there; the path that they are sent back to."""
    asked = dict(parse_qsl(urlsplit(begun.headers["location"]).query))
    assert asked["redirect_uri"] == "http://127.0.0.1:8000/sign-in/with/medby/answer"
    code = f"code-{len(fake._sign_ins)}"
    fake._sign_ins[code] = asked
    return f"/sign-in/with/medby/answer?code={code}&state={asked['state']}"


def test_signing_in_with_a_provider(browser: Browser, provider: FakeProvider) -> None:
    page = browser.get("/sign-in").text
    assert 'href="/sign-in/with/medby"' in page
    begun = browser.get("/sign-in/with/medby")
    assert begun.headers["location"].startswith(f"{provider.issuer}/authorize?")
    assert re.search(r"provider=[^;]{43,};.*HttpOnly.*Max-Age=900", begun.headers["set-cookie"])
    browser.cookies.set("medspiller", "planted")
    answer = browser.get(at_provider(provider, begun))
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert not browser.cookies.get("provider")
    fresh = re.search(r"medspiller=([^;]{43,});", answer.headers["set-cookie"])
    assert fresh
    assert EMAIL in with_session(browser, fresh[1]).text
    assert with_session(browser, "planted").headers["location"] == "/sign-in"


def test_an_answer_counts_once_and_in_its_own_browser(
    browser: Browser, database: Database, provider: FakeProvider
) -> None:
    path = at_provider(provider, browser.get("/sign-in/with/medby"))
    with browsing(database) as another:
        foreign = another.get(path)
        assert foreign.status_code == 404
        assert "was begun elsewhere" in foreign.text
        assert not session_of(another)
    # The browser's own cookie counts, and not any other sign-in's.
    kept = browser.cookies["provider"]
    assert browser.get(path).status_code == 303
    browser.cookies.clear()
    browser.cookies.set("provider", kept)
    replayed = browser.get(path)
    assert replayed.status_code == 404
    assert 'href="/sign-in"' in replayed.text
    assert not session_of(browser)


@pytest.mark.parametrize(
    "query", ["error=access_denied&state={state}", "state={state}", "code=code-0", "", "code=forged&state={state}"]
)
def test_an_answer_that_is_none_signs_nobody_in(browser: Browser, provider: FakeProvider, query: str) -> None:
    begun = browser.get("/sign-in/with/medby")
    state = dict(parse_qsl(urlsplit(begun.headers["location"]).query))["state"]
    answer = browser.get(f"/sign-in/with/medby/answer?{query.format(state=state)}")
    assert 400 <= answer.status_code < 500
    assert "You could not be signed in" in answer.text
    assert 'href="/sign-in"' in answer.text
    assert not session_of(browser)


def test_providers_that_are_none_keep_nobody_out(browser: Browser, database: Database) -> None:
    assert browser.get("/sign-in/with/unknown").status_code == 404
    database.home.mkdir(exist_ok=True)
    (database.home / "oidc.json").write_text("{")
    page = browser.get("/sign-in")
    assert page.status_code == 200
    assert str(database.home) not in page.text
    assert send(browser, "/sign-in", {"email": CASE_WORKER}).status_code == 303


# Invitations.


def invited(database: Database, municipality: Municipality, email: str, role: str = "case_worker") -> str:
    """The path of an invitation by the administrator."""
    by = Actor(door="page", account_id=account_of(database, ADMINISTRATOR))
    with database.transaction(municipality.id) as session:
        return f"/invitation/{invite(session, municipality.id, email, 'Ny', role, None, by).secret}"


def test_an_invitation_says_who_invites_to_what_and_signs_in(
    browser: Browser, database: Database, municipality: Municipality
) -> None:
    path = invited(database, municipality, "ny@aarhus.example")
    page = browser.get(path)
    assert all(text in page.text for text in ("Leder", "Aarhus", "Case worker", "ny@aarhus.example"))
    assert page.headers["cache-control"] == "no-store"
    assert send(browser, path, {"name": ""}).status_code == 422
    assert send(browser, path, {"name": "x" * 101}).status_code == 422
    assert send(browser, path, {"name": "  Nynne   Ny "}).headers["location"] == "/"
    # The role demands a second factor, of a new colleague too.
    assert browser.get("/profile").headers["location"] == "/sign-in/second-factor"
    set_up_second_factor(browser)
    assert "Nynne Ny" in browser.get("/profile").text
    with browsing(database) as another:
        for used in (another.get(path), send(another, path, {"name": "Nynne"})):
            assert used.status_code == 404
            assert "Ask for a new one" in used.text
        assert not session_of(another)


def test_an_invitation_tells_whoever_is_signed_in_as_somebody_else(
    browser: Browser, database: Database, municipality: Municipality
) -> None:
    sign_in(browser, database, CASE_WORKER)
    before = session_of(english(browser))
    assert "You are signed in as" not in browser.get(invited(database, municipality, CASE_WORKER, "auditor")).text
    path = invited(database, municipality, "ny@aarhus.example")
    assert f"You are signed in as Sagsbehandler ({CASE_WORKER}) here." in browser.get(path).text
    assert send(browser, path, {"name": "Ny"}).status_code == 303
    assert session_of(browser) != before
    assert with_session(browser, before).headers["location"] == "/sign-in"


def test_an_invitation_ends_after_a_fortnight(
    browser: Browser, database: Database, municipality: Municipality, at: At
) -> None:
    at("2026-11-01T08:00Z")
    path = invited(database, municipality, "ny@aarhus.example")
    at("2026-11-15T07:59Z")
    assert browser.get(path).status_code == 200
    at("2026-11-15T08:00Z")
    assert browser.get(path).status_code == 404
    assert send(browser, path, {"name": "Ny"}).status_code == 404


# Places.


@pytest.fixture
def elsewhere(database: Database, municipality: Municipality) -> str:
    """The treasurer coordinates in a volunteer organisation, too."""
    with database.transaction() as session:
        made = add_volunteer_organisation(session, "ferie", "Ferie for alle", "dk")
    with database.transaction(made.id) as session:
        add_member(session, made.id, TREASURER, "Kasserer", "coordinator")
    return str(made.id)


def test_one_chooses_among_ones_places(browser: Browser, database: Database, elsewhere: str) -> None:
    sign_in(browser, database, TREASURER)
    for path in ("/", "/people"):
        assert browser.get(path).headers["location"] == "/places"
    page = english(browser).get("/places").text
    assert "Act for Badmintonklub" in page
    assert "Act for Ferie for alle" in page
    assert "coordinator" in page
    assert send(browser, "/places", {"tenant": elsewhere}).headers["location"] == "/people"
    page = browser.get("/").text
    assert '<span class="shell-place">Ferie for alle</span>' in page
    assert 'href="/places"' in page
    assert "You act for Ferie for alle now." in browser.get("/places").text
    [club] = re.findall(r'name="organisation" value="([0-9a-f-]{36})"', browser.get("/places").text)
    tenant = re.findall(r'name="tenant" value="([0-9a-f-]{36})"', browser.get("/places").text)[0]
    assert send(browser, "/places", {"tenant": tenant, "organisation": club}).headers["location"] == "/"
    assert '<span class="shell-place">Badmintonklub' in browser.get("/").text


def test_nobody_acts_where_they_have_no_role(
    browser: Browser, database: Database, municipality: Municipality, elsewhere: str
) -> None:
    sign_in(browser, database, CASE_WORKER)
    assert send(browser, "/places", {"tenant": elsewhere}).status_code == 403
    assert send(browser, "/places", {"tenant": "x"}).status_code == 422
    assert "Aarhus" in browser.get("/profile").text
    sign_in(browser, database, TREASURER)
    # In the municipality only in the club, not in all of it.
    assert send(browser, "/places", {"tenant": str(municipality.id)}).status_code == 403


def test_somebody_without_a_role_is_told(browser: Browser, database: Database) -> None:
    sign_in(browser, database, CASE_WORKER)
    as_owner(database, "UPDATE directory.membership SET ended_at = now() RETURNING 1")
    for path in ("/", "/places"):
        assert "You have no role anywhere" in browser.get(path).text


# The profile.


def test_language_and_colours_are_kept(browser: Browser, database: Database) -> None:
    sign_in(browser, database, CASE_WORKER)
    assert '<html lang="da" data-color-scheme="auto">' in browser.get("/profile").text
    assert send(browser, "/profile", {"language": "nb", "theme": "dark"}).status_code == 303
    assert '<html lang="nb" data-color-scheme="dark">' in browser.get("/profile").text
    send(browser, "/sign-out")
    sign_in(browser, database, CASE_WORKER)
    assert '<html lang="nb" data-color-scheme="dark">' in browser.get("/profile").text
    assert send(browser, "/profile", {"language": "place", "theme": "auto"}).status_code == 303
    assert '<html lang="da" data-color-scheme="auto">' in browser.get("/profile").text
    assert send(browser, "/profile", {"language": "xx", "theme": "dark"}).status_code == 422


def english(browser: Browser) -> Browser:
    send(browser, "/profile", {"language": "en", "theme": "auto"})
    return browser


def test_sessions_are_listed_and_ended(browser: Browser, database: Database) -> None:
    sign_in(browser, database, CASE_WORKER)
    chrome = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"
    with browsing(database, **{"user-agent": chrome}) as other, browsing(database) as stranger:
        sign_in(other, database, CASE_WORKER)
        sign_in(stranger, database, ADMINISTRATOR)
        page = english(browser).get("/profile").text
        assert "Chrome, Windows" in page
        assert "Firefox, Linux" in page
        assert page.count("This browser") == 1
        ids = set(re.findall(r"/profile/sessions/([0-9a-f-]{36})/end", page))
        assert len(ids) == 2
        foreign = set(re.findall(r"/profile/sessions/([0-9a-f-]{36})/end", stranger.get("/profile").text))
        # Nobody ends another's session.
        assert send(browser, f"/profile/sessions/{foreign.pop()}/end").status_code == 404
        assert stranger.get("/profile").status_code == 200
        own = re.search(r"This browser.*?/profile/sessions/([0-9a-f-]{36})/end", other.get("/profile").text, re.S)
        assert own
        [first] = ids - {own[1]}
        assert send(other, f"/profile/sessions/{first}/end").headers["location"] == "/profile"
        assert other.get("/profile").status_code == 200
        assert send(other, f"/profile/sessions/{own[1]}/end").headers["location"] == "/sign-in"
        assert other.get("/profile").headers["location"] == "/sign-in"
        assert browser.get("/profile").headers["location"] == "/sign-in"


def test_signing_out_everywhere(browser: Browser, database: Database) -> None:
    with browsing(database) as other, browsing(database) as stranger:
        for each, email in ((browser, CASE_WORKER), (other, CASE_WORKER), (stranger, ADMINISTRATOR)):
            sign_in(each, database, email)
        secrets = session_of(browser), session_of(other)
        assert send(browser, "/profile/sessions/end").headers["location"] == "/sign-in"
        assert not session_of(browser)
        for secret in secrets:
            assert with_session(browser, secret).headers["location"] == "/sign-in"
        assert stranger.get("/profile").status_code == 200


def test_giving_back_a_role(browser: Browser, database: Database, elsewhere: str) -> None:
    sign_in(browser, database, TREASURER)
    page = english(browser).get("/profile").text
    assert "Badmintonklub, Aarhus" in page
    ids = re.findall(r"/profile/roles/([0-9a-f-]{36})/leave", page)
    assert len(ids) == 2
    with browsing(database) as stranger:
        sign_in(stranger, database, CASE_WORKER)
        assert send(stranger, f"/profile/roles/{ids[0]}/leave").status_code == 404
    for one in ids:
        assert send(browser, f"/profile/roles/{one}/leave").status_code == 303
    assert "You have no role anywhere" in browser.get("/profile").text
    trail = as_owner(database, "SELECT tenant_id::text FROM audit_entry WHERE action = 'identity.member.leave'")
    assert {row[0] for row in trail} > {elsewhere}


def test_the_last_administrator_stays(browser: Browser, database: Database) -> None:
    sign_in(browser, database, ADMINISTRATOR)
    page = english(browser).get("/profile").text
    [role] = re.findall(r"/profile/roles/([0-9a-f-]{36})/leave", page)
    refused = send(browser, f"/profile/roles/{role}/leave")
    assert refused.status_code == 409
    assert "This is the last administrator. Give somebody else that role first." in refused.text
    assert "Administrator" in browser.get("/profile").text


def test_the_own_second_factor_is_changed_with_a_code_alone(browser: Browser, database: Database, at: At) -> None:
    at("2026-11-24T08:00Z")
    sign_in(browser, database, TREASURER, "email")
    assert browser.get("/profile/second-factor").headers["location"] == "/sign-in/second-factor"
    secret, old = set_up_second_factor(browser)
    english(browser)
    assert "You have 10 recovery codes left." in browser.get("/profile/second-factor").text
    for path in ("/profile/second-factor/codes", "/profile/second-factor/remove"):
        assert send(browser, path, {"code": ""}).status_code == 422
        assert send(browser, path, {"code": "000000"}).status_code == 422
    new = send(browser, "/profile/second-factor/codes", {"code": old[0]})
    fresh = re.findall(r"<li><code>([a-z0-9-]+)</code></li>", new.text)
    assert len(fresh) == 10
    assert send(browser, "/profile/second-factor/remove", {"code": old[1]}).status_code == 422
    at("2026-11-24T08:01Z")
    assert send(browser, "/profile/second-factor/remove", {"code": code_of(secret)}).status_code == 303
    sign_in(browser, database, TREASURER, "email")
    assert browser.get("/profile").status_code == 200


def test_a_role_that_demands_a_second_factor_keeps_it(browser: Browser, database: Database) -> None:
    sign_in(browser, database, CASE_WORKER)
    _, recovery = set_up_second_factor(browser)
    assert "/profile/second-factor/remove" not in english(browser).get("/profile/second-factor").text
    assert send(browser, "/profile/second-factor/remove", {"code": recovery[0]}).status_code == 409
    sign_in(browser, database, CASE_WORKER, "email")
    assert browser.get("/profile").headers["location"] == "/sign-in/second-factor"


def test_guessing_codes_in_the_profile_is_slowed_down_too(browser: Browser, database: Database) -> None:
    sign_in(browser, database, TREASURER)
    set_up_second_factor(browser)
    path = "/profile/second-factor/remove"
    assert [send(browser, path, {"code": "000000"}).status_code for _ in range(7)] == [422] * 6 + [429]


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        ("Mozilla/5.0 (Macintosh) AppleWebKit/605 (KHTML, like Gecko) Version/17.0 Safari/605.1", "Safari, macOS"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge, Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) CriOS/140.0 Safari/604.1", "Chrome, iPhone"),
        ("Mozilla/5.0 (Linux; Android 14) Chrome/140.0 Mobile Safari/537.36", "Chrome, Android"),
        ("curl/8.0", ""),
        ("", ""),
    ],
)
def test_a_browser_is_named_in_a_few_words(agent: str, said: str) -> None:
    assert describe_agent(agent) == said


# Today.


def test_every_line_of_today_is_of_a_permission_and_leads_to_a_page(database: Database) -> None:
    pages = {route.path for route in app_over(database).routes}
    for one in WAITING:
        assert one.permission in PERMISSIONS
        assert one.path is None or one.path.partition("?")[0] in pages


def test_what_waits_is_shown_to_those_who_may_do_it(
    browser: Browser, database: Database, municipality: Municipality, at: At
) -> None:
    at("2026-11-24T08:00Z")
    sign_in(browser, database, CASE_WORKER)
    assert "Nothing waits for you" in english(browser).get("/").text
    wait(database, municipality, clock.now())
    page = browser.get("/").text
    found = re.findall(r'waiting-count">([\d,]+)</span>\s*<span>(?:<a[^>]*>)?([^<]+)', page)
    lines = [(count, text.strip()) for count, text in found]
    assert lines == [
        ("1", "Letters held back"),
        ("1", "Print batches, to be handed over"),
        ("1", "Refreshes held, to be approved"),
        ("2", "Imports held, to be confirmed"),
        ("1", "Jobs that failed, or did not run in time"),
    ]
    assert "4 hours ago" in page
    sign_in(browser, database, TREASURER)
    page = english(browser).get("/").text
    assert "Imports" not in page
    assert "Welcome, Kasserer" in page
    assert "Your roles: club treasurer." in page


def wait(database: Database, municipality: Municipality, now: datetime) -> None:
    """Two held imports and one of each of the others, among such as do not wait."""
    bound = f"'{municipality.id}'"
    with database.transaction(municipality.id) as session:
        schemes.add_presets(session, municipality)
    as_owner(
        database,
        f"""INSERT INTO refresh_run (tenant_id, scheme_id, parameter_version_id, fact_set_id, on_date, income_year,
            period_start, period_end, state, counts, created_at)
        SELECT {bound}, v.scheme_id, v.id, uuidv7(), '2026-11-24', 2026, '2026-01-01', '2026-12-31', state, '{{}}',
            '{now - timedelta(hours=3)}'
        FROM (SELECT id, scheme_id FROM parameter_version LIMIT 1) AS v,
            unnest(ARRAY['held', 'overtaken']) AS state RETURNING 1""",
    )
    as_owner(
        database,
        f"""WITH home AS (
            INSERT INTO household (tenant_id, reference, uncertain) VALUES ({bound}, 'a', false) RETURNING id
        ) INSERT INTO letter (tenant_id, number, kind, state, household_id, queued_at)
        SELECT {bound}, state, 'ended', state, home.id, '{now - timedelta(hours=5)}'
        FROM home, unnest(ARRAY['held_back', 'queued']) AS state RETURNING 1""",
    )
    for hours, state in ((2, "held"), (1, "held"), (9, "merged")):
        as_owner(
            database,
            f"""INSERT INTO register_import (tenant_id, state, counts, imported_at)
            VALUES ({bound}, '{state}', '{{}}', '{now - timedelta(hours=hours)}') RETURNING 1""",
        )
    as_owner(
        database,
        f"""INSERT INTO print_batch (tenant_id, number, protected, letters, created_at, pages, sha256, handed_over_at)
        SELECT {bound}, n, false, 1, '{now - timedelta(hours=4)}', CASE WHEN n < 3 THEN 1 END,
            CASE WHEN n < 3 THEN 'x' END, CASE WHEN n = 2 THEN timestamptz '{now}' END
        FROM generate_series(1, 3) AS n RETURNING 1""",
    )
    as_owner(
        database,
        f"""INSERT INTO job_time (tenant_id, job, since, next_at, paused_at)
        SELECT {bound}, name, '{now}', timestamptz '{now}' - late, CASE WHEN paused THEN timestamptz '{now}' END
        FROM (VALUES ('a', interval '1 day', true), ('b', interval '-1 day', false)) AS j (name, late, paused)
        RETURNING 1""",
    )
    as_owner(
        database,
        f"""INSERT INTO job_run (tenant_id, job, period, due_at, state, attempts, finished_at)
        SELECT {bound}, 'b', '2026-11-24', timestamptz '{now}' - interval '10 minutes', 'failed', 1, '{now}'
        RETURNING 1""",
    )


def test_people_are_reviewed_and_invited_by_the_administrator(database: Database, at: At) -> None:
    # Before anybody has a role: it is a year after that it is to be reviewed.
    at("2026-11-24T08:00Z")
    municipality = furnish(database)
    add_club(database)
    with browsing(database) as browser:
        reviewed_and_invited(browser, database, municipality, at)


def reviewed_and_invited(browser: Browser, database: Database, municipality: Municipality, at: At) -> None:
    invited(database, municipality, "ny@aarhus.example")
    sign_in(browser, database, ADMINISTRATOR)
    assert "Nothing waits for you" in english(browser).get("/").text
    at("2026-12-08T08:00Z")
    sign_in(browser, database, ADMINISTRATOR)
    assert "Invitations that expired" in browser.get("/").text
    assert "reviewed" not in browser.get("/").text
    at("2027-11-25T08:00Z")
    sign_in(browser, database, ADMINISTRATOR)
    assert re.search(r'waiting-count">3<.*Roles that nobody has reviewed for a year', browser.get("/").text, re.S)
