"""Replacing and revoking passes, the ledger, and what the database refuses whoever asks."""

from collections.abc import Callable

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from service.console import keys
from service.values import pass_numbers
from tests.claims.clubs import claim, open_club
from tests.passes.town import IN_2017, Town

ADJUSTED = """
    INSERT INTO pass_entry (tenant_id, pass_id, kind, fund, amount_ore, entered_at)
    SELECT tenant_id, id, 'adjust', 'membership', :ore, now() FROM leisure_pass WHERE state = 'live'
"""


@pytest.fixture
def ada(town: Town) -> Town:
    """A town with one child, Ada, who has a pass of 1,000 kr in a letter that was sent."""
    town.family("H1", "Ada")
    town.load()
    town.commit()
    town.batch()
    town.send()
    return town


def states(town: Town) -> list[tuple[str, str, str]]:
    return [(row["pass_number"], row["remaining_ore"], row["state"]) for row in town.listed()]


def test_a_replacement_takes_what_remains(ada: Town) -> None:
    old = ada.number("Ada")
    claim(ada, open_club(ada), "Ada", 400_00)
    answer = ada.say("passes", "replace", pass_numbers.grouped(old).lower(), "--reason", "lost on the bus")
    new = ada.number("Ada")
    assert states(ada) == [(old, "0", "replaced"), (new, "60000", "live")]
    assert "replaced already" in ada.refused("passes", "replace", old, "--reason", "again")
    assert "replaced already" in ada.refused("passes", "revoke", old, "--reason", "again")
    assert ada.rows("SELECT number, state FROM letter WHERE number = :n", n=answer["letter"]) == [
        (answer["letter"], "queued")
    ]
    ada.batch()
    assert [sheet.bare_number for sheet in ada.letters()[answer["letter"]].passes] == [new]
    assert ada.commit()["passes_issued"] == 0
    assert ada.rows("SELECT action, reason FROM audit_entry WHERE action = 'passes.replace'") == [
        ("passes.replace", "lost on the bus")
    ]
    assert ada.sound()


def test_a_used_up_pass_is_replaced_by_an_empty_one(ada: Town) -> None:
    claim(ada, open_club(ada), "Ada", 1000_00)
    ada.say("passes", "replace", ada.number("Ada"), "--reason", "stolen")
    assert [remaining for _, remaining, _ in states(ada)] == ["0", "0"]
    assert ada.sound()


def test_a_revoked_pass_stays_revoked(ada: Town) -> None:
    number = ada.number("Ada")
    assert ada.say("passes", "revoke", number, "--reason", "the family says no")["state"] == "revoked"
    assert states(ada) == [(number, "100000", "revoked")]
    assert (ada.commit()["passes_issued"], len(ada.listed())) == (0, 1)
    assert "revoked already" in ada.refused("passes", "revoke", number, "--reason", "again")
    assert ada.rows("SELECT count(*) FROM audit_entry WHERE action = 'passes.revoke' AND reason <> ''") == [(1,)]
    assert ada.sound()


def test_numbers_that_cannot_be(ada: Town) -> None:
    number = ada.number("Ada")
    swapped = number[:3] + number[4] + number[3] + number[5:] if number[3] != number[4] else number[:-1] + "*"
    assert ada.refused("passes", "revoke", swapped, "--reason", "x").count("\n") == 1
    assert "No pass" in ada.refused("passes", "revoke", pass_numbers.generate_from(1), "--reason", "x")
    assert "reason" in ada.refused("passes", "replace", number, "--reason", "  ")
    ada.run("municipality", "add", "0301", "Oslo", "--country", "no")
    other = ada.run.fails("passes", "revoke", "--municipality", "0301", number, "--reason", "x")
    assert "No pass of this municipality" in other
    assert states(ada) == [(number, "100000", "live")]


