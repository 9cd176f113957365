"""Staff at the pages of claims: what they read and send, and claims that wait for them."""

import re
from html import unescape
from uuid import UUID

from httpx import Response

from tests.calls import Client
from tests.claims.clubs import claim
from tests.passes.town import Town

HTML = {"accept": "text/html"}


def english(client: Client) -> Client:
    client.cookies.set("language", "en", domain="testserver.local")
    return client


def read(client: Client, address: str, status: int = 200) -> str:
    answer: Response = client.get(address, headers=HTML, follow_redirects=False)
    assert answer.status_code == status, answer.text
    return answer.text


def send(client: Client, address: str, **fields: object) -> Response:
    return client.post(address, data=fields, headers=HTML, follow_redirects=False)


def follow(client: Client, answer: Response) -> str:
    """The page to which an answer leads, in words."""
    assert answer.status_code == 303, answer.text
    return said(read(client, answer.headers["location"]))


def said(html: str) -> str:
    main = html[html.index("<main") :] if "<main" in html else html
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", main))).replace("\u00a0", " ").strip()


def key_of(html: str) -> str:
    found: str = re.findall(r'name="key" value="([^"]+)"', html)[0]
    return found


def wrong_fields(answer: Response) -> set[str]:
    """The fields that a form says are wrong."""
    assert answer.status_code == 422, answer.text
    return set(re.findall(r'id="([a-z_]+)-error"', answer.text))


def waiting(town: Town, club: UUID, child: str = "Nour", written: str = "Nora", **changes: object) -> UUID:
    """A claim that waits, since the name is another one."""
    made = claim(town, club, child, given_name=written, **changes)  # type: ignore[arg-type]
    assert made.state == "submitted"
    return made.id


def state_of(town: Town, claim_id: UUID) -> str:
    [(state,)] = town.rows("SELECT state FROM claim WHERE id = :id", id=claim_id)
    return str(state)
