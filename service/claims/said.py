"""Claims in the words of the API: what the service knows of them as the wire contract has it."""

import msgspec

from schemas.claim import ClaimMade, ClaimReason, ClaimSummary, CoverageAnswer, ReservationMade, ReservationSummary
from service.claims.actions import Made
from service.claims.queries import OwnClaim, OwnReservation
from service.claims.reservations import MadeReservation
from service.claims.rules import Coverage
from service.claims.words import REASONS, WHAT_TO_DO


def reasons_said(codes: tuple[str, ...]) -> list[ClaimReason]:
    """Reasons in words, with what the club can do."""
    return [ClaimReason(code, REASONS.get(code, code), WHAT_TO_DO.get(code)) for code in codes]


def coverage_said(found: Coverage) -> CoverageAnswer:
    """What a pass would pay."""
    return CoverageAnswer(
        found.valid,
        found.name_matches,
        found.remaining_ore,
        found.covered_ore,
        found.family_share_ore,
        found.valid_to,
    )


def reservation_made(made: MadeReservation) -> ReservationMade:
    """A reservation just made."""
    return ReservationMade(made.id, "held", made.fee_ore, made.reserved_ore, made.family_share_ore, made.until)


def reservation_said(one: OwnReservation) -> ReservationSummary:
    """A reservation in a list."""
    share = one.fee_ore - one.reserved_ore
    return msgspec.convert({**msgspec.structs.asdict(one), "family_share_ore": share}, ReservationSummary)


def claim_made(made: Made) -> ClaimMade:
    """A claim just made."""
    return ClaimMade(
        made.id,
        made.state,
        made.fee_ore,
        made.covered_ore,
        made.family_share_ore,
        made.expected_payment_date,
        reasons_said(made.reasons),
    )


def claim_said(one: OwnClaim) -> ClaimSummary:
    """A claim in a list or by itself."""
    return msgspec.convert({**msgspec.structs.asdict(one), "reasons": reasons_said(one.reasons)}, ClaimSummary)
