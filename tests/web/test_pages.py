"""The shell around every page: language, menu, messages, errors, and the files it is made of."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jinja2 import UndefinedError
from litestar import Litestar
from litestar.testing import TestClient

from service.database.engine import Database
from service.errors import Refused
from service.identity.access import Principal
from service.web import assets, menu, pages
from tests.apps import app_over
from tests.browser.gallery import ENTRIES, SOMEBODY, gallery_app

Client = TestClient[Litestar]


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr(menu, "MENU", ENTRIES)
    with TestClient(gallery_app(), raise_server_exceptions=False) as client:
        yield client


def seen_by(principal: Principal | None, **headers: str) -> str:
    with TestClient(gallery_app(principal)) as client:
        return client.get("/progress", headers=headers).text


def language_in(html: str) -> str:
    found = re.search(r'<html lang="(\w+)"', html)
    assert found
    return found[1]


def test_the_language_is_that_of_the_person_then_of_the_place(client: Client) -> None:
    assert language_in(seen_by(SOMEBODY, **{"accept-language": "en"})) == "da"
    assert language_in(seen_by(msgspec.structs.replace(SOMEBODY, language="nb"))) == "nb"
    assert language_in(seen_by(msgspec.structs.replace(SOMEBODY, language="xx"))) == "da"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("da-DK,da;q=0.9,en;q=0.8", "da"),
        ("en;q=0.5, nn;q=0.8", "nb"),
        ("no", "nb"),
        ("de, nb;q=0", "en"),
        ("de", "en"),
        ("", "en"),
        (";;q=x,,", "en"),
    ],
)
def test_the_language_of_a_stranger_is_that_of_the_browser(header: str, language: str) -> None:
    assert language_in(seen_by(None, **{"accept-language": header})) == language


def test_a_stranger_chooses_a_language() -> None:
    with TestClient(gallery_app(None)) as client:
        client.get("/progress")
        form = {"_csrf_token": client.cookies["csrf"], "language": "nb", "back": "/progress"}
        answer = client.post("/language", data=form, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/progress")
        assert language_in(client.get("/progress").text) == "nb"
        for elsewhere in ("https://example.org/", "//example.org", "/\\example.org", "/\t/example.org"):
            answer = client.post("/language", data=form | {"back": elsewhere}, follow_redirects=False)
            assert answer.headers["location"] == "/"


def test_the_menu_shows_what_somebody_may() -> None:
    assert [entry.path for entry in shown_to(SOMEBODY)] == ["/gallery", "/other", "/third"]
    allowed = msgspec.structs.replace(SOMEBODY, permissions=frozenset({"passes.read"}))
    assert [entry.path for entry in shown_to(allowed)] == ["/other"]
    assert shown_to(None) == []


def shown_to(principal: Principal | None) -> list[menu.Entry]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(menu, "MENU", ENTRIES)
        return menu.menu_of(principal)


def test_the_menu_leads_to_pages_that_stand(database: Database) -> None:
    routes = {route.path for route in app_over(database).routes}
    wanted = {entry.path for entry in menu.MENU} | {menu.LANGUAGE}
    assert wanted <= routes


def test_a_page_knows_who_looks_at_it(client: Client) -> None:
    html = client.get("/progress").text
    assert "Lillevik Kommune" in html
    assert 'data-color-scheme="auto"' in html
    assert 'action="/sign-out"' in html
    assert 'href="/places"' in html
    alone = seen_by(msgspec.structs.replace(SOMEBODY, places=1, theme="dark"))
    assert 'href="/places"' not in alone
    assert 'data-color-scheme="dark"' in alone
    assert 'href="/sign-in"' in seen_by(None)


def test_a_message_is_shown_once_and_stands_in_no_address(client: Client) -> None:
    client.get("/gallery")
    answer = client.post("/gallery", data=good(client), follow_redirects=False)
    assert answer.headers["location"] == "/gallery"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "Max-Age=60" in cookie
    first, second = client.get("/gallery").text, client.get("/gallery").text
    assert "&lt;Svøm&gt; stands in the gallery." in first
    assert "stands in the gallery" not in second


def good(client: Client) -> dict[str, Any]:
    answers = {"name": "<Svøm>", "fee": "10", "members": "3", "since": "1.2.2026", "kind": "sport", "area": "north"}
    return {"_csrf_token": client.cookies["csrf"], "days": ["monday"], **answers}


def test_a_message_of_somebody_else_is_not_shown(client: Client) -> None:
    client.get("/gallery")
    client.post("/gallery", data=good(client), follow_redirects=False)
    content, _, signature = client.cookies["message"].strip('"').partition(".")
    for forged in (f"{content}x.{signature}", f"{content}.{'0' * 64}", f"{content}.æ", "x"):
        page = client.get("/gallery", headers={b"cookie": f"message={forged}".encode()})
        assert page.status_code == 200
        assert "was added" not in page.text


def test_a_redirect_leads_nowhere_else() -> None:
    for path in ("https://example.org", "//example.org", "/\\example.org", "", "/a\nb"):
        assert not pages.is_local(path)
    assert pages.is_local("/clubs?after=x")


def test_a_refused_form_is_shown_again_with_what_was_written(client: Client) -> None:
    client.get("/gallery")
    answer = client.post("/gallery", data=good(client) | {"name": '"x', "fee": "1.000"})
    assert answer.status_code == 422
    assert 'value="&#34;x"' in answer.text
    assert '<a class="ds-link" href="#fee">' in answer.text
    assert re.search(r'id="fee" name="fee" value="1.000" aria-describedby="fee-error" aria-invalid="true"', answer.text)
    assert re.search(r'value="monday" checked', answer.text)
    conflict = client.post("/gallery", data=good(client) | {"name": "Taken"})
    assert conflict.status_code == 409
    assert "There is a club Taken already." in conflict.text


def test_nothing_from_a_person_is_taken_for_markup(client: Client) -> None:
    html = client.get("/gallery").text
    assert "<b>Musik" not in html
    assert "&lt;b&gt;Musik&lt;/b&gt; &amp; dans" in html


def test_a_row_has_a_labelled_cell_for_each_column() -> None:
    labelled = pages._labelled("<th>a</th><td class='x'>b</td>", ["Name", ('"Fee"', "number")])
    assert labelled == (
        '<th scope="row" role="rowheader" class="" data-label="Name">a</th>'
        '<td role="cell" class="number" data-label="&#34;Fee&#34;" class=\'x\'>b</td>'
    )
    for cells in ("<th>a</th>", "<th>a</th><td>b</td><td>c</td>"):
        with pytest.raises(ValueError, match="as many cells"):
            pages._labelled(cells, ["Name", "Fee"])


def test_a_value_that_was_forgotten_is_an_error() -> None:
    template = pages.environment("en").from_string("{{ forgotten }}")
    with pytest.raises(UndefinedError):
        template.render()


@pytest.mark.parametrize(("path", "status"), [("/refused", 409), ("/error", 500)])
def test_an_error_is_a_page_that_says_what_to_do(client: Client, path: str, status: int) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert 'class="ds-button" data-variant="primary" href="/"' in answer.text
    assert ("00000000-0000-0000-0000-000000000007" in answer.text) == (status == 500)


def test_files_are_kept_for_ever_under_their_own_hash(client: Client) -> None:
    url = assets.static_url("medspiller.css")
    kept = client.get(url, headers={"accept-encoding": "gzip"})
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert kept.headers["content-encoding"] == "gzip"
    assert kept.headers["content-type"].startswith("text/css")
    assert "set-cookie" not in kept.headers
    plain = client.get(url, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == kept.content == (assets.STATIC / "medspiller.css").read_bytes()
    old = client.get("/static/0123456789abcdef/medspiller.css")
    assert (old.status_code, old.headers["cache-control"]) == (200, "no-cache")


@pytest.mark.parametrize("name", ["nothing.css", "../assets.py", "..%2fassets.py", "vendor/htmx.LICENSE", "vendor"])
def test_only_files_of_the_pages_are_served(client: Client, name: str) -> None:
    version = assets.load_assets().version
    assert client.get(f"/static/{version}/{name}").status_code == 404


def test_what_styles_refer_to_is_there() -> None:
    files = assets.load_assets().files
    styles = files["medspiller.css"].content.decode()
    referred = re.findall(r"url\((?!\"data:)([^)]+)\)", styles)
    assert len(referred) == 2
    assert set(referred) <= set(files)
    packed = files["vendor/designsystemet.css"].packed
    assert packed is not None
    assert gzip.decompress(packed) == files["vendor/designsystemet.css"].content


def test_missing_files_are_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "STATIC", tmp_path)
    with pytest.raises(Refused, match="make install"):
        assets.load_assets.__wrapped__()


def test_a_failed_fetch_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "package.json").write_text("{}")
    monkeypatch.setattr(assets, "_ROOT", tmp_path)
    with pytest.raises(Refused, match="npm could not fetch the styles"):
        assets.fetch()
    assert assets.load_assets.__wrapped__().files
