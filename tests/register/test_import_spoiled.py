"""Files as systems and spreadsheets write them, and spoiled ones: nothing is lost and nobody is shown."""

import re
import tempfile
from itertools import count
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.cli import main
from service.values import clock
from tests.register.test_import import (
    ANNA,
    BIRTHS,
    BO,
    CAI,
    CODE,
    NAMES,
    POPULATION,
    Town,
    listed,
    row,
    town,  # noqa: F401
)


def write(folder: Path, content: bytes) -> Path:
    path = folder / "population.csv"
    path.write_bytes(content)
    return path


def take(town: Town, content: bytes) -> dict[str, Any]:  # noqa: F811
    return town.medspiller("register", "import", *CODE, "--population", write(town.folder, content))


def test_semicolons_quotes_a_byte_order_mark_and_another_order_of_columns(town: Town) -> None:  # noqa: F811
    columns = POPULATION.split(",")
    lines = [";".join(reversed(columns))]
    for line in (row("H1", f"{ANNA[:6]}-{ANNA[6:]}", street='"Nygade ""Vest"" 1"'), row("H1", CAI, given_name="Æska")):
        lines.append(";".join(reversed(line.split(","))))
    lines.append(";".join(reversed(row("H2", BO).replace("Nygade 1", '"Nygade 1; 2. th"').split(","))))
    answer = take(town, b"\xef\xbb\xbf" + "\r\n".join([*lines, "", ""]).encode())
    assert (answer["persons"], answer["households"], answer["rejected"]) == (3, 2, 0)
    assert set(town.rows("SELECT street FROM household_member")) == {
        ('Nygade "Vest" 1',),
        ("Nygade 1",),
        ("Nygade 1; 2. th",),
    }
    assert town.members() >= {("H1", "Æska")}


def test_what_copy_would_take_for_signs_of_its_own_stays_as_written(town: Town) -> None:  # noqa: F811
    names = ["\\N", "\\.", "a\\tb", "\\\\", "\\x41", "%s {} $1", "O'Hara", "a\u00a0b"]
    numbers = [f"61017020{serial:02d}" for serial in range(len(names))]
    people = [row("H1", number, given_name=name) for number, name in zip(numbers, names, strict=True)]
    assert town.take(*people)["rejected"] == 0
    assert {name for _, name in town.members()} == set(names)
    assert town.take(*people)["unchanged"] == len(names)


def test_norwegian_numbers(town: Town) -> None:  # noqa: F811
    town.medspiller("municipality", "add", "0301", "Oslo", "--country", "no")
    numbers = {"21818297804": "1982-01-21", "13527248013": "1972-12-13", "41010199946": "2001-01-01"}
    people = [row("H1", number, birth_date=born) for number, born in numbers.items()]
    people += [row("H1", "02013299997", birth_date="2032-01-02"), row("H1", "21818297805"), row("H1", ANNA)]
    path = town.write("population", people)
    answer = town.medspiller("register", "import", "--municipality", "0301", "--population", path)
    assert (answer["persons"], answer["rejected"]) == (3, 3)
    assert [(line["line"], line["field"]) for line in listed(answer) if "warning" not in line["reason"]] == [
        ("5", "birth_date"),
        ("6", "person_id"),
        ("7", "person_id"),
    ]


