"""The whole sign-in with a real provider process: from our button over its pages to a session with roles, and back."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from service.database.engine import Database
from tests.identity.oidc_stranger import Stranger, strange
from tests.identity.signing_in import Browser, browsing, furnish, session_of, with_session
from tests.jobs.conftest import as_owner

BUTTON, ANSWER = "/sign-in/with/stranger", "/sign-in/with/stranger/answer"


@pytest.fixture
def stranger(database: Database) -> Iterator[Stranger]:
    """A provider that the installation trusts to name its case workers, and to have asked for a second factor."""
    municipality = furnish(database)
    with strange() as provider:
        known: dict[str, Any] = {"key": "stranger", "name": "Strangers", "second_factor_satisfied": True}
        known |= provider.register(f"http://127.0.0.1:8000{ANSWER}")
        grants = {"leisure": "case_worker", "control": "auditor"}
        known |= {"roles_claim": "groups"}
        known["roles"] = [
            {"value": group, "role": role, "municipality": municipality.code} for group, role in grants.items()
        ]
        database.home.mkdir(exist_ok=True)
        file = database.home / "oidc.json"
        file.write_text(json.dumps([known]))
        file.chmod(0o640)
        yield provider


def came_back(browser: Browser, stranger: Stranger) -> str:
    """Press our button and sign in there; the path with the answer."""
    begun = browser.get(BUTTON)
    asked = parse_qs(urlsplit(begun.headers["location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert all(len(asked[name][0]) >= 43 for name in ("code_challenge", "state", "nonce"))
    answer = urlsplit(stranger.agree(begun.headers["location"]))
    assert answer.path == ANSWER
    return f"{answer.path}?{answer.query}"


def roles(database: Database) -> list[str]:
    """The roles that the claims give."""
    rows = as_owner(database, "SELECT role FROM directory.membership WHERE origin = 'claims' AND ended_at IS NULL")
    return sorted(row.role for row in rows)


def test_a_provider_signs_in_whom_it_names_with_the_roles_it_names(database: Database, stranger: Stranger) -> None:
    with browsing(database) as browser:
        assert "Strangers" in browser.get("/sign-in").text
        answer = came_back(browser, stranger)
        assert browser.get(answer).headers["location"] == "/"
        first, page = session_of(browser), browser.get("/profile").text
        assert "Kirsten Testesen" in page
        assert roles(database) == ["case_worker"]
        assert browser.get("/passes").status_code == 200
        # What somebody overheard is worth nothing: not here, not there, and it ends no session.
        with browsing(database) as thief:
            for browser_of in (browser, thief):
                assert browser_of.get(answer).status_code == 404
            assert not session_of(thief)
        assert with_session(browser, first).status_code == 200
        stranger.tell(groups=["control"])
        assert browser.get(came_back(browser, stranger)).headers["location"] == "/"
        assert roles(database) == ["auditor"]
        assert browser.get("/passes").status_code == 403
        assert browser.get("/trail").status_code == 200
        # Signed in anew there is a new session, and the one before is over.
        assert with_session(browser, first).headers["location"] == "/sign-in"
        stranger.tell(groups=[])
        browser.get(came_back(browser, stranger))
        assert roles(database) == []
        assert browser.get("/trail").status_code == 403
