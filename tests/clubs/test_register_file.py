"""The Danish register comes as a file: good lines are kept, the others listed, and both seen beside an application."""

import csv
from pathlib import Path
from typing import Any

import pytest

from tests.clubs.house import ADMIN, NUMBERS, House
from tests.conftest import Medspiller

GOOD = "12345674;Fremad;Forening;Aarhus;\n"


def load(medspiller: Medspiller, folder: Path, text: str | bytes, code: str = "0751") -> dict[str, Any]:
    path = folder / "register.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return medspiller("club", "import-register", "--municipality", code, path)


def head(rows: str) -> str:
    return "number;name;form;municipality;ended_on\n" + rows


def test_a_file_is_kept_and_shown_beside_an_application(house: House, medspiller: Medspiller, tmp_path: Path) -> None:
    answer = load(medspiller, tmp_path, head(GOOD + "87654303;Øster;;;2020-01-01\n"))
    assert answer == {"accepted": 2, "unchanged": 0, "rejected": 0, "rejected_file": None}
    assert load(medspiller, tmp_path, head(GOOD))["unchanged"] == 1
    assert load(medspiller, tmp_path, head(GOOD.replace("Fremad", "Fremad IF")))["unchanged"] == 0
    application, other = house.apply(), house.apply(number="87654303", name="Øster")
    with house.browser(ADMIN) as admin:
        shown = admin.get(f"/clubs/applications/{application}").text
        assert "Fremad IF" in shown
        assert "The name is another" in shown
        gone = admin.get(f"/clubs/applications/{other}").text
        assert "2020-01-01" in gone
        assert "Deleted" in gone


def test_rejected_lines_are_listed_and_the_others_stand(house: House, medspiller: Medspiller, tmp_path: Path) -> None:
    rows = (
        GOOD
        + "12345678;Wrong digit;;;\n"
        + ";No number;;;\n"
        + "12345690;;;;\n"
        + "87654303;Day;;;31.12.2020\n"
        + f"87654303;{'x' * 301};;;\n"
        + "87654303;too;few\n"
        + '87654303;"not closed;;;\n'
        + ";;;;\n"
        + '87654311;"Semi; colon";;;\n'
    )
    answer = load(medspiller, tmp_path, head(rows).encode() + b"12345682;B\xf8rneklub;;;\n")
    assert (answer["accepted"], answer["rejected"]) == (2, 8)
    with Path(answer["rejected_file"]).open(encoding="utf-8", newline="") as file:
        listed = {row["line"]: (row["field"], row["reason"]) for row in csv.DictReader(file)}
    assert listed == {
        "3": ("number", "has a wrong check digit: one digit or more is mistyped"),
        "4": ("number", "must be a CVR number of 8 digits"),
        "5": ("name", "is missing"),
        "6": ("ended_on", "must be a date of the form YYYY-MM-DD"),
        "7": ("name", "is longer than 300 characters"),
        "8": ("", "the line has 3 fields where the header has 5"),
        "9": ("", "the quotation marks of the line do not match"),
        "12": ("", "the line holds bytes that are not UTF-8"),
    }
    known = {row.number: row.said["name"] for row in house.as_owner("SELECT number, said FROM club_register_entry")}
    assert known == {NUMBERS["dk"]: "Fremad", "87654311": "Semi; colon"}
    [seen] = house.as_owner("SELECT details FROM audit_entry WHERE action = 'clubs.register.import'")
    assert seen.details == {"accepted": 2, "unchanged": 0, "rejected": 8}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nummer;navn\n", "is no header"),
        ("number\n", "lacks column name"),
        ("number;name;cvr\n", "unknown column"),
        ("", "is empty"),
        ("PK\x03\x04", "spreadsheet"),
    ],
)
def test_a_file_with_another_header_is_refused(
    house: House, medspiller: Medspiller, tmp_path: Path, text: str, why: str
) -> None:
    path = tmp_path / "register.csv"
    path.write_text(text)
    assert why in medspiller.fails("club", "import-register", "--municipality", "0751", path)
    assert house.as_owner("SELECT 1 FROM club_register_entry") == []


def test_other_columns_order_and_many_lines(house: House, medspiller: Medspiller, tmp_path: Path) -> None:
    lines = "".join(f"Klub {n},{n}\n" for n in range(10_000_000, 10_000_000 + 140_000))
    answer = load(medspiller, tmp_path, "﻿name,number\n" + lines)
    [count] = house.as_owner("SELECT count(*) AS n FROM club_register_entry")
    # Of eleven numbers one has the right check digit; where it would be ten there is none.
    assert answer["accepted"] == count.n > 10_000
    assert answer["accepted"] + answer["rejected"] == 140_000


def test_the_register_is_danish(norwegian: House, medspiller: Medspiller, tmp_path: Path) -> None:
    path = tmp_path / "register.csv"
    path.write_text(head(GOOD))
    said = medspiller.fails("club", "import-register", "--municipality", "4601", path)
    assert "Norwegian clubs are looked up" in said
