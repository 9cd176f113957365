"""A run as one object: what goes into the file of `--report`, and what a page would show."""

from collections.abc import Sequence
from typing import Any

import msgspec

from service.allocation import figures
from service.allocation.compare import Comparison
from service.allocation.explain import Explanation, explain
from service.allocation.priority import commitment
from service.allocation.problem import Stay, Weights
from service.allocation.solving import Allocation, Gain
from service.allocation.tables import Wrong
from service.allocation.what_if import WhatIf


class RejectedLine(msgspec.Struct, frozen=True):
    line: int
    field: str
    reason: str


class ToldFamily(msgspec.Struct, frozen=True):
    """A family with its place or without, its points, and the sentences that say why."""

    family: str
    outcome: str
    stay: str | None
    wish: int | None
    rank: int
    reason: str
    points: int
    need_points: int
    never_points: int
    refusal_points: int
    recent: bool
    because: list[str]


class Report(msgspec.Struct, frozen=True):
    """Everything about a run. `if_worse_wishes_were_allowed` is empty where it was not asked for."""

    seed: str
    seed_commitment: str
    season_year: int
    weights: Weights
    totals: figures.Totals
    priority_alone: figures.PriorityAlone
    repack: figures.Repack
    if_worse_wishes_were_allowed: list[Gain]
    stays: list[figures.StayFigures]
    shares: dict[str, list[figures.Share]]
    families: list[ToldFamily]
    rejected: list[RejectedLine]


def report_of(run: Allocation, gains: Sequence[Gain] = (), rejected: Sequence[Wrong] = ()) -> Report:
    problem = run.season.problem
    return Report(
        seed=problem.seed,
        seed_commitment=commitment(problem.seed),
        season_year=problem.year,
        weights=problem.weights,
        totals=figures.totals(run),
        priority_alone=figures.priority_alone(run),
        repack=figures.repack_figures(run),
        if_worse_wishes_were_allowed=list(gains),
        stays=figures.stays(run),
        shares=figures.shares(run),
        families=[_told(one) for one in explain(run)],
        rejected=[RejectedLine(one.line, one.field, str(one.text)) for one in rejected],
    )


def _told(one: Explanation) -> ToldFamily:
    placement, score = one.placement, one.score
    return ToldFamily(
        family=placement.family,
        outcome=placement.outcome,
        stay=placement.stay,
        wish=placement.wish,
        rank=placement.rank,
        reason=placement.reason,
        points=score.points,
        need_points=score.need,
        never_points=score.never,
        refusal_points=score.refusals,
        recent=score.recent,
        because=[str(sentence) for sentence in one.because],
    )


class WhatIfReport(msgspec.Struct, frozen=True):
    """The totals of both runs, the stays that are new or other, and which families it touches."""

    as_it_is: figures.Totals
    as_it_would_be: figures.Totals
    changed_stays: list[Stay]
    comparison: Comparison


def what_if_report(found: WhatIf) -> WhatIfReport:
    return WhatIfReport(
        as_it_is=figures.totals(found.as_it_is),
        as_it_would_be=figures.totals(found.as_it_would_be),
        changed_stays=found.changed,
        comparison=found.comparison,
    )


def lines_of(report: Report) -> list[str]:
    """A report in a few lines for people."""
    totals, alone, packed = report.totals, report.priority_alone, report.repack
    lines = [
        f"{totals.placed:,} of {totals.families:,} families placed, {totals.waiting:,} waiting, "
        f"{totals.ineligible:,} not eligible.",
        f"{totals.persons_placed:,} persons in {totals.beds_filled:,} of {totals.beds:,} beds; "
        f"by priority alone {alone.persons_placed:,} in {alone.beds_filled:,}.",
    ]
    if packed.fallback:
        lines.append("The re-pack did not hold when it was checked: the plan is that of priority alone.")
    elif packed.worse_wishes_allowed or packed.moves_within_region_allowed:
        lines.append(
            f"The re-pack placed {packed.persons_more:,} more persons; {len(packed.to_a_better_wish):,} families got a "
            f"better wish, {len(packed.to_a_worse_wish):,} a worse one, {len(packed.within_region):,} without wishes a "
            "later stay of their region."
        )
    lines += [
        f"{gain.persons:,} more persons if {gain.moved_to_a_worse_wish:,} families take a worse wish."
        for gain in report.if_worse_wishes_were_allowed
    ]
    sizes = [f"{share.kind} persons {share.placed:.0%}" for share in report.shares["family_size"]]
    lines.append(f"Placed by family size: {', '.join(sizes) or 'nobody'}.")
    below = [stay.stay for stay in report.stays if stay.below_minimum]
    if below:
        lines.append(f"Fewer families than they are to have: {', '.join(below)}.")
    lines += [f"{one.line}, {one.field}: {one.reason}" for one in report.rejected]
    return lines


def answer_of(report: Report) -> dict[str, Any]:
    """What the command answers with: the report without its long lists."""
    answer: dict[str, Any] = msgspec.to_builtins(report)
    del answer["families"], answer["stays"]
    answer["rejected_lines"] = answer.pop("rejected")
    return {**answer.pop("totals"), "rejected": len(report.rejected), **answer}
