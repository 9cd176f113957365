"""The board's pages and its API, as they answer."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from service.allocation.board_view import read_board
from service.allocation.turns import by_turn
from service.database.engine import Database
from service.stays.queries import find_season
from tests.allocation.boards import Boards, Listed
from tests.allocation.season import Planning, family
from tests.identity.clients import Client, text_of
from tests.stays.camp import NOW, Camp


@pytest.fixture
def boards(database: Database, at: Callable[[str], None]) -> Boards:
    at(NOW)
    made = Boards(Camp(database))
    made.add_stay("S1")
    made.add_stay("S2", families=1)
    made.hand_over([Listed("1", 4, "S1|S2", 5), Listed("2", 3, "S2"), Listed("3", 5)])
    return made


def have(page: str) -> str:
    """What a script says it has of a page."""
    return ",".join(f"{key}:{digest}" for key, digest in re.findall(r'data-key="([^"]+)" data-digest="([^"]+)"', page))


def change(
    boards: Boards, key: str, code: str | None, revision: int = 0, do: str = "move", **more: str
) -> dict[str, Any]:
    fields = {"municipality": str(boards.uvik), "family": key, "revision": revision, "do": do}
    return fields | {"stay": str(boards.stays[code]) if code else ""} | more


def reads(boards: Boards) -> int:
    query = "SELECT count(*) FROM audit_entry WHERE action = 'allocation.board.read'"
    return int(boards.camp.rows(boards.camp.organisation, query)[0][0])


def test_a_page_that_is_opened_is_noted_and_what_follows_is_not(boards: Boards) -> None:
    at = f"/seasons/{boards.season}/board"
    with boards.camp.browser("volunteer") as browser:
        page = browser.get(at).text
        assert "Board of Sommer 2026" in text_of(page)
        assert reads(boards) == 1
        stamp = re.search(r'data-stamp="([^"]+)"', page)
        assert stamp
        same = browser.get(f"{at}/changes?since={stamp[1]}&have={have(page)}")
        assert (same.status_code, same.text) == (204, "")
        boards.move("1", "S1", "coordinator")
        parts = browser.get(f"{at}/changes?since={stamp[1]}&have={have(page)}")
        # Only the two columns that look otherwise, and no page around them.
        assert parts.text.count('class="board-column') == 2
        assert "<html" not in parts.text
        assert reads(boards) == 1
        boards.add_stay("S9")
        assert browser.get(f"{at}/changes?since={stamp[1]}&have={have(page)}").status_code == 205


def test_a_script_gets_what_changed_and_a_form_the_page(boards: Boards) -> None:
    at = f"/seasons/{boards.season}/board"
    with boards.camp.browser("volunteer") as browser:
        known = have(browser.get(at).text)
        done = browser.send(f"{at}/changes", change(boards, "1", "S1", have=known))
        assert done.status_code == 200
        assert done.text.count('class="board-column') == 2
        again = browser.send(f"{at}/changes", change(boards, "1", "S2"))
        assert again.status_code == 409
        assert "The volunteer placed the family at S1" in text_of(again.text)
        refused = browser.send(f"{at}/changes", change(boards, "1", "S2", have=known))
        assert refused.status_code == 200
        assert "data-refused" in refused.text
        plain = browser.send(f"{at}/changes", change(boards, "1", None, 1, "wait", card="card-0a"))
        assert (plain.status_code, plain.headers["location"]) == (303, f"{at}#card-0a")
        for wrong in (
            change(boards, "1", None, 2),
            change(boards, "1", "S1", 2, "beds"),
            change(boards, "1", "S1", 2, "fly"),
            change(boards, "1", "S1", 2) | {"municipality": "x"},
            change(boards, "1", "S1", 2, "beds", beds="700"),
        ):
            assert browser.send(f"{at}/changes", wrong).status_code == 422, wrong
        assert browser.send(f"{at}/changes", change(boards, "77", "S1")).status_code == 404
        assert browser.send(f"{at}/undo", {"change": "1"}).status_code == 409
        assert browser.send(f"{at}/groups", {"kind": "apart", "first": "card-1", "second": "card-2"}).status_code == 400
        lost = browser.send(f"{at}/search", {"name": "ber", "persons": "3", "need": "3", "of": "Uvik"})
        assert lost.text.count(" hidden>") == 2


def test_who_may_not_sees_no_board(boards: Boards) -> None:
    for name in ("worker", "nurse"):
        with boards.camp.browser(name) as browser:
            assert browser.get(f"/seasons/{boards.season}/board").status_code == 403
            assert browser.call("GET", f"/seasons/{boards.season}/board").status_code == 403


def test_a_season_without_stays_or_families_has_a_board(database: Database, at: Callable[[str], None]) -> None:
    at(NOW)
    camp = Camp(database)
    camp.plan("A1", published=False)
    camp.as_owner("DELETE FROM stay")
    with camp.browser("volunteer") as browser:
        assert "No stays yet" in text_of(browser.get(f"/seasons/{camp.season}/board").text)
        assert browser.get("/seasons/00000000-0000-0000-0000-000000000001/board").status_code == 404


def test_the_page_holds_nothing_that_was_not_handed_over_for_it(boards: Boards) -> None:
    """No phone number and nobody's name but that of the contact; a name with markup is text."""
    named = Listed("1", 4)
    named.named = "<b>Amina Ali"
    boards.hand_over([named])
    with boards.camp.browser("volunteer") as browser:
        page = browser.get(f"/seasons/{boards.season}/board").text
    assert "90000000" not in page
    assert "P2k1" not in page
    assert "&lt;b&gt;Amina" in page
    assert "<b>Amina" not in page


