"""The eligibility rule. It stands here once, as an expression over the columns of a fact row.

The database evaluates it for every child of a municipality and for one family alike; determinations hold the same
columns, so it is also what replays them. The order of the reasons is that of `OUTCOMES`.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from service.eligibility.models import OUTCOMES
from service.eligibility.parameters import Parameters

HIGHEST_PLAUSIBLE_ORE = 100_000_000_00

FACT_COLUMNS = (
    "person_id",
    "household_id",
    "age",
    "district",
    "area",
    "providers",
    "children",
    "uncertain",
    "award_percent",
    "award_ground",
    "income_annual",
    "income_final",
    "income_advance",
    "income_month_x12",
)

_OUTCOME = "CASE r.reason " + " ".join(f"WHEN '{reason}' THEN '{o}'" for reason, o in OUTCOMES.items()) + " END"


def rule(facts: str, bases: tuple[str, ...], prefix: str = "") -> str:
    """A subquery: the columns of `facts` (a table or subquery) and `outcome`, `reason`, `income_ore`, `limit_ore`.

    Its bind parameters are those of `bound`, whose names begin with the `prefix`. `income_ore` is what the providers'
    known incomes add up to, null where none is known or one is implausible; `limit_ore` is null without a provider.
    """
    first, second = (_counted(bases, lambda basis, at=at: f"f.income_{basis}[{at}]") for at in (1, 2))
    return f"""(
        SELECT f.*, {_OUTCOME} AS outcome, r.reason, r.income_ore, r.limit_ore
        FROM {facts} AS f
        CROSS JOIN (SELECT CAST(:{prefix}limit_ore AS bigint) AS limit_ore,
            CAST(:{prefix}single_ore AS bigint) AS single_ore, CAST(:{prefix}child_ore AS bigint) AS child_ore,
            CAST(:{prefix}min_age AS int) AS min_age, CAST(:{prefix}max_age AS int) AS max_age,
            CAST(:{prefix}inclusive AS boolean) AS inclusive, CAST(:{prefix}min_percent AS int) AS min_percent,
            CAST(:{prefix}areas AS text[]) AS areas, CAST(:{prefix}highest_ore AS bigint) AS highest_ore) AS p
        CROSS JOIN LATERAL (SELECT {first} AS first_ore, {second} AS second_ore) AS c
        CROSS JOIN LATERAL (SELECT
            CAST(coalesce(c.first_ore, 0) + coalesce(c.second_ore, 0)
                + {_others(bases, "coalesce(sum(ore), 0)", "0")} AS bigint) AS known_ore,
            num_nonnulls(c.first_ore, c.second_ore) + {_others(bases, "count(ore)", "0")} AS known,
            coalesce(c.first_ore NOT BETWEEN 0 AND p.highest_ore, false)
                OR coalesce(c.second_ore NOT BETWEEN 0 AND p.highest_ore, false)
                OR {_others(bases, "coalesce(bool_or(ore NOT BETWEEN 0 AND p.highest_ore), false)", "false")}
                AS implausible,
            p.limit_ore + CASE WHEN f.providers = 1 THEN p.single_ore ELSE 0 END
                + greatest(f.children - 1, 0) * p.child_ore AS limit_ore) AS i
        CROSS JOIN LATERAL (SELECT
            CASE
                WHEN f.age < p.min_age THEN 'too_young'
                WHEN f.age > p.max_age THEN 'too_old'
                WHEN f.award_percent >= p.min_percent THEN 'decision'
                WHEN cardinality(p.areas) > 0 AND (lower(f.area COLLATE pg_c_utf8) = ANY (p.areas)
                    OR lower(f.district COLLATE pg_c_utf8) = ANY (p.areas)) THEN 'area'
                WHEN f.uncertain THEN 'household_uncertain'
                WHEN f.providers = 0 THEN 'no_provider'
                WHEN i.implausible THEN 'income_implausible'
                WHEN i.known > 0 AND (i.known_ore > i.limit_ore OR i.known_ore = i.limit_ore AND NOT p.inclusive)
                    THEN 'income_above_limit'
                WHEN i.known < f.providers THEN 'income_missing'
                ELSE 'income_within_limit'
            END AS reason,
            CASE WHEN i.known > 0 AND NOT i.implausible THEN i.known_ore END AS income_ore,
            CASE WHEN f.providers > 0 THEN i.limit_ore END AS limit_ore) AS r
    )"""


def bound(parameters: Parameters, prefix: str = "") -> dict[str, Any]:
    """The bind parameters of `rule`, their names with the same prefix."""
    values = {
        "limit_ore": parameters.limit_ore,
        "single_ore": parameters.single_addition_ore,
        "child_ore": parameters.child_addition_ore,
        "min_age": parameters.min_age,
        "max_age": parameters.max_age,
        "inclusive": parameters.inclusive,
        "min_percent": parameters.min_percent,
        "areas": [area.lower() for area in parameters.areas],
        "highest_ore": HIGHEST_PLAUSIBLE_ORE,
    }
    return {f"{prefix}{name}": value for name, value in values.items()}


def _counted(bases: tuple[str, ...], income: Callable[..., str]) -> str:
    """A provider's income that counts: on the first basis there is one for."""
    return f"coalesce({', '.join(income(basis) for basis in bases)})"


def _others(bases: tuple[str, ...], aggregate: str, none: str) -> str:
    # More than two providers are rare: unfolding arrays is left to these rows, for it costs ten times the rest.
    arrays = ", ".join(f"f.income_{basis}" for basis in bases)
    ore = _counted(bases, lambda basis: f"x.{basis}")
    return f"""CASE WHEN f.providers <= 2 THEN {none} ELSE (
        SELECT {aggregate} FROM (
            SELECT {ore} AS ore
            FROM unnest({arrays}) WITH ORDINALITY AS x({", ".join(bases)}, provider) WHERE x.provider > 2
        ) AS other) END"""


class Figures(msgspec.Struct, frozen=True):
    """What the rule read and said for one child, as a determination holds it; amounts in øre."""

    age: int
    district: str
    area: str
    providers: int
    children: int
    uncertain: bool
    award_percent: int | None
    award_ground: str | None
    income_ore: int | None
    limit_ore: int | None
    outcome: str
    reason: str
