"""What a bank sends back, read by the official schemas; what is no such file is refused, and nothing of it is done."""

import pytest

from service.errors import Refused
from service.payments.status_files import Said, read_status_file
from tests.payments.reports import camt_054, pain_002


def test_a_status_report_says_it_of_each_payment() -> None:
    found = read_status_file(pain_002("RUN", [("A", "ACSC"), ("B", "RJCT"), ("C", "PDNG")]))
    assert (found.kind, found.original) == ("pain.002.001.03", "RUN")
    assert [(one.end_to_end_id, one.status) for one in found.said] == [
        ("A", "settled"),
        ("B", "rejected"),
        ("C", "pending"),
    ]


def test_a_status_report_may_say_it_of_the_whole() -> None:
    [said] = read_status_file(pain_002("RUN", [], group="RJCT")).said
    assert said == Said(None, "rejected", "RJCT", None)


def test_a_notification_says_what_was_booked_and_what_came_back() -> None:
    found = read_status_file(camt_054([("A", "900.00", "DBIT", None), ("B", "12.50", "CRDT", "AC04")]))
    assert found.kind == "camt.054.001.02"
    assert found.said == (Said("A", "settled", None, 90_000), Said("B", "rejected", "AC04", 1_250))


@pytest.mark.parametrize(
    ("content", "because"),
    [
        (b"", "no XML"),
        (b"PK\x03\x04 a spreadsheet", "no XML"),
        (b"<a/>", "no status file"),
        (pain_002("RUN", [("A", "ACSC")]).replace(b"GrpHdr", b"GrpHead"), "not what its schema says"),
        (b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', "document type of its own"),
        (
            b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><l>&b;</l>',
            "document type of its own",
        ),
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'.encode("utf-16"), "document type of its own"),
        (b"<a>" * 100_000 + b"</a>" * 100_000, "no XML"),
        (b"<a>" + b"x" * (51 * 1024 * 1024) + b"</a>", "larger than"),
    ],
)
def test_what_is_no_file_of_a_bank_is_refused(content: bytes, because: str) -> None:
    with pytest.raises(Refused) as refused:
        read_status_file(content)
    assert because in refused.value.message
    assert "root:" not in refused.value.message
