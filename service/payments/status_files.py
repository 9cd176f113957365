"""Reading what the bank sends back: payment status reports (`pain.002`) and account notifications (`camt.054`).

A file from outside is not trusted: no entities, no document type, no network, bounded in size and depth; and it must
be what its official schema says.
"""

import hashlib
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec
from lxml import etree

from service.errors import Refused
from service.payments.xsd import NOTIFICATIONS, STATUSES, schema

LARGEST: Final = 50 * 1024 * 1024
_NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:"

SETTLED, REJECTED, PENDING = "settled", "rejected", "pending"
_SAID: Final = {
    "ACSC": SETTLED,
    "ACCC": SETTLED,
    "RJCT": REJECTED,
    "CANC": REJECTED,
}
"""What the status codes of ISO 20022 come to; every other one (accepted, pending, …) is not the end yet."""


class Said(msgspec.Struct, frozen=True):
    """What a file says of one payment: `status` is `settled`, `rejected` or `pending`; øre where it says an amount.

    Without `end_to_end_id` it is said of the whole file that was sent.
    """

    end_to_end_id: str | None
    status: str
    code: str | None
    amount_ore: int | None


class StatusFile(msgspec.Struct, frozen=True):
    """A file of the bank. `original` is the message that a status report answers, None for a notification."""

    sha256: str
    kind: str
    message_id: str
    original: str | None
    said: tuple[Said, ...]


def read_status_file(content: bytes) -> StatusFile:
    """Read a file of the bank. Raises Refused with one sentence where it is not one."""
    root = _parsed(content)
    kind = root.tag[1 : root.tag.index("}")].removeprefix(_NAMESPACE) if root.tag.startswith("{") else ""
    if kind not in (*STATUSES, *NOTIFICATIONS):
        raise Refused("This is no status file of a bank that can be read: pain.002 and camt.054 are.")
    checked = schema(kind)
    if not checked.validate(root):
        raise Refused("The file is not what its schema says: {reason}", reason=str(checked.error_log[0].message)[:300])
    names = {"n": f"{_NAMESPACE}{kind}"}
    message = root.findtext(".//n:GrpHdr/n:MsgId", "", names)
    digest = hashlib.sha256(content).hexdigest()
    if kind in STATUSES:
        original = root.findtext(".//n:OrgnlGrpInfAndSts/n:OrgnlMsgId", None, names)
        return StatusFile(digest, kind, message, original, tuple(_reported(root, names)))
    return StatusFile(digest, kind, message, None, tuple(_notified(root, names)))


def _parsed(content: bytes) -> etree._Element:
    if len(content) > LARGEST:
        raise Refused("The file is larger than {most} MB.", most=LARGEST // 1024 // 1024)
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise Refused("The file has a document type of its own. A bank's file has none.")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_pis=True)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise Refused("The file is no XML: {reason}", reason=str(error)[:300]) from error
    if root.getroottree().docinfo.doctype:
        raise Refused("The file has a document type of its own. A bank's file has none.")
    return root


def _reported(root: etree._Element, names: dict[str, str]) -> Iterator[Said]:
    """The payments that a status report names; what it says of the whole or of a part holds where it names none."""
    group = root.find(".//n:OrgnlGrpInfAndSts", names)
    parts = root.findall(".//n:OrgnlPmtInfAndSts", names)
    named = False
    for part in parts:
        for one in part.iterfind("n:TxInfAndSts", names):
            named = True
            code = one.findtext("n:TxSts", None, names) or part.findtext("n:PmtInfSts", "", names)
            amount = one.findtext(".//n:OrgnlTxRef//n:InstdAmt", None, names)
            yield Said(
                one.findtext("n:OrgnlEndToEndId", None, names) or one.findtext("n:OrgnlInstrId", None, names),
                _SAID.get(code, PENDING),
                _reason(one, names) or code,
                _ore(amount),
            )
    if named:
        return
    whole = next((part for part in parts if part.findtext("n:PmtInfSts", None, names)), group)
    if whole is not None:
        code = whole.findtext("n:PmtInfSts", None, names) or whole.findtext("n:GrpSts", "", names)
        yield Said(None, _SAID.get(code, PENDING), _reason(whole, names) or code, None)


def _reason(one: etree._Element, names: dict[str, str]) -> str | None:
    found: str | None = one.findtext("n:StsRsnInf/n:Rsn/n:Cd", None, names)
    return found or one.findtext("n:StsRsnInf/n:Rsn/n:Prtry", None, names)


def _notified(root: etree._Element, names: dict[str, str]) -> Iterator[Said]:
    """Booked debits are payments that were carried out, booked credits with a reason ones that came back."""
    for entry in root.iterfind(".//n:Ntry", names):
        booked = entry.findtext("n:Sts/n:Cd", None, names) or entry.findtext("n:Sts", "", names)
        for one in entry.iterfind(".//n:TxDtls", names):
            reference = one.findtext("n:Refs/n:EndToEndId", None, names)
            if not reference or reference == "NOTPROVIDED":
                continue
            direction = one.findtext("n:CdtDbtInd", None, names) or entry.findtext("n:CdtDbtInd", "", names)
            returned = one.findtext("n:RtrInf/n:Rsn/n:Cd", None, names) or one.findtext(
                "n:RtrInf/n:Rsn/n:Prtry", None, names
            )
            amount = one.findtext("n:Amt", None, names) or one.findtext("n:AmtDtls/n:InstdAmt/n:Amt", None, names)
            back = direction == "CRDT" or one.find("n:RtrInf", names) is not None
            status = PENDING if booked.strip() != "BOOK" else REJECTED if back else SETTLED
            yield Said(reference, status, returned or ("RETURNED" if back else None), _ore(amount))


def _ore(amount: str | None) -> int | None:
    try:
        return None if amount is None else int((Decimal(amount) * 100).to_integral_exact())
    except (InvalidOperation, ValueError):
        return None