SPOILED = [
    (row("H1", ANNA, given_name="Søs").encode("latin-1"), "", "the line holds bytes that are not UTF-8"),
    (row("H1", ANNA, given_name="A\0nna").encode(), "", "the line holds a NUL character"),
    (row("H1", ANNA, given_name='"Anna').encode(), "", "the quotation marks of the line do not match"),
    (row("H1", ANNA, given_name='"An\rna"').encode(), "", "the line holds a carriage return"),
    (row("H1", ANNA, given_name="A\rnna").encode(), "given_name", "given_name holds control characters"),
    (row("H1", ANNA, given_name="A\tnna").encode(), "given_name", "given_name holds control characters"),
    (b"H1," + ANNA.encode(), "", "the line has 2 fields where the header has 12"),
    (row("H1", ANNA).encode() + b",", "", "the line has 13 fields where the header has 12"),
    (b"x" * 10_000_000, "", "the line is longer than 20,000 characters"),
    (row("H1", ANNA, street="x" * 300).encode(), "street", "street is longer than 200 characters"),
    (b"," * 11, "", "the line holds no values"),
    (b' , "" ,', "", "the line holds no values"),
    (row("", ANNA).encode(), "household_id", "household_id is empty"),
    (row("H1", "").encode(), "person_id", "the CPR number is missing"),
    (row("H1", ANNA, birth_date="").encode(), "birth_date", "birth_date is empty"),
    (row("H1", ANNA, birth_date="01-01-1970").encode(), "birth_date", "no date of the form YYYY-MM-DD"),
    (row("H1", ANNA, birth_date="2015-02-29").encode(), "birth_date", "birth_date is no date of the calendar"),
    (row("H1", ANNA, birth_date="2999-01-01").encode(), "birth_date", "birth_date lies in the future"),
    (row("H1", ANNA, relation="Anna", address_protected=ANNA).encode(), "relation, address_protected", "; "),
]


def test_spoiled_rows_are_listed_and_the_others_stand(town: Town) -> None:  # noqa: F811
    lines = [line for line, _, _ in SPOILED]
    answer = take(town, b"\n".join([POPULATION.encode(), row("H2", BO).encode(), *lines, row("H2", CAI).encode()]))
    assert (answer["persons"], answer["rejected"], answer["warnings"]) == (2, len(SPOILED), 0)
    for number, found, (_, field, reason) in zip(count(3), listed(answer), SPOILED, strict=False):
        assert (found["file"], found["line"], found["field"]) == ("population.csv", str(number), field), reason
        assert reason in found["reason"]
        assert not set(NAMES.values()) & set(re.findall(r"\w+", found["value"])), reason
        assert ANNA not in str(found), reason


INCOMES = [
    ("9" * 5000, "1", "", "year"),
    ("2017", ANNA + ANNA, "", "amount"),
    ("2017", "1.000", "", "amount"),
    ("2017", "1", "weekly", "basis"),
    ("1989", "1", "annual", "year"),
]
AWARDS = [
    ("0" * 4 + "9999", "2017-01-01", "", "percent"),
    ("9" * 5000, "2017-01-01", "", "percent"),
    ("50", "", "", "valid_from"),
    ("50", "2017-01-01", "2016-12-31", "valid_to"),
]


def test_spoiled_incomes_and_awards_are_listed(town: Town) -> None:  # noqa: F811
    answer = town.take(
        income=[f"{ANNA},{year},{amount},{basis}" for year, amount, basis, _ in INCOMES],
        decisions=[f"{ANNA},free_place,{percent},{first},{last}" for percent, first, last, _ in AWARDS],
    )
    assert (answer["incomes"], answer["decisions"], answer["rejected"]) == (0, 0, len(INCOMES + AWARDS))
    fields = {(found["file"], found["line"]): found["field"] for found in listed(answer)}
    assert fields == {("income.csv", str(line)): field for line, (*_, field) in enumerate(INCOMES, 2)} | {
        ("decisions.csv", str(line)): field for line, (*_, field) in enumerate(AWARDS, 2)
    }
    assert ANNA not in str(listed(answer))


HEADERS = [
    (b"", "it is empty"),
    (b"\xef\xbb\xbf\r\n", "its first line is empty"),
    (POPULATION.encode("utf-16"), "UTF-16"),
    (POPULATION.encode("utf-16-le"), "UTF-16"),
    (POPULATION.replace("city", "bý").encode("latin-1"), "not UTF-8"),
    (POPULATION.replace("city,", "").encode(), "lacks column city"),
    (f"{POPULATION},shoe_size".encode(), "unknown column 'shoe_size'"),
    (f"{POPULATION},city".encode(), "repeats column city"),
    (row("H1", ANNA).encode(), "is no header"),
    (f"{POPULATION}\r{row('H1', ANNA)}\r".encode(), "carriage return"),
    (b"x" * 30_000, "longer than"),
    (f"{POPULATION},{ANNA},Anna Dahl".encode(), "unknown columns"),
]


