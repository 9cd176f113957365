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
