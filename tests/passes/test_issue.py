"""Which child gets a pass, in which envelope, and who is told that there is none any more."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable

from tests.passes.town import CODE, HIGH, IN_2016, IN_2017, LOW, Town

ENVELOPES = """
    SELECT h.reference, l.kind, string_agg(p.given_name, ' ' ORDER BY p.given_name) AS children
    FROM letter l JOIN household h ON h.id = l.household_id
    JOIN (SELECT letter_id, pass_id FROM pass_letter UNION ALL SELECT letter_id, pass_id FROM ended_notice) AS c
        ON c.letter_id = l.id
    JOIN leisure_pass pass ON pass.id = c.pass_id JOIN person p ON p.id = pass.person_id
    GROUP BY l.id, h.reference, l.kind ORDER BY 1, 2, 3
"""


def test_every_entitled_child_once_and_siblings_together(town: Town) -> None:
    town.family("H1", "Ada", "Bo")
    town.family("H2", "Carl", income=HIGH)
    town.family("H3", "Dora", income=None)
    town.family("H4", "Twin", "Twin")
    town.load()
    first = town.commit()
    assert (first["passes_issued"], first["letters_queued"], first["state"]) == (4, 2, "committed")
    assert town.rows(ENVELOPES) == [("H1", "pass", "Ada Bo"), ("H4", "pass", "Twin Twin")]
    again = town.commit()
    assert (again["passes_issued"], again["letters_queued"]) == (0, 0)
    assert len({row["pass_number"] for row in town.listed()}) == 4
    assert town.sound()


def test_a_dry_run_issues_nothing(town: Town) -> None:
    town.family("H1", "Ada")
    town.load()
    asked = ("--municipality", CODE, "--scheme", "fritidspas", "--on", IN_2017)
    assert town.run("eligibility", "refresh", *asked)["passes_issued"] == 0
    assert town.listed() == []


def test_without_a_provider_each_child_has_its_own_envelope(town: Town) -> None:
    town.alone("HOME", "Ada", "Bo", "Carl")
    for child in ("Ada", "Bo"):
        town.award(child)
    town.family("H2", "Dora", income=HIGH)
    town.load()
    assert (answer := town.commit())["passes_issued"] == 2
    assert answer["letters_queued"] == 2
    assert town.rows(ENVELOPES) == [("HOME", "pass", "Ada"), ("HOME", "pass", "Bo")]
    town.batch()
    assert {letter.recipient[0] for letter in town.letters().values()} == {"Ada Prøvesen", "Bo Prøvesen"}


def test_a_new_period_starts_anew(town: Town, at: Callable[[str], None]) -> None:
    at(f"{IN_2016}T08:00Z")
    town.family("KEEPS", "Ada")
    town.family("LOSES", "Bo")
    town.family("NEVER", "Carl", income=HIGH)
    town.family("DOUBT", "Dora")
    town.family("GIVES", "Eva")
    town.load()
    assert town.commit(IN_2016)["passes_issued"] == 4
    town.say("passes", "revoke", town.number("Eva"), "--reason", "the family says no")
    town.batch()
    town.send()

    town.incomes |= {"LOSES": HIGH, "GIVES": HIGH, "DOUBT": 90_000_000_000}
    town.load()
    lost = town.commit("2016-12-20")
    assert (lost["lost"], lost["passes_revoked"], lost["letters_queued"]) == (3, 0, 0)
    at(f"{IN_2017}T08:00Z")
    new = town.commit(IN_2017)
    assert (new["passes_issued"], new["letters_queued"], new["ended_letters"]) == (1, 2, 1)
    assert town.commit(IN_2017)["letters_queued"] == 0
    states = Counter((row["given_name"], row["valid_from"], row["state"]) for row in town.listed())
    assert states == Counter(
        [
            ("Ada", "2016-01-01", "expired"),
            ("Ada", "2017-01-01", "live"),
            ("Bo", "2016-01-01", "expired"),
            ("Dora", "2016-01-01", "expired"),
            ("Eva", "2016-01-01", "revoked"),
        ]
    )
    town.batch()
    ended = [letter for letter in town.letters().values() if letter.kind == "ended"]
    assert [(letter.recipient[0], letter.ended[0].child_name) for letter in ended] == [
        ("LOSESs mor Prøvesen", "Bo Prøvesen")
    ]
    assert (ended[0].grounds, ended[0].passes) == (("income_above_limit",), ())
    assert town.sound()


def test_who_is_entitled_again_before_the_letter_is_printed_is_not_told_of_an_end(
    town: Town, at: Callable[[str], None]
) -> None:
    town.family("H1", "Ada")
    town.load()
    town.commit(IN_2016)
    town.batch()
    town.incomes["H1"] = HIGH
    town.load()
    assert town.commit(IN_2017)["ended_letters"] == 1
    town.incomes["H1"] = LOW
    town.load()
    assert town.commit(IN_2017)["passes_issued"] == 1
    town.batch()
    assert town.rows("SELECT kind, state FROM letter ORDER BY number") == [
        ("pass", "batched"),
        ("ended", "cancelled"),
        ("pass", "batched"),
    ]
    assert town.sound()


def test_a_lost_pass_ends_where_the_parameters_say_so(town: Town) -> None:
    town.parameters("keep_when_lost=no")
    for household, child in (("STAYS", "Ada"), ("LOSES", "Bo"), ("LEAVES", "Carl"), ("DOUBT", "Dora")):
        town.family(household, child)
    town.load()
    assert town.commit(IN_2016)["passes_issued"] == 4
    town.people = [row for row in town.people if row["household_id"] != "LEAVES"]
    town.incomes |= {"LOSES": HIGH, "DOUBT": 90_000_000_000}
    del town.incomes["LEAVES"]
    town.load()
    answer = town.commit("2016-12-20")
    assert (answer["passes_revoked"], answer["letters_queued"]) == (2, 0)
    ended = town.rows(
        "SELECT p.given_name, l.state, l.ended_because FROM leisure_pass l JOIN person p "
        "ON p.id = l.person_id WHERE l.state <> 'live' ORDER BY 1"
    )
    assert ended == [("Bo", "revoked", "entitlement lost"), ("Carl", "revoked", "entitlement lost")]
    town.incomes["LOSES"] = LOW
    town.load()
    assert town.commit("2016-12-21")["passes_issued"] == 0
    town.incomes["LOSES"] = HIGH
    town.load()
    assert town.commit(IN_2017)["ended_letters"] == 1
    assert town.sound()


def test_two_commits_at_once_give_one_pass_a_child(town: Town) -> None:
    for household in range(30):
        town.family(f"H{household}", f"Ada{household}", f"Bo{household}")
    town.load()
    asked = ("eligibility", "refresh", "--municipality", CODE, "--scheme", "fritidspas", "--on", IN_2017)
    program = "from service.cli import main; main()"
    both = [subprocess.Popen([sys.executable, "-c", program, *asked, "--commit"]) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert town.rows("SELECT count(*), count(DISTINCT person_id) FROM leisure_pass") == [(60, 60)]
    assert town.rows("SELECT count(*), count(DISTINCT number) FROM letter") == [(30, 30)]
    assert town.sound()