def test_a_file_without_the_columns_is_refused_in_one_sentence(town: Town) -> None:  # noqa: F811
    for content, said in HEADERS:
        message = town.medspiller.fails("register", "import", *CODE, "--population", write(town.folder, content))
        assert re.search(said, message)
        assert message.count("\n") == 1, said
        assert ANNA not in message and "Anna" not in message
    assert town.rows("SELECT * FROM register_import") == []


def test_every_header_is_checked_before_a_row_is_read(town: Town) -> None:  # noqa: F811
    population, income = town.write("population", [row("H1", ANNA)]), town.folder / "income.csv"
    income.write_text("person_id,year\n")
    files = ("--population", population, "--income", income)
    assert "amount" in town.medspiller.fails("register", "import", *CODE, *files)
    assert town.rows("SELECT * FROM person") == []


def test_a_header_alone_is_an_empty_extract(town: Town) -> None:  # noqa: F811
    answer = take(town, POPULATION.encode())
    assert (answer["persons"], answer["rejected"], answer["state"]) == (0, 0, "merged")


def test_no_file_named_is_wrong_usage(town: Town) -> None:  # noqa: F811
    town.medspiller.fails("register", "import", *CODE, code=2)


GOOD = "\n".join(
    [POPULATION, *(row(f"H{n % 3}", f"6{n % 3 + 1}01702{n:03d}", birth_date="1970-01-01") for n in range(12)), ""]
).encode()
NAMED = re.compile(r"Erna|Dahl|Nygade|6[1-3]01702")

byte_edits = st.lists(
    st.tuples(
        st.integers(0, len(GOOD)),
        st.integers(0, 3),
        st.sampled_from(
            [b"", b"\0", b'"', b"\r", b"\n", b",", b";", b"\\", b"\xe6", b"\xff", b"\xef\xbb\xbf", b"9", b" "]
        )
        | st.binary(max_size=3),
    ),
    max_size=6,
)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(edits=byte_edits, after_header=st.booleans())
def test_whatever_bytes_a_file_has_every_line_is_accounted_for(
    town: Town,  # noqa: F811
    edits: list[tuple[int, int, bytes]],
    after_header: bool,
) -> None:
    content = GOOD
    for at, removed, put in edits:
        place = max(at, len(POPULATION) + 1) if after_header else at
        content = content[:place] + put + content[place + removed :]
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), content)
        result = CliRunner().invoke(
            main,
            ["register", "import", *CODE, "--population", str(path), "--json"],
            catch_exceptions=False,
        )
    clock.pin(None)
    assert not NAMED.search(result.stderr)
    if result.exit_code:
        assert result.exit_code == 1
        assert result.stderr.count("\n") == 1
        return
    answer = town.rows("SELECT counts, id FROM register_import ORDER BY id DESC LIMIT 1")[0][0]
    lines = [line for line in content.split(b"\n")[1:] if line.decode("cp1252", errors="replace").strip()]
    assert answer["persons"] + answer["rejected"] == len(lines)
    rejected = town.rows(
        """SELECT count(DISTINCT line) FROM rejected_row WHERE NOT accepted
        AND import_id = (SELECT id FROM register_import ORDER BY id DESC LIMIT 1)"""
    )
    assert rejected == [(answer["rejected"],)]
    for value, reason in town.rows("SELECT value, reason FROM rejected_row"):
        assert not NAMED.search(value + reason)


def test_the_birth_dates_of_these_tests_are_those_of_their_numbers() -> None:
    assert {born[8:10] for born in BIRTHS.values()} == {f"{int(number[:2]) - 60:02d}" for number in BIRTHS}