def test_the_api_plans_as_the_pages_do(boards: Boards) -> None:
    at = f"/seasons/{boards.season}"
    named = {"municipality_id": str(boards.uvik), "family": "1"}

    def call(browser: Client, path: str, body: Any = None, **headers: str) -> Any:
        return browser.call("POST", f"{at}/{path}", body, **headers)

    with boards.camp.browser("volunteer") as browser:
        shown = browser.call("GET", f"{at}/board").json()
        assert [one["code"] for one in shown["stays"]] == ["R1", "S1", "S2"]
        assert [(one["contact_name"], one["stay_id"], one["revision"]) for one in shown["families"]] == [
            ("Amina Ali", None, 0),
            ("Berit Berg", None, 0),
            ("Carla Cruz", None, 0),
        ]
        wanted = named | {"revision": 0, "stay_id": str(boards.stays["S2"]), "lock": True}
        placed = call(browser, "placements", wanted, **{"Idempotency-Key": "one"}).json()
        assert (placed["stay_id"], placed["locked"], placed["wish"], placed["revision"]) == (
            wanted["stay_id"],
            True,
            2,
            1,
        )
        assert call(browser, "placements", wanted, **{"Idempotency-Key": "one"}).json() == placed
        stale = call(browser, "placements", wanted | {"stay_id": None})
        assert (stale.status_code, "placed the family at S2" in stale.json()["detail"]) == (409, True)
        full = call(browser, "placements", wanted | {"family": "2"})
        assert "Left there: family places 0" in full.json()["detail"]
        assert call(browser, "board/beds", named | {"revision": 1, "beds": 3}).json()["held_beds"] == 3
        assert call(browser, "board/undo").json()["held_beds"] == 4
        assert call(browser, "board/beds", named | {"revision": 3}).json()["revision"] == 3
        group = call(browser, "board/groups", {"kind": "apart", "families": [named, named | {"family": "2"}]})
        assert group.status_code == 201
        met = call(browser, "placements", named | {"family": "2", "revision": 0, "stay_id": str(boards.stays["S2"])})
        assert "kept apart from Amina Ali" in met.json()["detail"]
        shown = browser.call("GET", f"{at}/board").json()
        assert [one["id"] for one in shown["groups"]] == [group.json()["id"]]
        assert {one["severity"] for one in shown["conflicts"]} == {"info"}
        path = f"{at}/board/groups/{group.json()['id']}"
        assert browser.call("DELETE", path).status_code == 204
        assert browser.call("DELETE", path).status_code == 404
        assert reads(boards) == 2


def test_who_waits_stands_by_need_until_the_draw_is_shown_and_by_turn_after(planning: Planning) -> None:
    stays = planning.camp.stays
    planning.camp.as_owner("UPDATE stay SET family_places = 1, min_families = 0")
    planning.lists(
        *(family(f"F{number}", 3, stays["A1"], need=2) for number in range(9)),
        family("late", 3, stays["A1"], need=5, late=True),
    )
    planning.commit()

    def waiting() -> list[str]:
        with planning.camp.session(planning.tenant) as session:
            season = find_season(session, planning.season)
            shown = read_board(session, season, None, by_turn(planning.secrets))
        return [one.id.key for one in shown.columns[0].cards]

    assert waiting() == ["late", *(f"F{number}" for number in range(9))]
    told = planning.told(planning.run())
    assert waiting() == [*sorted(told, key=lambda key: told[key].rank), "late"]
