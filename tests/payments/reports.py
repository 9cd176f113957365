"""What a bank would send back, made without the program's own code."""

_PAIN_002 = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.03"><CstmrPmtStsRpt>
<GrpHdr><MsgId>{id}</MsgId><CreDtTm>2017-02-16T08:00:00Z</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>{original}</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>{group}</OrgnlGrpInfAndSts>
{payments}</CstmrPmtStsRpt></Document>"""
_PAYMENT = """<TxInfAndSts><OrgnlEndToEndId>{reference}</OrgnlEndToEndId><TxSts>{code}</TxSts></TxInfAndSts>"""


def pain_002(original: str, said: list[tuple[str, str]], group: str | None = None) -> bytes:
    """A payment status report: of each reference a status code, or one of the whole message."""
    lines = "".join(_PAYMENT.format(reference=reference, code=code) for reference, code in said)
    payments = (
        f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>{original}-1</OrgnlPmtInfId>{lines}</OrgnlPmtInfAndSts>" if said else ""
    )
    name = f"{original}{''.join(code for _, code in said)}{group or ''}"[:35]
    status = f"<GrpSts>{group}</GrpSts>" if group else ""
    return _PAIN_002.format(id=name, original=original, group=status, payments=payments).encode()


_CAMT_054 = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.02"><BkToCstmrDbtCdtNtfctn>
<GrpHdr><MsgId>{id}</MsgId><CreDtTm>2017-02-20T08:00:00Z</CreDtTm></GrpHdr>
<Ntfctn><Id>N1</Id><CreDtTm>2017-02-20T08:00:00Z</CreDtTm>
<Acct><Id><IBAN>DK5000400440116243</IBAN></Id></Acct>{entries}</Ntfctn></BkToCstmrDbtCdtNtfctn></Document>"""
_ENTRY = """<Ntry><Amt Ccy="DKK">{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd><Sts>BOOK</Sts>
<BkTxCd><Prtry><Cd>PMT</Cd></Prtry></BkTxCd><NtryDtls><TxDtls><Refs><EndToEndId>{reference}</EndToEndId></Refs>
<AmtDtls><InstdAmt><Amt Ccy="DKK">{amount}</Amt></InstdAmt></AmtDtls>{returned}</TxDtls></NtryDtls></Ntry>"""


def camt_054(booked: list[tuple[str, str, str, str | None]], name: str = "NOTE-1") -> bytes:
    """An account notification: reference, amount, DBIT or CRDT, and the reason where a payment came back."""
    entries = "".join(
        _ENTRY.format(
            reference=reference,
            amount=amount,
            direction=direction,
            returned=f"<RtrInf><Rsn><Cd>{why}</Cd></Rsn></RtrInf>" if why else "",
        )
        for reference, amount, direction, why in booked
    )
    return _CAMT_054.format(id=name, entries=entries).encode()
