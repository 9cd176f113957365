"""Many claims at once: a result for every line, and good lines stand though others fail."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest

from service.claims.batch import MOST_LINES
from service.claims.batch_files import read_csv, read_json_lines
from service.errors import Invalid
from tests.calls import Callers, Client, callers_of
from tests.claims.clubs import ledger, system_of
from tests.claims.test_api import asked
from tests.passes.town import Town

BATCH = "/api/v1/claims/batch"
JSON_LINES, CSV = {"Content-Type": "application/jsonl"}, {"Content-Type": "text/csv"}


@pytest.fixture
def callers(town: Town) -> Iterator[Callers]:
    with callers_of(town.database, town.municipality) as made:
        yield made


@pytest.fixture
def system(callers: Callers, town: Town, club: UUID) -> Client:
    return system_of(callers, town, club)


def sent(client: Client, content: str | bytes, headers: dict[str, str]) -> dict[str, Any]:
    answer = client.post(BATCH, content=content, headers=headers)
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


def lines(*bodies: Any) -> str:
    return "\n".join(body if isinstance(body, str) else json.dumps(body) for body in bodies)


def test_good_lines_stand_though_others_fail_and_the_same_file_doubles_nothing(town: Town, system: Client) -> None:
    file = lines(
        asked(town, reference="F-1"),
        "{",
        "",
        asked(town, "Søren", reference="F-2", fee_ore=-1, season_end="x"),
        asked(town, "Søren", reference="F-3", fee_ore=140_000),
        asked(town, pass_number="0000-000-0000", reference="F-4"),
        asked(town, "Søren", reference="F-5", activity="Skak"),
    )
    result = sent(system, file, JSON_LINES)
    assert (result["claimed"], result["failed"]) == (3, 3)
    assert [(one["line"], one["status"], one.get("reference")) for one in result["lines"]] == [
        (1, 201, "F-1"),
        (2, 422, None),
        (4, 422, "F-2"),
        (5, 201, "F-3"),
        (6, 422, "F-4"),
        (7, 201, "F-5"),
    ]
    first, broken, wrong, second, unknown, rejected = result["lines"]
    assert (first["claim"]["state"], second["claim"]["family_share_ore"]) == ("approved", 40_000)
    assert broken["problem"] == {"detail": "This line is no JSON.", "errors": []}
    assert {error["field"] for error in wrong["problem"]["errors"]} == {"fee_ore", "season_end"}
    assert [error["field"] for error in unknown["problem"]["errors"]] == ["pass_number"]
    assert [one["code"] for one in rejected["claim"]["reasons"]] == ["nothing_left"]
    again = sent(system, file, JSON_LINES)
    told = {one["line"]: one["problem"]["detail"] for one in again["lines"] if one["status"] == 409}
    assert told == {n: f"This was claimed before under the reference F-{r}." for n, r in ((1, 1), (5, 3))}
    assert (ledger(town, "Nour"), ledger(town, "Søren")) == (
        [("grant", 100_000), ("settle", -60_000)],
        [("grant", 100_000), ("settle", -100_000)],
    )
    assert town.sound()


def test_a_key_gives_the_whole_result_again(town: Town, system: Client) -> None:
    headers = JSON_LINES | {"Idempotency-Key": "b-1"}
    assert sent(system, lines(asked(town)), headers) == sent(system, lines(asked(town)), headers)
    assert town.rows("SELECT count(*) FROM claim") == [(1,)]


def test_csv_with_kroner_semicolons_and_a_row_that_is_no_utf_8(town: Town, system: Client) -> None:
    head = "pass_number;given_name;fee;activity;season_start;season_end;reference"
    rows = [
        f"{town.number('Nour')};Nour;600,50;Fodbold;10.1.2017;2017-06-30;F-1",
        f"{town.number('Søren')};Søren;600;Fodbold;10.1.2017;2017-06-30;F-2",
        f"{town.number('Søren')};Søren;six;;10.1.2017;2017-06-30;F-3",
        "too;few",
        "",
    ]
    content = "\ufeff".encode() + f"{head}\r\n{rows[0]}\r\n".encode()
    content += f"{rows[1]}\r\n".encode("latin-1") + "\r\n".join(rows[2:]).encode()
    result = sent(system, content, CSV)
    assert [(one["line"], one["status"]) for one in result["lines"]] == [(2, 201), (3, 422), (4, 422), (5, 422)]
    assert result["lines"][0]["claim"]["covered_ore"] == 60_050
    problems = [one["problem"] for one in result["lines"][1:]]
    assert problems[0]["errors"] == [
        {"field": "given_name", "message": "holds characters that are not UTF-8: save the file as CSV UTF-8"}
    ]
    assert {error["field"] for error in problems[1]["errors"]} == {"fee", "activity"}
    assert problems[2]["detail"] == "This row has 2 fields and the head 7."
    commas = "pass_number,given_name,fee_ore,activity,season_start,season_end\n"
    commas += f'{town.number("Søren")},Søren,60000,"Fodbold, U10",2017-01-10,2017-06-30\n'
    assert sent(system, commas, CSV)["lines"][0]["claim"]["fee_ore"] == 60_000


def test_a_file_that_is_none_is_refused_as_a_whole(town: Town, system: Client) -> None:
    for content, headers, status, said in (
        ("", JSON_LINES, 422, "There is no claim in it."),
        ("{}", {"Content-Type": "application/json"}, 415, "The body must be JSON lines or CSV"),
        ("a;b\n1;2", CSV, 422, "The file does not have the columns of the template."),
        ("\n" * 3 + "{}\n" * (MOST_LINES + 1), JSON_LINES, 422, "At most 1000 claims go at once."),
    ):
        answer = system.post(BATCH, content=content, headers=headers)
        assert (answer.status_code, answer.json()["detail"].startswith(said)) == (status, True), answer.text


def test_misses_of_a_file_are_slowed_down_and_the_rest_is_told_so(town: Town, system: Client) -> None:
    bad = [asked(town, pass_number=f"0000-000-000{n % 10}") for n in range(20)]
    result = sent(system, lines(asked(town), *bad, asked(town, "Søren")), JSON_LINES)
    statuses = [one["status"] for one in result["lines"]]
    assert (statuses[0], statuses[1:21], statuses[21]) == (201, [422] * 20, 429)


def test_files_that_name_the_same_passes_in_another_order_do_not_block_each_other(
    town: Town, callers: Callers, club: UUID, other_club: UUID
) -> None:
    bodies = [
        asked(town, child, fee_ore=100, activity=f"{child} {n}") for n in range(15) for child in ("Nour", "Søren")
    ]
    files = [lines(*bodies), lines(*reversed(bodies))]
    systems = [system_of(callers, town, one) for one in (club, other_club)]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda pair: sent(pair[0], pair[1], JSON_LINES), zip(systems, files, strict=True)))
    assert [result["claimed"] for result in results] == [30, 30]
    assert town.sound()


def test_columns_are_named_that_lack_are_unknown_or_stand_twice() -> None:
    with pytest.raises(Invalid) as refused:
        read_csv(b"pass_number,given_name,fee,fee_ore,activity,season_start,colour,activity\n")
    assert {(error.field, error.message) for error in refused.value.errors} == {
        ("season_end", "is missing among the columns"),
        ("colour", "is no column of this file"),
        ("activity", "stands twice among the columns"),
        ("fee_ore", "is the fee once more: keep one of the two columns"),
    }
    with pytest.raises(Invalid, match="no CSV"):
        read_csv(b"pass_number,given_name,fee,activity,season_start,season_end\n" + b"x" * 200_000)
    assert read_json_lines(b"\xef\xbb\xbf[1]\n")[0].reference is None
