"""Who comes first: the season's published points, and a draw among equals that everybody can make again."""

import hashlib
import hmac
import secrets

import msgspec

from service.allocation.problem import Family, Problem, Weights


class Score(msgspec.Struct, frozen=True):
    """The points of a family by what they are for; `recent` families come after all others, whatever their points."""

    need: int
    never: int
    refusals: int
    recent: bool

    @property
    def points(self) -> int:
        return self.need + self.never + self.refusals


def score(family: Family, weights: Weights, year: int) -> Score:
    """The points of a family for the season of `year`."""
    last = family.last_participation
    return Score(
        need=weights.need * family.need,
        never=weights.never if last is None else 0,
        refusals=weights.refusal * min(family.refusals, weights.most_refusals),
        recent=last is not None and year - last <= weights.recent_years,
    )


def lot(seed: str, family: str) -> str:
    """What a family draws: hexadecimal HMAC-SHA256 with the seed as key over its code. The lowest comes first."""
    return hmac.new(seed.encode(), family.encode(), hashlib.sha256).hexdigest()


def commitment(seed: str) -> str:
    """What is shown before the list closes, so that nobody can choose a seed afterwards: the seed's SHA-256."""
    return hashlib.sha256(seed.encode()).hexdigest()


def new_seed() -> str:
    """A seed that nobody can guess from its commitment."""
    return secrets.token_hex(16)


def in_order(problem: Problem) -> list[Family]:
    """All families, those with priority first. Which line of a file they stand in counts for nothing."""
    year = problem.year

    def place(family: Family) -> tuple[bool, int, str, str]:
        found = score(family, problem.weights, year)
        return found.recent, -found.points, lot(problem.seed, family.code), family.code

    return sorted(problem.families, key=place)
