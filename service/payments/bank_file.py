"""The files of a released run, made from what was written down at its release: always the same bytes.

For the bank an ISO 20022 credit transfer (`pain.001`), checked against its official schema and its own sums before
anybody has it; for the municipality's own payment system the instructions to pay NemKonti; for its accounts a posting
file.
"""

import csv
import hashlib
import io
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec
from lxml import etree
from sqlalchemy import text
from sqlmodel import Session

from service.errors import NotFound, Refused
from service.payments.settings import PaymentSettings
from service.payments.xsd import schema
from service.values.accounts import domestic
from service.values.spreadsheets import as_text

_NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:"
_LONGEST_NAME, _LONGEST_TEXT = 70, 140


class BankFile(msgspec.Struct, frozen=True):
    """The files of a run: `xml` is None where no payment goes through the bank, `nemkonto` where none goes that way."""

    number: int
    xml: bytes | None
    nemkonto: bytes | None
    postings: bytes
    sha256: str


class Line(msgspec.Struct, frozen=True):
    """A payment as it stands in a file; øre."""

    place: int
    club_name: str
    club_number: str
    payee_kind: str
    account: str | None
    cost_centre: str | None
    reference_kind: str | None
    reference: str | None
    creditor: str | None
    gross_ore: int
    recovered_ore: int
    amount_ore: int
    end_to_end_id: str
    claims: int


class Head(msgspec.Struct, frozen=True):
    """A released run as its file begins."""

    number: int
    message_id: str
    released_at: datetime
    pays_on: date
    currency: str
    file_format: str
    debtor: PaymentSettings


def write_bank_file(session: Session, run_id: UUID) -> BankFile:
    """Make the files of a released run. Raises Refused where the bank's would not stand up to its schema or sums."""
    row = session.execute(text(_HEAD), {"run": run_id}).one_or_none()
    if row is None:
        raise NotFound("The run has no file yet: it was not released.")
    head = msgspec.convert(row, Head, from_attributes=True)
    lines = [msgspec.convert(one, Line, from_attributes=True) for one in session.execute(text(_LINES), {"run": run_id})]
    paid = [line for line in lines if line.amount_ore > 0]
    through_bank = [line for line in paid if line.payee_kind == "account"]
    to_nemkonto = [line for line in paid if line.payee_kind == "nemkonto"]
    xml = write_pain_001(head, through_bank) if through_bank else None
    nemkonto = _nemkonto(head, to_nemkonto) if to_nemkonto else None
    postings = _postings(head, lines)
    digest = hashlib.sha256(b"\0".join(part or b"" for part in (xml, nemkonto, postings))).hexdigest()
    return BankFile(head.number, xml, nemkonto, postings, digest)