def test_an_expired_pass_is_listed_as_such_and_not_replaced(ada: Town, at: Callable[[str], None]) -> None:
    number = ada.number("Ada")
    at("2017-12-31T22:30Z")
    assert states(ada) == [(number, "100000", "live")]
    at("2017-12-31T23:30Z")
    assert states(ada) == [(number, "100000", "expired")]
    assert "expired on 2017-12-31" in ada.refused("passes", "replace", number, "--reason", "lost")


def test_the_letter_of_a_replacement_goes_to_where_the_child_lives_now(ada: Town) -> None:
    ada.family("H2", "Bo", street="Nyvej 2")
    ada.of("Ada").update(household_id="H2", street="Nyvej 2")
    ada.load()
    answer = ada.say("passes", "replace", ada.number("Ada"), "--reason", "moved out")
    ada.batch()
    assert ada.letters()[answer["letter"]].recipient == ("H2s mor Prøvesen", "Nyvej 2", "8000 Aarhus C")


def test_a_letter_not_sent_yet_never_brings_a_child_s_pass_to_a_home_it_has_left(town: Town) -> None:
    town.family("H1", "Ada", "Eva")
    town.load()
    town.commit()
    town.family("H2", "Bo", street="Nyvej 2")
    town.of("Ada").update(household_id="H2", street="Nyvej 2")
    town.load()
    town.batch()
    held = town.run("letters", "held", "--municipality", "0751")["held_back"]
    assert [(letter["household_id"], "left the household" in letter["because"]) for letter in held] == [("H1", True)]
    town.say("passes", "replace", town.number("Ada"), "--reason", "moved out")
    town.batch()
    said = {letter.recipient[1]: [sheet.child_name for sheet in letter.passes] for letter in town.letters().values()}
    assert said == {"Prøvevej 1": ["Eva Prøvesen"], "Nyvej 2": ["Ada Prøvesen"]}
    assert town.sound()


def test_what_is_listed(ada: Town) -> None:
    row = ada.listed()[0]
    number, key = row.pop("pass_number"), row.pop("person_key")
    assert pass_numbers.parse(number) == number
    assert ada.rows("SELECT given_name FROM person WHERE id = :key", key=key) == [("Ada",)]
    assert row == {
        "household_id": "H1",
        "given_name": "Ada",
        "birth_date": "2010-05-17",
        "valid_from": "2017-01-01",
        "valid_to": "2017-12-31",
        "amount_ore": "100000",
        "remaining_ore": "100000",
        "state": "live",
    }
    assert ada.rows("SELECT details FROM audit_entry WHERE action = 'passes.list'") == [({"rows": 1},)]
    assert "cannot be written" in ada.refused("passes", "list", "--out", "/proc/nothing/passes.csv")


def test_a_pass_may_pay_equipment_too(town: Town) -> None:
    town.parameters("equipment=500")
    town.family("H1", "Ada")
    town.load()
    town.commit()
    town.say("passes", "replace", town.number("Ada"), "--reason", "lost")
    rows = town.rows("SELECT state, remaining_ore, equipment_remaining_ore FROM leisure_pass ORDER BY issued_at, id")
    assert rows == [("replaced", 0, 0), ("live", 1000_00, 500_00)]
    assert town.sound()


REFUSED = (
    ("UPDATE leisure_pass SET remaining_ore = 1", "permission denied"),
    ("UPDATE leisure_pass SET amount_ore = 1", "permission denied"),
    ("DELETE FROM leisure_pass", "permission denied"),
    ("INSERT INTO leisure_pass (remaining_ore) VALUES (1)", "permission denied"),
    ("UPDATE pass_entry SET amount_ore = 1", "permission denied"),
    ("DELETE FROM pass_entry", "permission denied"),
    ("TRUNCATE pass_entry", "permission denied"),
    ("SELECT * FROM directory.secret", "permission denied"),
    (ADJUSTED.replace(":ore", "-100001"), "ck_leisure_pass_balance"),
    (ADJUSTED.replace(":ore", "0"), "ck_pass_entry_amount"),
    (ADJUSTED.replace(":ore", "-100").replace("adjust", "settle"), "ck_pass_entry_reason"),
    ("UPDATE leisure_pass SET state = 'used', ended_at = now()", "cannot go from live to used"),
    ("UPDATE leisure_pass SET state = 'revoked'", "ck_leisure_pass_ended"),
    ("UPDATE letter SET state = 'queued'", "cannot go from handed_over to queued"),
    ("UPDATE letter SET state = 'batched'", "cannot go from handed_over to batched"),
    ("UPDATE letter SET batch_id = NULL", "ck_letter_batched"),
)


