"""Every reason that a file can be given is known again, so that it can be said in the reader's language."""

from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.register import extracts, merge, rules
from service.register.extracts import Layout
from service.register.gate import held_because
from service.register.models import MADE_HERE
from service.register.reasons import read_reason
from service.values.identity_numbers import Country
from service.values.secrecy import KeyRing, TenantSecrets
from service.web.formats import show
from service.web.texts import translator

CELLS = st.one_of(
    st.sampled_from(
        [
            *("", "610170-1111", "610170111", "0101701111", "6102701111x", "3102701111", "41028012345", "01415612385"),
            *("1889-12-31", "2017-01-01", "2017-02-30", "2999-01-01", "annual", "provider", "x" * 250, "A\x01"),
            *("101", "50", "1.000", "da", "?!", *MADE_HERE),
        ]
    ),
    st.text(max_size=45),
)


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, rules.Row]]:
    """The readers of every kind of row of both countries, with the number of their columns."""
    secrets: TenantSecrets = KeyRing.open(tmp_path_factory.mktemp("keys") / "identity.json").for_tenant(UUID(int=1))
    found: list[tuple[int, rules.Row]] = []
    for country in Country:
        found += [
            (len(rules.POPULATION), rules.population_row(country, secrets, date(2017, 1, 15))),
            (len(rules.INCOME + rules.INCOME_OPTIONAL), rules.income_row(country, secrets)),
            (len(rules.DECISIONS), rules.award_row(country, secrets)),
        ]
    return found


@given(cells=st.lists(CELLS, min_size=12, max_size=12))
def test_what_is_wrong_with_a_row_is_known(readers: list[tuple[int, rules.Row]], cells: list[str]) -> None:
    for columns, read in readers:
        try:
            problems = read(cells[:columns], False)[1]
        except rules.Rejected as rejected:
            problems = tuple(rejected.problems)
        reasons = [reason for _, _, reason in problems]
        for reason in ["; ".join(reasons), *(f"warning: {reason}" for reason in reasons)] if reasons else ():
            assert read_reason(reason).known, reason
            assert (
                english(reason).lower()
                == reason.removeprefix("warning: ").replace("a CPR", "the CPR").replace("a Norw", "the Norw").lower()
            )


def english(reason: str) -> str:
    return "; ".join(str(phrase.text) for phrase in read_reason(reason).phrases)


LAYOUT = Layout(delimiter=",", positions=(0, 1), width=2)


@pytest.mark.parametrize(
    "reason",
    [
        extracts.problem_of("x" * 30_000),
        extracts.problem_of("\0"),
        *(extracts.split(text, LAYOUT) for text in ('"\r"', '"', "x", "x,y,z")),
        next(iter(extracts.records_of(2, "ø,ø".encode("latin-1"), LAYOUT)))[3],
        "the line holds no values",
        held_because({"persons": 1_000}, {"persons": 2_345}),
        held_because({"decisions": 0}, {"decisions": 1}),
    ],
)
def test_what_is_wrong_with_a_line_or_a_file_is_known(reason: str) -> None:
    assert read_reason(reason).known
    assert english(reason) == reason


def test_what_is_wrong_with_rows_together_is_known() -> None:
    said = [part for statements in merge._REJECT_REPEATED.values() for part in " ".join(statements).split("'")]
    found = [part for part in said if part.startswith(("the person stands", "there are two rows"))]
    assert len(found) == 3
    assert all(read_reason(reason).known for reason in found)


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (
            "the CPR number is missing; relation is none of provider, child, other",
            "personnummeret mangler; relation er ingen af provider, child, other",
        ),
        ("a CPR number has 10 digits and this has 9", "personnummeret skal have 10 cifre og har 9"),
        ("warning: language is no language code; taken as unknown", "language er ingen sprogkode; taget som ukendt"),
        (
            "The file has 1,000 persons where the last one had 2,345.",
            "Filen har 1.000 personer, hvor den seneste havde 2.345.",
        ),
    ],
)
def test_a_reason_is_said_in_danish(reason: str, said: str) -> None:
    texts = translator("da")
    phrases = [
        phrase.text.said(texts.gettext, lambda value: show(value, "da")) for phrase in read_reason(reason).phrases
    ]
    assert "; ".join(phrases) == said


def test_a_phrase_that_nobody_knows_stays_as_it_is() -> None:
    found = read_reason("relation is empty; the moon {is} full")
    assert not found.known
    assert [str(phrase.text) for phrase in found.phrases] == ["relation is empty", "the moon {is} full"]


def test_advice_is_given_where_a_spreadsheet_spoiled_the_file() -> None:
    lost = read_reason("a CPR number has 10 digits and this has 9: a leading zero may be lost").advice
    assert lost is not None and "leading zeros" in lost
    assert "CSV UTF-8" in str(read_reason("the line holds bytes that are not UTF-8").advice)
    assert read_reason("relation is empty").advice is None