def write_pain_001(head: Head, lines: Sequence[Line]) -> bytes:
    """The credit transfer of a run, checked."""
    namespace = f"{_NAMESPACE}{head.file_format}"
    document = etree.Element(f"{{{namespace}}}Document", nsmap={None: namespace})
    root = _below(document, "CstmrCdtTrfInitn")
    _head(root, head, lines)
    _instruction(root, head, lines)
    content: bytes = etree.tostring(document, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    _require_sound(content, head, lines)
    return content


def _head(root: etree._Element, head: Head, lines: Sequence[Line]) -> None:
    group = _below(root, "GrpHdr")
    _below(group, "MsgId", head.message_id)
    _below(group, "CreDtTm", head.released_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    _below(group, "NbOfTxs", str(len(lines)))
    _below(group, "CtrlSum", _kroner(sum(line.amount_ore for line in lines)))
    party = _below(group, "InitgPty")
    _below(party, "Nm", head.debtor.name[:_LONGEST_NAME])
    _organisation(party, head.debtor.organisation_number)


def _instruction(root: etree._Element, head: Head, lines: Sequence[Line]) -> None:
    info = _below(root, "PmtInf")
    _below(info, "PmtInfId", f"{head.message_id}-1")
    _below(info, "PmtMtd", "TRF")
    _below(info, "NbOfTxs", str(len(lines)))
    _below(info, "CtrlSum", _kroner(sum(line.amount_ore for line in lines)))
    purpose = _below(_below(info, "PmtTpInf"), "CtgyPurp")
    _below(purpose, "Cd", "SUPP")
    day = _below(info, "ReqdExctnDt")
    if head.file_format == "pain.001.001.03":
        day.text = head.pays_on.isoformat()
    else:
        _below(day, "Dt", head.pays_on.isoformat())
    debtor = _below(info, "Dbtr")
    _below(debtor, "Nm", head.debtor.name[:_LONGEST_NAME])
    _organisation(debtor, head.debtor.organisation_number)
    account = _below(info, "DbtrAcct")
    _account(account, head.debtor.account, head.debtor)
    _below(account, "Ccy", head.currency)
    agent = _below(_below(info, "DbtrAgt"), "FinInstnId")
    if head.debtor.bic:
        _below(agent, "BIC" if head.file_format == "pain.001.001.03" else "BICFI", head.debtor.bic)
    else:
        _below(_below(agent, "Othr"), "Id", "NOTPROVIDED")
    for line in lines:
        _transfer(info, head, line)


def _transfer(info: etree._Element, head: Head, line: Line) -> None:
    transfer = _below(info, "CdtTrfTxInf")
    ids = _below(transfer, "PmtId")
    _below(ids, "InstrId", line.end_to_end_id)
    _below(ids, "EndToEndId", line.end_to_end_id)
    amount = _below(_below(transfer, "Amt"), "InstdAmt", _kroner(line.amount_ore))
    amount.set("Ccy", head.currency)
    creditor = _below(transfer, "Cdtr")
    _below(creditor, "Nm", line.club_name[:_LONGEST_NAME])
    _organisation(creditor, line.club_number)
    account = _below(transfer, "CdtrAcct")
    if line.reference_kind == "fik" and line.creditor:
        # A Danish creditor number: it, and not the account, says where the money goes.
        other = _below(_below(account, "Id"), "Othr")
        _below(other, "Id", line.creditor)
        _below(_below(other, "SchmeNm"), "Prtry", "OCR")
    else:
        _account(account, line.account or "", head.debtor)
    _remittance(transfer, head, line)


def _remittance(transfer: etree._Element, head: Head, line: Line) -> None:
    """A KID or FIK as structured reference, else a line by which the club finds the claims."""
    remittance = _below(transfer, "RmtInf")
    if line.reference_kind in ("kid", "fik"):
        information = _below(_below(remittance, "Strd"), "CdtrRefInf")
        _below(_below(_below(information, "Tp"), "CdOrPrtry"), "Cd", "SCOR")
        _below(information, "Ref", line.reference or "")
        return
    said = f"{line.reference} " if line.reference_kind == "free" else ""
    _below(remittance, "Ustrd", f"{said}{head.message_id} {line.claims} claims"[:_LONGEST_TEXT])


def _account(parent: etree._Element, iban: str, debtor: PaymentSettings) -> None:
    identity = _below(parent, "Id")
    if not debtor.domestic_accounts:
        _below(identity, "IBAN", iban)
        return
    other = _below(identity, "Othr")
    _below(other, "Id", "".join(domestic(iban)))
    _below(_below(other, "SchmeNm"), "Cd", "BBAN")


def _organisation(parent: etree._Element, number: str) -> None:
    if number:
        other = _below(_below(_below(parent, "Id"), "OrgId"), "Othr")
        _below(other, "Id", number)


def _below(parent: etree._Element, name: str, text_: str | None = None) -> etree._Element:
    namespace = parent.tag[: parent.tag.index("}") + 1]
    made = etree.SubElement(parent, f"{namespace}{name}")
    if text_ is not None:
        made.text = text_
    return made


def _kroner(ore: int) -> str:
    return f"{ore // 100}.{ore % 100:02}"


def _require_sound(content: bytes, head: Head, lines: Sequence[Line]) -> None:
    """Read the file as the bank will: against its schema, and whether it adds up to what the run pays."""
    read = etree.fromstring(content)
    checked = schema(head.file_format)
    if not checked.validate(read):
        raise Refused("The bank's file is not sound: {reason}", reason=str(checked.error_log[0].message))
    names = {"p": f"{_NAMESPACE}{head.file_format}"}
    amounts = [Decimal(one.text) for one in read.iterfind(".//p:InstdAmt", names)]
    sums = [Decimal(one.text) for one in read.iterfind(".//p:CtrlSum", names)]
    counts = [int(one.text) for one in read.iterfind(".//p:NbOfTxs", names)]
    wanted = Decimal(sum(line.amount_ore for line in lines)) / 100
    ids = {one.text for one in read.iterfind(".//p:EndToEndId", names)}
    if {sum(amounts), *sums} != {wanted} or {len(amounts), len(ids), *counts} != {len(lines)}:
        raise Refused("The bank's file does not add up. Nothing was released.")


def _nemkonto(head: Head, lines: Sequence[Line]) -> bytes:
    columns = ("end_to_end_id", "cvr", "name", "amount", "currency", "pays_on", "text")
    day = head.pays_on.isoformat()
    rows = [
        (
            line.end_to_end_id,
            line.club_number,
            line.club_name,
            _kroner(line.amount_ore),
            head.currency,
            day,
            f"{head.message_id} {line.claims} claims",
        )
        for line in lines
    ]
    return _csv(columns, rows)


def _postings(head: Head, lines: Sequence[Line]) -> bytes:
    """A debit of the expense for each club's claims; credits of what was taken back and of what is paid."""
    columns = ("date", "run", "account", "debit", "credit", "club_number", "club", "text")
    rows: list[tuple[Any, ...]] = []
    for line in lines:
        paid_from = line.cost_centre if line.payee_kind == "cost_centre" else head.debtor.bank_account
        entries = [(head.debtor.expense_account, line.gross_ore, 0, f"{line.claims} claims")]
        if line.recovered_ore:
            entries.append((head.debtor.expense_account, 0, line.recovered_ore, "over-paid before"))
        if line.amount_ore:
            entries.append((paid_from or "", 0, line.amount_ore, line.end_to_end_id))
        for account, debit, credit, said in entries:
            amounts = [_kroner(ore) if ore else "" for ore in (debit, credit)]
            common = (head.pays_on.isoformat(), head.message_id, account, *amounts)
            rows.append((*common, line.club_number, line.club_name, said))
    return _csv(columns, rows)


def _csv(columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=";")
    writer.writerow(columns)
    writer.writerows([as_text(str(cell)) for cell in row] for row in rows)
    return file.getvalue().encode("utf-8-sig")


_HEAD = """SELECT number, message_id, released_at, pays_on, currency, file_format, debtor FROM payment_run
    WHERE id = :run AND released_at IS NOT NULL"""
_LINES = """
    SELECT p.place, p.club_name, p.club_number, p.payee_kind, p.account, p.cost_centre, p.reference_kind, p.reference,
        p.creditor, p.gross_ore, p.recovered_ore, p.amount_ore, p.end_to_end_id,
        (SELECT count(*) FROM payment_claim l WHERE l.payment_id = p.id) AS claims
    FROM payment p WHERE p.run_id = :run ORDER BY p.place
"""