def test_what_the_app_cannot_do(ada: Town) -> None:
    for statement, refusal in REFUSED:
        with pytest.raises(DatabaseError, match=refusal), ada.session() as session:
            session.execute(text(statement))


def test_the_ledger_is_append_only_for_the_owner_too(ada: Town) -> None:
    for statement in ("UPDATE pass_entry SET amount_ore = 1", "DELETE FROM pass_entry", "TRUNCATE pass_entry"):
        with pytest.raises(DatabaseError, match="append-only"), ada.owner() as session:
            session.execute(text(statement))


def test_an_ended_pass_does_not_come_back(ada: Town) -> None:
    ada.say("passes", "revoke", ada.number("Ada"), "--reason", "no")
    with pytest.raises(DatabaseError, match="cannot go from revoked to live"), ada.session() as session:
        session.execute(text("UPDATE leisure_pass SET state = 'live', ended_at = NULL"))


def test_no_secret_stands_in_the_database(ada: Town) -> None:
    number, code = ada.number("Ada"), next(iter(ada.letters().values())).private_code
    ring = keys(ada.database)
    kept = {"pass": ring.lookup_hash("pass", number), "family": ring.lookup_hash("family", code.replace(" ", ""))}
    with ada.owner() as session:
        assert dict(map(tuple, session.execute(text("SELECT kind, hash FROM directory.secret")))) == kept
        tables = session.execute(
            text("SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname IN (:a, :b)"),
            {"a": "public", "b": "directory"},
        ).scalars()
        rows = [str(row) for table in tables.all() for row in session.execute(text(f"SELECT t::text FROM {table} t"))]
    assert len(rows) > 20
    for secret in (number, pass_numbers.grouped(number), code, code.replace(" ", "")):
        for written in (secret, secret.encode().hex()):
            assert not [row for row in rows if written.lower() in row.lower()]


def test_a_private_code_ends_with_the_next_letter(ada: Town) -> None:
    codes = "SELECT l.number, c.ended_at IS NULL FROM private_code c JOIN letter l ON l.id = c.letter_id ORDER BY 1"
    assert [live for _, live in ada.rows(codes)] == [True]
    ada.say("passes", "replace", ada.number("Ada"), "--reason", "lost")
    assert [live for _, live in ada.rows(codes)] == [True]
    ada.batch()
    assert [live for _, live in ada.rows(codes)] == [False, True]


def test_letters_of_one_mailing_do_not_end_each_other_s_code(town: Town) -> None:
    town.alone("HOME", "Ada", "Bo")
    town.award("Ada")
    town.award("Bo")
    town.family("H1", "Carl", "Dora", born="2010-01-01")
    town.load()
    town.commit(IN_2017)
    town.batch()
    town.send()
    town.say("passes", "replace", town.number("Ada"), "--reason", "lost")
    town.say("passes", "replace", town.number("Carl"), "--reason", "lost")
    town.say("passes", "replace", town.number("Dora"), "--reason", "lost")
    town.batch()
    live = town.rows(
        """SELECT h.reference, count(*) FROM private_code c JOIN household h ON h.id = c.household_id
        WHERE c.ended_at IS NULL GROUP BY 1 ORDER BY 1"""
    )
    assert live == [("H1", 2), ("HOME", 2)]
