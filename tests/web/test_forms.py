"""What people write into a form becomes a Struct, or every wrong field is named; and back again nothing is lost."""

import enum
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar.testing import RequestFactory
from msgspec import Meta

from service.errors import Invalid
from service.identity.authentication import Cookies
from service.web.forms import Form, Kroner, filled, read_form
from service.web.texts import translator


class Kind(enum.Enum):
    SPORT = "sport"
    MUSIC = "music"


class Club(msgspec.Struct):
    name: Annotated[str, Meta(title="Name", min_length=2, max_length=40)]
    fee: Annotated[Kroner, Meta(title="Fee", ge=0, le=500_000)]
    members: Annotated[int, Meta(gt=0, lt=10_000)]
    kind: Kind
    area: Literal["north", "south"]
    days: list[Literal["monday", "friday"]]
    since: date | None = None
    share: Decimal | None = None
    parent: UUID | None = None
    postcode: Annotated[str, Meta(pattern=r"^[0-9]{4}$", description="A postcode has four digits.")] | None = None
    remark: str = "none"
    agreed: bool = False


GOOD: dict[str, Any] = {
    "name": "  Svømmeklubben ",
    "fee": "1250,5",
    "members": "12",
    "kind": "sport",
    "area": "north",
    "days": "monday",
    "since": "",
    "agreed": "on",
    "_csrf_token": "of no field",
}


def test_a_form_is_read() -> None:
    assert read_form(GOOD, Club) == Club(
        name="Svømmeklubben",
        fee=125_050,
        members=12,
        kind=Kind.SPORT,
        area="north",
        days=["monday"],
        agreed=True,
    )


def test_every_wrong_field_is_named() -> None:
    with pytest.raises(Invalid) as refused:
        read_form({"name": " ", "fee": "1.000,00", "members": "0", "since": "31.2.2026", "days": []}, Club)
    assert [(error.field, error.message) for error in refused.value.errors] == [
        ("name", "Fill this in."),
        ("fee", "Write an amount in kroner, such as 1250 or 1250,50."),
        ("members", "It must be more than 0."),
        ("kind", "Fill this in."),
        ("area", "Fill this in."),
        ("days", "Choose at least one."),
        ("since", "Write a date as day, month and year, such as 31.12.2026."),
    ]


@pytest.mark.parametrize(
    ("field", "given", "said"),
    [
        ("name", "x", "Write at least 2 characters."),
        ("name", "x" * 41, "Write at most 40 characters."),
        ("name", "a\x00b", "This cannot be read. Write it again."),
        ("fee", "5000,01", "It must be at most 5,000 kr."),
        ("fee", "-1", "It must be at least 0 kr."),
        ("members", "10000", "It must be less than 10000."),
        ("members", "1e3", "Write a whole number in digits."),
        ("members", "१२", "Write a whole number in digits."),
        ("members", "9" * 5000, "Write a whole number in digits."),
        ("kind", "chess", "Choose one of the possibilities."),
        ("days", ["monday", "sunday"], "Choose one of the possibilities."),
        ("share", "NaN", "Write a number, such as 12 or 12,5."),
        ("share", "a lot", "Write a number, such as 12 or 12,5."),
        ("parent", "7", "Choose one of the possibilities."),
        ("postcode", "12a4", "A postcode has four digits."),
    ],
)
def test_what_is_wrong_is_said(field: str, given: object, said: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_form(GOOD | {field: given}, Club)
    assert [(error.field, error.message) for error in refused.value.errors] == [(field, said)]


@pytest.mark.parametrize("written", ["2026-07-04", "4.7.2026", "04.07.2026", "4/7/2026", "4-7-2026", "4. 7. 2026"])
def test_a_date_is_written_with_the_day_first_or_as_browsers_do(written: str) -> None:
    assert read_form(GOOD | {"since": written}, Club).since == date(2026, 7, 4)


def test_an_empty_answer_is_the_default() -> None:
    read = read_form(GOOD | {"remark": " ", "share": " "}, Club)
    assert (read.remark, read.share, read.agreed) == ("none", None, True)
    assert not read_form({name: value for name, value in GOOD.items() if name != "agreed"}, Club).agreed


def test_lines_end_as_everywhere_else() -> None:
    assert read_form(GOOD | {"remark": "one\r\ntwo\r\n"}, Club).remark == "one\ntwo"


ANSWER = st.text(max_size=20) | st.from_regex(r"[0-9.,/-]{1,12}", fullmatch=True)


@given(st.dictionaries(st.sampled_from([*GOOD, "share", "parent", "postcode"]), ANSWER | st.lists(ANSWER, max_size=3)))
def test_whatever_is_sent_is_read_or_refused_by_its_fields(data: dict[str, Any]) -> None:
    try:
        read = read_form(data, Club)
    except Invalid as refused:
        assert refused.errors
        assert {error.field for error in refused.errors} <= set(Club.__struct_fields__)
    else:
        # What was read keeps every limit of the Struct.
        msgspec.convert(msgspec.to_builtins(read), Club, strict=False)


WORDS = st.text(st.characters(categories=["L", "N"]), min_size=2, max_size=40)
CLUBS = st.builds(
    Club,
    name=WORDS,
    fee=st.integers(0, 500_000),
    members=st.integers(1, 9_999),
    kind=st.sampled_from(Kind),
    area=st.sampled_from(["north", "south"]),
    days=st.lists(st.sampled_from(["monday", "friday"]), min_size=1, max_size=3),
    since=st.none() | st.dates(),
    share=st.none() | st.decimals(0, 100, places=2),
    parent=st.none() | st.uuids(),
    postcode=st.none() | st.from_regex(r"\A[0-9]{4}\Z"),
    remark=WORDS,
    agreed=st.booleans(),
)


@given(CLUBS, st.sampled_from(["da", "nb", "en"]))
def test_a_form_that_is_sent_back_unchanged_changes_nothing(club: Club, language: str) -> None:
    request = RequestFactory().get("/", headers={"accept-language": language})
    request.app.state.cookies = Cookies(secure=False)
    form = filled(request, club)
    sent = {name: form._values[name] for name in Club.__struct_fields__}
    assert read_form(sent, Club) == club


def test_what_a_form_knows_of_its_fields() -> None:
    form = Form(Club, {"kind": ["sport"], "days": ["monday", "friday"]}, translator("en"), {"fee": "Fill this in."})
    assert (form.label("name"), form.label("members")) == ("Name", "members")
    assert [form.required(name) for name in ("name", "since", "remark", "agreed", "days")] == [
        True,
        False,
        False,
        True,
        True,
    ]
    assert (form.value("kind"), form.value("name")) == ("sport", "")
    assert form.chosen("days", "friday")
    assert not form.chosen("days", "sunday")
    assert form.has_errors
    assert form.labelled("fee", "Fill this in.") == "Fee: Fill this in."


def test_a_form_asks_for_nothing_that_it_cannot_read() -> None:
    class Strange(msgspec.Struct):
        table: dict[str, str]

    with pytest.raises(TypeError):
        read_form({"table": "x"}, Strange)
