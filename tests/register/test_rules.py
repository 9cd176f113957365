"""Which rows are acceptable, and what a list of rejections may show."""

from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.register import rules
from service.values.identity_numbers import Country
from service.values.secrecy import KeyRing, TenantSecrets

TODAY = date(2017, 1, 15)


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> TenantSecrets:
    return KeyRing.open(tmp_path_factory.mktemp("keys") / "identity.json").for_tenant(UUID(int=1))


def fields(**changes: str) -> list[str]:
    values = dict.fromkeys(rules.POPULATION, "x") | {
        "person_id": "6101701111",
        "relation": "provider",
        "birth_date": "1970-01-01",
        "address_protected": "0",
        "language": "",
    }
    return list((values | changes).values())


def test_every_wrong_field_of_a_row_is_named(secrets: TenantSecrets) -> None:
    read = rules.population_row(Country.DENMARK, secrets, TODAY)
    wrong = fields(household_id="", person_id="Anna", relation="x", birth_date="2017-01-16", address_protected="yes")
    with pytest.raises(rules.Rejected) as refusal:
        read(wrong, True)
    assert {field for field, _, _ in refusal.value.problems} == {
        "household_id",
        "person_id",
        "relation",
        "birth_date",
        "address_protected",
    }


def test_what_is_odd_about_a_row_is_a_warning(secrets: TenantSecrets) -> None:
    read = rules.population_row(Country.DENMARK, secrets, TODAY)
    odd = fields(person_id="010170-1111", birth_date="1970-01-02", given_name="", family_name=" ", language="Dansk!")
    staged, warnings = read(odd, True)
    assert {field for field, _, _ in warnings} == {"person_id", "birth_date", "given_name", "language"}
    assert staged.endswith("\t0\t")
    assert "0101701111" not in staged and "0101701111" not in str(warnings)


def test_a_row_is_the_same_whether_it_is_read_the_quick_way_or_not(secrets: TenantSecrets) -> None:
    read = rules.population_row(Country.DENMARK, secrets, TODAY)
    quick, slow = (read(fields(language="so"), plain)[0].split("\t") for plain in (True, False))
    assert [*quick[:2], *quick[3:]] == [*slow[:2], *slow[3:]]


@given(value=st.text(), field=st.sampled_from([*rules.POPULATION, "amount", "year", ""]))
def test_a_masked_value_shows_no_capital_and_no_more_than_eight_digits(value: str, field: str) -> None:
    shown = rules.masked(field, value)
    assert sum(character.isdigit() for character in shown) <= 8
    assert shown == shown.lower()
