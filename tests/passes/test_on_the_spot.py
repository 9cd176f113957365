"""A pass at the counter: found, decided, issued, read out or printed at once."""

import threading
from collections.abc import Callable
from datetime import date
from uuid import UUID, uuid4

import pytest

from service.audit.actions import Actor
from service.console import keys
from service.eligibility.review import Grounds
from service.errors import Conflict, Invalid, NotFound
from service.passes.actions import find_pass
from service.passes.on_the_spot import (
    Candidate,
    OnTheSpot,
    Sought,
    find_children,
    issue_on_the_spot,
    issued_on_the_spot,
    print_on_the_spot,
    spot_round,
)
from tests.passes.town import HIGH, Town

ANNA = Actor("page", uuid4())
SEEN = Grounds("The mother showed her income statement", "income_statement")


def find(town: Town, **sought: object) -> list[Candidate]:
    with town.session() as session:
        at = spot_round(session, town.municipality)
        asked = Sought(**sought)  # type: ignore[arg-type]
        return find_children(session, town.municipality, keys(town.database), at, asked, ANNA)


def issue(town: Town, name: str) -> OnTheSpot:
    [(person,)] = town.rows("SELECT id FROM person WHERE given_name = :name", name=name)
    with town.session() as session:
        at = spot_round(session, town.municipality)
        return issue_on_the_spot(session, town.municipality, keys(town.database), at, person, SEEN, ANNA)


def printed(town: Town, act: UUID) -> bytes:
    with town.session() as session:
        return print_on_the_spot(session, town.municipality, keys(town.database), act, ANNA)


@pytest.fixture
def families(town: Town) -> Town:
    town.family("H1", "Ada", "Bo", income=None, address_protected=1)
    town.family("H2", "Carl", income=HIGH)
    town.family("H3", "Dora")
    town.family("H4", "Eva-Marie", income=None, born="2015-11-20")
    town.load()
    town.commit()
    return town


def test_found_by_number_household_or_birth_date_and_name(families: Town) -> None:
    [ada] = find(families, identity_number=str(families.of("Ada")["person_id"]))
    assert (ada.given_name, ada.household_id, ada.reason, ada.pass_id) == ("Ada", "H1", "income_missing", None)
    assert [one.given_name for one in find(families, household_id="H1")] == ["Ada", "Bo"]
    assert [one.given_name for one in find(families, birth_date=date(2015, 11, 20), name="mar")] == ["Eva-Marie"]
    assert find(families, birth_date=date(2015, 11, 20), name="ada") == []
    assert [one.pass_state for one in find(families, household_id="H3")] == ["live"]
    with pytest.raises(Invalid, match="birth date with a name"):
        find(families, name="Ada")
    logged = families.rows("SELECT details FROM audit_entry WHERE action = 'passes.on_the_spot.find' ORDER BY id")
    assert logged[0] == ({"by": "identity_number", "rows": 1},)


def test_a_pass_at_once_that_every_refresh_keeps(families: Town) -> None:
    made = issue(families, "Ada")
    assert made.number is not None and made.number.replace("-", "")[-4:] == made.number_ending
    with families.session() as session:
        assert find_pass(session, keys(families.database), made.number) == made.pass_id
        again = issued_on_the_spot(session, families.municipality, keys(families.database), made.act)
    assert (again.number, again.pass_id, again.letter_state) == (None, made.pass_id, "queued")
    for on in ("2017-01-15", "2017-06-01"):
        answer = families.commit(on)
        assert (answer["lost"], answer["passes_issued"]) == (0, 0)
    assert families.rows("SELECT DISTINCT ground, valid_from, valid_to FROM award") == [
        ("on_the_spot", date(2017, 1, 15), date(2017, 12, 31))
    ]
    assert families.sound()


def test_also_against_what_the_rule_says_of_the_income(families: Town) -> None:
    assert issue(families, "Carl").amount_ore == 100_000
    assert families.commit()["lost"] == 0


def test_before_the_first_refresh_of_the_period(town: Town) -> None:
    town.family("H1", "Ada", income=None)
    town.family("H2", "Bo")
    town.load()
    issue(town, "Ada")
    answer = town.commit()
    assert (answer["state"], answer["passes_issued"], answer["entitled"]) == ("committed", 1, 2)
    assert town.sound()


def test_who_has_or_had_a_pass_gets_no_second_one(families: Town) -> None:
    with pytest.raises(Conflict, match="Dora has a pass already"):
        issue(families, "Dora")
    families.say("passes", "revoke", families.number("Dora"), "--reason", "no thanks")
    with pytest.raises(Conflict, match="revoked"):
        issue(families, "Dora")
    with pytest.raises(NotFound, match="no such child"):
        issue(families, "H1s mor")


def test_outside_of_the_ages_nothing_is_left_behind(families: Town) -> None:
    families.parameters("min_age=7")
    with pytest.raises(Conflict, match="ages"):
        issue(families, "Ada")
    assert families.rows("SELECT (SELECT count(*) FROM award), (SELECT count(*) FROM review_act)") == [(0, 0)]


def test_twice_at_the_same_moment_gives_one_pass(families: Town) -> None:
    begin, came = threading.Barrier(3), []

    def run() -> None:
        begin.wait()
        try:
            came.append(issue(families, "Bo").letter_state)
        except Conflict as refused:
            came.append(refused.message)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(came)[2] == "queued" and all("has a pass already" in said for said in sorted(came)[:2])
    assert families.sound()


def test_printed_in_person_it_is_not_posted(families: Town, at: Callable[[str], None]) -> None:
    made = issue(families, "Ada")
    first = printed(families, made.act)
    assert first.startswith(b"%PDF") and printed(families, made.act) == first
    assert families.rows("SELECT protected, in_person, letters, handed_over_by FROM print_batch") == [
        (True, True, 1, ANNA.account_id)
    ]
    families.batch()
    said = families.letters()
    states = dict(families.rows("SELECT number, state FROM letter"))
    [number] = [number for number, letter in said.items() if letter.passes[0].child_name == "Ada Prøvesen"]
    assert (states[number], said[number].grounds) == ("handed_over", ("review",))
    assert sorted(states.values()) == ["batched", "handed_over"]
    assert families.sound()


def test_what_is_in_a_print_batch_is_not_printed_again(families: Town) -> None:
    made = issue(families, "Ada")
    families.batch()
    with pytest.raises(Conflict, match="goes by post"):
        printed(families, made.act)


def test_only_what_was_issued_on_the_spot_is_printed(families: Town) -> None:
    with pytest.raises(NotFound):
        printed(families, uuid4())
