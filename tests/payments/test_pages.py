"""The pages of payments as the three people use them."""

from collections.abc import Iterator

import pytest
from litestar.testing import TestClient

from service.identity.sessions import open_session
from service.web.formats import money
from tests.apps import app_over
from tests.calls import Client
from tests.payments.conftest import Paying
from tests.payments.reports import pain_002
from tests.payments.test_runs import month_end


class People:
    """Each of the three with a browser of their own, in English."""

    def __init__(self, paying: Paying) -> None:
        self._app = app_over(paying.town.database)
        self._paying = paying

    def __getitem__(self, who: str) -> Client:
        account = getattr(self._paying, who).account_id
        with self._paying.town.database.transaction(self._paying.town.municipality.id) as session:
            secret = open_session(session, account, "provider", "a browser", strong=True)
        client: Client = TestClient(self._app, raise_server_exceptions=False)
        for name, value in {"medspiller": secret, "language": "en"}.items():
            client.cookies.set(name, value, domain="testserver.local")
        client.get("/health")
        client.headers.update({"x-csrftoken": client.cookies["csrf"], "accept": "text/html"})
        return client


@pytest.fixture
def people(paying: Paying) -> Iterator[People]:
    month_end(paying)
    yield People(paying)


def test_a_run_goes_through_three_hands(paying: Paying, people: People) -> None:
    creator, approver, releaser = (people[who] for who in ("creator", "approver", "releaser"))
    assert "No payment run yet" in creator.get("/payments").text
    wrong = creator.post("/payments", data={"until": "sometime"})
    assert wrong.status_code == 422
    assert "Write a date as day, month and year" in wrong.text
    made = creator.post("/payments", data={"until": "2017-02-10"}, follow_redirects=False)
    assert made.status_code == 303, made.text
    here = made.headers["location"]
    shown = creator.get(here).text
    assert money(2_700_000, "en") in shown
    assert "no approved account" in shown
    assert "Another person than who made it" in shown
    assert creator.post(f"{here}/approval").status_code == 403
    assert approver.post(f"{here}/approval", follow_redirects=False).status_code == 303
    assert approver.post(f"{here}/release").status_code == 403
    assert releaser.post(f"{here}/release", follow_redirects=False).headers["location"] == here
    assert "Give its files" in releaser.get(here).text
    assert releaser.post(f"{here}/release").status_code == 409
    xml = releaser.get(f"{here}/file.xml")
    assert (xml.status_code, xml.content[:5]) == (200, b"<?xml")
    assert releaser.get(f"{here}/nemkonto.csv").status_code == 404
    assert "27000.00" in releaser.get(f"{here}/postings.csv").text
    [(payment, reference)] = paying.town.rows("SELECT id, end_to_end_id FROM payment WHERE amount_ore > 0")
    assert "Claims in it" in releaser.get(f"/payments/{payment}").text
    upload = {"file": ("status.xml", pain_002("x", [(reference, "RJCT"), ("NOBODY", "ACSC")]), "application/xml")}
    assert creator.post("/payments/statuses", files=upload, follow_redirects=False).status_code == 303
    assert "No payment of yours has this reference" in creator.get("/payments/statuses").text
    assert "Its claims are owed again" in creator.get(f"/payments/{payment}").text
    hostile = {"file": ("x.xml", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "application/xml")}
    assert "document type of its own" in creator.post("/payments/statuses", files=hostile).text


def test_over_payments_and_settings(people: People) -> None:
    creator = people["creator"]
    assert "Betalt to gange" in creator.get("/payments/recoveries").text
    wrong = creator.post("/payments/recoveries", data={"number": "1", "amount": "-3", "reason": ""})
    assert wrong.status_code == 422
    assert creator.get("/payments/settings").status_code == 403
