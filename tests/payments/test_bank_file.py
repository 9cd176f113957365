"""The bank's file in both formats and currencies, by its official schema."""

from datetime import UTC, date, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from service.payments.bank_file import Head, Line, write_pain_001
from service.payments.settings import FORMATS, PaymentSettings

DANISH = PaymentSettings(name="Aarhus Kommune", account="DK5000400440116243", organisation_number="55133018")
NORWEGIAN = PaymentSettings(
    name="Lillevik kommune", account="NO9386011117947", bic="DNBANOKK", domestic_accounts=True, file_format=FORMATS[1]
)
LINE = Line(
    place=1,
    club_name="Boldklubben",
    club_number="10203058",
    payee_kind="account",
    account="DK5000400440116243",
    cost_centre=None,
    reference_kind=None,
    reference=None,
    creditor=None,
    gross_ore=90_000,
    recovered_ore=0,
    amount_ore=90_000,
    end_to_end_id="MS1",
    claims=1,
)


def head(debtor: PaymentSettings, currency: str, file_format: str) -> Head:
    released = datetime(2017, 2, 10, 9, 30, tzinfo=UTC)
    return Head(1, "MEDSPILLER-0751-1", released, date(2017, 2, 15), currency, file_format, debtor)


def texts(content: bytes, name: str) -> list[str | None]:
    return [one.text for one in etree.fromstring(content).iter() if etree.QName(one).localname == name]


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize(("debtor", "currency"), [(DANISH, "DKK"), (NORWEGIAN, "NOK")])
def test_both_formats_and_countries_stand_up_to_their_schema(
    file_format: str, debtor: PaymentSettings, currency: str
) -> None:
    account = msgspec.structs.replace(LINE, account=debtor.account)
    kid = msgspec.structs.replace(account, end_to_end_id="MS2", reference_kind="kid", reference="2345676")
    fik = msgspec.structs.replace(
        account, end_to_end_id="MS3", reference_kind="fik", reference="000000000000012", creditor="86456215"
    )
    free = msgspec.structs.replace(account, end_to_end_id="MS4", reference_kind="free", reference="Faktura 12 – æøå")
    content = write_pain_001(head(debtor, currency, file_format), [account, kid, fik, free])
    assert texts(content, "CtrlSum") == ["3600.00", "3600.00"]
    assert texts(content, "NbOfTxs") == ["4", "4"]
    assert texts(content, "Ref") == ["2345676", "000000000000012"]
    assert ("86011117947" in texts(content, "Id")) == (debtor is NORWEGIAN)
    assert (debtor.account in texts(content, "IBAN")) == (debtor is DANISH)
    assert "86456215" in texts(content, "Id")
    assert any("Faktura 12" in (said or "") for said in texts(content, "Ustrd"))


@given(
    st.lists(
        st.tuples(st.integers(1, 10**11), st.text(st.characters(categories=("L", "N", "Zs", "P")), min_size=1)),
        min_size=1,
        max_size=20,
    )
)
def test_every_amount_and_name_comes_through(paid: list[tuple[int, str]]) -> None:
    lines = [
        msgspec.structs.replace(
            LINE, place=place, gross_ore=ore, amount_ore=ore, club_name=name.strip() or "x", end_to_end_id=f"MS{place}"
        )
        for place, (ore, name) in enumerate(paid, start=1)
    ]
    content = write_pain_001(head(DANISH, "DKK", FORMATS[0]), lines)
    assert texts(content, "InstdAmt") == [f"{ore // 100}.{ore % 100:02}" for ore, _ in paid]
    assert content == write_pain_001(head(DANISH, "DKK", FORMATS[0]), lines)
