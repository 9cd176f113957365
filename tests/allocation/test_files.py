"""Files as people send them: every wrong line is named with what is wrong, and nothing is allocated meanwhile."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.cli import main
from tests.allocation.conftest import Files, write_rows
from tests.allocation.rows import condition, family, stay

STAYS = [stay("S1"), stay("S2")]
FAMILIES = [family("F1", 3, "S1|S2", 5), family("F2", 2, "S2", 4), family("F3", 2, "S1", 3)]


def changed(rows: list[dict[str, str]], at: int, change: Mapping[str, str]) -> list[dict[str, str]]:
    return [{**row, **change} if place == at else row for place, row in enumerate(rows)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"wishes": "S1|S9"}, "R.csv, line 3, wishes: names stays that there are not: S9"),
        ({"wishes": "S1|S1"}, "R.csv, line 3, wishes: repeats S1"),
        ({"wishes": "S1||S2"}, "R.csv, line 3, wishes: holds an empty part between two |"),
        ({"family": ""}, "R.csv, line 3, family: is empty"),
        ({"family": "F\t2"}, "R.csv, line 3, family: holds control characters"),
        ({"family": "F" * 101}, "R.csv, line 3, family: is longer than 100 characters"),
        ({"family": "F|2"}, "R.csv, line 3, family: holds |, which separates families"),
        ({"birth_dates": ""}, "R.csv, line 3, birth_dates: holds no date of the form YYYY-MM-DD"),
        ({"birth_dates": "2016-03-01|1.5.1980"}, "R.csv, line 3, birth_dates: holds no date of the form YYYY-MM-DD"),
        ({"birth_dates": "20160301"}, "R.csv, line 3, birth_dates: holds no date of the form YYYY-MM-DD"),
        ({"birth_dates": "2015-02-29"}, "R.csv, line 3, birth_dates: holds a date that is not in the calendar"),
        ({"birth_dates": "2106-03-01"}, "R.csv, line 3, birth_dates: holds a date before 1890 or after the last stay"),
        ({"need": "6"}, "R.csv, line 3, need: is no whole number from 1 to 5"),
        ({"need": "0"}, "R.csv, line 3, need: is no whole number from 1 to 5"),
        ({"need": ""}, "R.csv, line 3, need: is no whole number from 1 to 5"),
        ({"need": "4.5"}, "R.csv, line 3, need: is no whole number from 1 to 5"),
        ({"last_participation": "2025"}, "R.csv, line 3, last_participation: is no whole number from 1900 to 2024"),
        ({"last_participation": "never"}, "R.csv, line 3, last_participation: is no whole number from 1900 to 2024"),
        ({"refusals": "-1"}, "R.csv, line 3, refusals: is no whole number from 0 to 100000"),
        ({"refusals": ""}, "R.csv, line 3, refusals: is no whole number from 0 to 100000"),
        ({"beds": "3"}, "R.csv, line 3, beds: is no whole number from 0 to 2"),
        ({"family": "F1"}, "R.csv, line 3, family: stands in several lines: 2, 3"),
    ],
)
def test_a_referral_that_cannot_be_taken_is_named_with_its_line(
    files: Files, change: dict[str, str], said: str
) -> None:
    files.write(STAYS, changed(FAMILIES, 1, change))
    found = files.fails()
    assert said in found
    assert found.startswith("R.csv has lines that cannot be taken: ")


def test_the_rest_can_be_allocated_without_the_rejected_lines(files: Files) -> None:
    rows = [*FAMILIES, family("F3", 2, "S1"), family("F4", 2, "S9"), family("F5", 2, "S1")]
    files.write(STAYS, rows)
    answer = files.solve("--leave-out-rejected")
    assert set(files.rows()) == {"F1", "F2", "F5"}
    assert answer["rejected"] == 3
    assert files.told()["rejected"] == answer["rejected_lines"]
    assert [(one["line"], one["field"]) for one in answer["rejected_lines"]] == [
        (4, "family"),
        (5, "family"),
        (6, "wishes"),
    ]


def test_two_lines_of_one_family_are_both_rejected_though_one_of_them_is_wrong_itself(files: Files) -> None:
    files.write(STAYS, [*FAMILIES, family("F3", 2, "S9")])
    found = files.fails()
    assert "R.csv, line 4, family: stands in several lines: 4, 5" in found
    assert "R.csv, line 5, wishes: names stays that there are not: S9" in found


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"stay": "S1"}, "S.csv, line 3, stay: stands in several lines: 2, 3"),
        ({"stay": "S|2"}, "S.csv, line 3, stay: holds |, which separates wishes"),
        ({"start": "2024-07-07"}, "S.csv, line 3, end: lies before the start"),
        ({"volunteers": "99"}, "S.csv, line 3, volunteers: are more than the person places, which count them"),
        ({"max_child_age": "5"}, "S.csv, line 3, max_child_age: is less than min_child_age"),
        ({"family_places": "ten"}, "S.csv, line 3, family_places: is no whole number from 0 to 100000"),
        ({"person_places": ""}, "S.csv, line 3, person_places: is no whole number from 0 to 100000"),
        ({"start": "soon"}, "S.csv, line 3, start: holds no date of the form YYYY-MM-DD"),
        ({"rooms": "4||3"}, "S.csv, line 3, rooms: is no whole number from 1 to 1000"),
    ],
)
def test_a_stay_that_cannot_be_taken_is_named_with_its_line(files: Files, change: dict[str, str], said: str) -> None:
    files.write(changed(STAYS, 1, change), FAMILIES)
    assert said in files.fails("--leave-out-rejected")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (condition("beside", ["F1", "F2"]), "condition: is none of together, apart, locked"),
        (condition("together", ["F1", "F9"]), "families: names families that there are not: F9"),
        (condition("together", ["F1"]), "families: names too few families"),
        (condition("together", ["F1", "F1"]), "families: repeats F1"),
        (condition("apart", ["F1", "F2"], "S1"), "stay: is only for families that are placed by hand"),
        (condition("locked", [], "S1"), "families: names too few families"),
        (condition("locked", ["F1"], "S9"), "stay: names no stay that there is"),
        (condition("locked", ["F1"]), "stay: names no stay that there is"),
    ],
)
def test_a_condition_that_cannot_be_taken_is_named_with_its_line(files: Files, row: dict[str, str], said: str) -> None:
    files.write(STAYS, FAMILIES, [condition("apart", ["F1", "F2"]), row])
    assert f"C.csv, line 3, {said}" in files.fails()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "The first line of R.csv is no header. Expected: family,birth_dates,wishes,need"),
        (b"F1,2016-03-01,S1,5,,0\n", "The first line of R.csv is no header."),
        (b"family;wishes\nF1;S1\n", "R.csv lacks these columns: birth_dates, need, last_participation, refusals."),
        (b"family,birth_dates,wishes,need,last_participation,refusals,bed\n", "columns that are not known: bed."),
        (b"family,family,birth_dates,wishes,need,last_participation,refusals\n", "repeats these columns: family."),
        ("family,birth_dates".encode("utf-16"), "R.csv is not UTF-8 but looks like UTF-16."),
        (b"PK\x03\x04 sheet", "R.csv is a spreadsheet, not CSV."),
        ("family,ønsker".encode("cp1252"), "The header of R.csv is not UTF-8."),
    ],
)
def test_what_is_no_such_table_is_refused(files: Files, content: bytes, said: str) -> None:
    files.write(STAYS, FAMILIES)
    files.referrals.write_bytes(content)
    assert said in files.fails()


HEADER = "family,birth_dates,wishes,need,last_participation,refusals"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"F\xe6,2016-03-01,S1,5,,0", "the line holds bytes that are not UTF-8"),
        (b'F1,"2016-03-01,S1,5,,0', "the quotation marks of the line do not match"),
        (b"F1,2016-03-01,S1,5,0", "the number of fields is 5 where the header has 6"),
        (b"F\x001,2016-03-01,S1,5,,0", "the line holds control characters"),
        (b"F1,2016-03-01,S1,5,," + b"0" * 20_000, "the line is longer than 20000 characters"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(files: Files, line: bytes, said: str) -> None:
    files.write(STAYS, [])
    files.referrals.write_bytes(HEADER.encode() + b"\nF0,2016-03-01,S1,5,,0\n\n" + line + b"\n")
    assert f"R.csv, line 4: {said}" in files.fails()


def test_files_from_spreadsheets_read_the_same(files: Files) -> None:
    files.write(STAYS, FAMILIES)
    files.solve()
    before = files.plan.read_bytes()
    for file in (files.stays, files.referrals, files.conditions):
        text = file.read_text(encoding="utf-8").replace(",", ";")
        file.write_bytes(b"\xef\xbb\xbf" + text.upper().splitlines()[0].encode() + b"\r\n")
        with file.open("ab") as open_file:
            open_file.write("".join(f"{line}\r\n" for line in text.splitlines()[1:]).encode() + b";;;\r\n")
    files.solve()
    assert files.plan.read_bytes() == before


def test_a_season_without_families_and_one_without_stays(files: Files) -> None:
    files.write(STAYS, [])
    answer = files.solve()
    assert (answer["families"], answer["placed"], files.rows()) == (0, 0, {})
    files.plan.unlink()
    files.write([], FAMILIES)
    assert "S.csv holds no stay." in files.fails()


def test_files_that_are_not_there_or_cannot_be_written(files: Files) -> None:
    files.write(STAYS, FAMILIES)
    assert "cannot be written" in files.fails("--out", files.folder / "nowhere" / "P.csv")
    assert "The seed is text" in files.fails("--seed", "")
    files.stays.unlink()
    assert "S.csv cannot be read" in files.fails()


def test_what_if_and_compare_refuse_what_there_is_not(files: Files) -> None:
    files.write(STAYS, FAMILIES)
    files.solve()
    said = files.refused
    what_if = ("what-if", *files.inputs)
    assert "There is no stay 'S9'." in said(1, *what_if, "--one-more", "S9")
    assert "There is no stay 'S9'." in said(1, *what_if, "--change", "S9.volunteers=+2")
    assert "'colour' cannot be changed." in said(1, *what_if, "--change", "S1.colour=+2")
    assert "'S1.volunteers' is not of the form" in said(2, *what_if, "--change", "S1.volunteers")
    assert "would then have" in said(1, *what_if, "--change", "S1.volunteers=+99")
    assert "S.csv lacks these columns" in said(1, "compare", files.plan, files.stays)
    assert "go together" in said(2, "compare", files.plan, files.plan, "--stays", files.stays)
    spoiled = files.folder / "spoiled.csv"
    write_rows(
        spoiled, ("family", "outcome", "stay", "wish", "rank", "reason"), [{"family": "F1", "outcome": "placed"}]
    )
    assert "spoiled.csv, line 2, stay: is for families that are placed, and for them alone" in said(
        1, "compare", files.plan, spoiled
    )


def test_without_json_people_are_told_in_a_few_lines(files: Files) -> None:
    files.write([stay("S1", beds=5, min_families="9"), stay("S2", beds=4)], FAMILIES)
    arguments = ["allocation", "solve", *files.inputs, "--out", str(files.plan), "--worse-wishes", "1"]
    said = CliRunner().invoke(main, arguments, catch_exceptions=False).output
    assert "3 of 3 families placed, 0 waiting, 0 not eligible." in said
    assert "Placed by family size: 2 persons 100%, 3 persons 100%." in said
    assert "Fewer families than they are to have: S1." in said
    assert str(files.plan) in said


def test_a_code_that_a_spreadsheet_would_take_for_a_formula_is_written_as_text(files: Files, tmp_path: Path) -> None:
    files.write([stay("S1")], [family("=1+1", 3, "S1")])
    files.solve()
    assert set(files.rows()) == {"'=1+1"}
    assert json.loads(files.report.read_text())["families"][0]["family"] == "=1+1"
