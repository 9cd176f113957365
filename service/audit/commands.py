"""`medspiller audit`: sealing the trail and verifying the seals."""

from typing import Any

import click

from service import console
from service.audit import sealing
from service.audit.checks import SEALS
from service.errors import Conflict


@click.group()
def audit() -> None:
    """The audit trail: who read and who changed what."""


@audit.command("seal")
@console.MUNICIPALITY
@console.command
def seal(code: str) -> Any:
    """Seal the entries that are not sealed yet into the hash chain."""
    with console.desk(code) as desk:
        sealed = sealing.seal(desk.session, desk.municipality.id)
        head = sealing.head(desk.session)
    return {"sealed": sealed, "head": head}, [f"{sealed:,} entries sealed."]


@audit.command("head")
@console.MUNICIPALITY
@console.command
def head(code: str) -> Any:
    """Print the newest digest. Kept elsewhere, it proves later that nothing up to it was changed or taken away."""
    with console.desk(code) as desk:
        found = sealing.head(desk.session)
    if found is None:
        return {"number": None, "digest": None, "sealed_at": None}, ["Nothing is sealed yet."]
    return found, [f"Seal {found.number} of {found.sealed_at:%Y-%m-%d %H:%M} UTC: {found.digest}"]


@audit.command("verify")
@console.MUNICIPALITY
@click.option("--head", "kept", metavar="DIGEST", help="A digest that was kept elsewhere and must be in the chain.")
@console.command
def verify(code: str, kept: str | None) -> Any:
    """Verify the hash chain: no sealed entry changed, removed or inserted, and no seal."""
    with console.desk(code) as desk:
        found = SEALS.run(desk.session)
        if kept and not sealing.holds(desk.session, kept):
            found.append("The chain does not hold the digest that was kept: seals were taken away or made anew.")
        newest, tail = sealing.head(desk.session), sealing.tail(desk.session)
    if found:
        raise Conflict("{findings}", findings="\n".join(found))
    lines = [f"The chain of {newest.number if newest else 0:,} seals holds."]
    if tail.since:
        lines.append(f"{tail.entries:,} entries are not sealed yet, the oldest of {tail.since:%Y-%m-%d %H:%M} UTC.")
    return {"head": newest, "unsealed": tail.entries, "unsealed_since": tail.since}, lines
