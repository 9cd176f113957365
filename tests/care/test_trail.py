"""Searching the audit trail, also for everything about one household or person."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from tests.passes.town import Town

At = Callable[[str], None]


def actions(town: Town, *options: object) -> list[str]:
    return [entry["action"] for entry in town.say("audit", "list", *options)["entries"]]


def test_it_is_searched_by_action_day_and_account(town: Town, at: At) -> None:
    account = town.run("user", "add", "a@b.dk", "--name", "A", "--role", "auditor", "--municipality", "0751")["account"]
    assert actions(town, "--subject", account) == ["identity.member.add"]
    assert actions(town, "--action", "register") == ["register.import"]
    assert actions(town, "--action", "register.import") == ["register.import"]
    assert actions(town, "--action", "reg") == []
    assert actions(town, "--account", uuid4()) == []
    # The municipality's day, not that of UTC.
    at("2017-02-01T23:30Z")
    town.say("passes", "list", "--out", town.folder / "p.csv")
    day = ("--from", "2017-02-02", "--to", "2017-02-02", "--action", "passes")
    assert actions(town, *day) == ["passes.list"]
    assert actions(town, "--from", "2017-02-01", "--to", "2017-02-01") == []


def test_it_is_paged_without_gaps(town: Town) -> None:
    everything = town.say("audit", "list", "--to", "2017-01-15", "--limit", 1000)
    assert everything["next"] is None
    last = everything["entries"][0]["id"]
    walked: list[dict[str, Any]] = []
    after: tuple[object, ...] = ()
    while True:
        page = town.say("audit", "list", "--limit", 2, *after)
        walked += page["entries"]
        if page["next"] is None:
            break
        after = ("--after", page["next"])
    ids = [entry["id"] for entry in walked]
    assert ids == sorted(ids, reverse=True)
    # The search that went before is the newest entry by then.
    assert ids[ids.index(last) :] == [entry["id"] for entry in everything["entries"]]


def test_reads_and_changes_of_a_household_and_a_person(town: Town) -> None:
    for household in ("fattig", "rig"):
        town.say("eligibility", "explain", "--scheme", "fritidspas", "--household", household)
    town.say("passes", "replace", town.number("Frida"), "--reason", "lost")
    assert actions(town, "--household", "fattig") == ["passes.replace", "eligibility.explain"]
    assert actions(town, "--household", "rig") == ["eligibility.explain"]
    [(frida,)] = town.rows("SELECT id FROM person WHERE given_name = 'Frida'")
    [(finn,)] = town.rows("SELECT id FROM person WHERE given_name = 'Finn'")
    assert actions(town, "--person", frida) == ["passes.replace"]
    assert actions(town, "--person", finn) == []
    assert "no household" in town.refused("audit", "list", "--household", "nowhere")
    assert "no person" in town.refused("audit", "list", "--person", uuid4())


def test_the_search_itself_is_logged(town: Town) -> None:
    [(frida,)] = town.rows("SELECT id FROM person WHERE given_name = 'Frida'")
    actions(town, "--person", frida)
    assert "audit.list" in actions(town)


def test_another_municipality_sees_none_of_it(town: Town) -> None:
    town.run("municipality", "add", "0301", "Oslo", "--country", "no")
    listed = town.run("audit", "list", "--municipality", "0301")
    assert [entry["action"] for entry in listed["entries"]] == ["identity.municipality.add"]
