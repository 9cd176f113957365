"""Random small seasons against a slow second opinion, and what must hold of every plan."""

import csv
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.allocation import repack
from service.allocation.conflicts import Contradiction
from service.allocation.explain import Explainer, explain
from service.allocation.figures import totals
from service.allocation.files import read_problem
from service.allocation.problem import Problem
from service.allocation.repack import Allowed
from service.allocation.solving import Allocation, allocate
from tests.allocation.conftest import Files
from tests.allocation.oracle import Oracle, Settled, beds, may_go, persons
from tests.allocation.seasons import Edges, national

SEEDS = st.integers(0, 2**32 - 1)
MANY = settings(
    max_examples=150, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
FEW = settings(MANY, max_examples=60)


def season(files: Files, seed: int, families: int, *, conditions: bool) -> tuple[Problem, Oracle]:
    """A season of the files that both opinions read."""
    made = Edges(seed, families, 4)
    settled = made.settled() if conditions else []
    files.write(made.stays, made.referrals, settled)
    problem, wrong = read_problem(files.stays, files.referrals, "frø", files.conditions)
    assert wrong == []
    groups = {
        kind: [row["families"].split("|") for row in settled if row["condition"] == kind]
        for kind in ("together", "apart")
    }
    locked = {row["families"]: row["stay"] for row in settled if row["condition"] == "locked"}
    return problem, Oracle(made.stays, made.referrals, "frø", Settled(groups["together"], groups["apart"], locked))


@MANY
@given(SEEDS)
def test_priority_order_is_what_the_second_opinion_finds(files: Files, seed: int) -> None:
    problem, oracle = season(files, seed, 14, conditions=False)
    run = allocate(problem)
    assert run.plan == oracle.by_priority()
    assert [one.family for one in run.placements] == oracle.order
    assert [one.rank for one in run.placements] == list(range(1, len(oracle.order) + 1))
    for one in run.placements:
        assert (one.outcome == "placed") == (one.family in run.plan)
        assert (one.outcome == "ineligible") == (not oracle.eligible[one.family])
        if one.stay is not None:
            assert oracle.wishes[one.family][(one.wish or 0) - 1] == one.stay


@MANY
@given(SEEDS, st.integers(0, 3), st.booleans(), st.sampled_from((1, 2, 12)))
def test_the_repack_is_the_best_there_is(
    files: Files, seed: int, worse_wishes: int, within_region: bool, at_a_time: int
) -> None:
    """However many of the waiting one step settles."""
    problem, oracle = season(files, seed, 7, conditions=True)
    oracle.within_region = within_region
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(repack, "_AT_A_TIME", at_a_time)
            run = allocate(problem, Allowed(worse_wishes, within_region))
    except Contradiction:
        return
    assert run.order.plan == oracle.by_priority()
    assert run.repacked.proven
    assert not run.repacked.fallback
    assert oracle.worth(run.plan) == oracle.best_repack(worse_wishes)
    promised(run, oracle, worse_wishes)


def promised(run: Allocation, oracle: Oracle, worse_wishes: int) -> None:
    """What is promised of every plan, whatever is in it."""
    first = oracle.by_priority()
    assert oracle.holds(run.plan)
    assert first.keys() <= run.plan.keys()
    assert oracle.worse(run.plan) <= worse_wishes
    assert sum(persons(oracle.rows[code]) for code in run.plan) >= sum(persons(oracle.rows[code]) for code in first)
    for unit in oracle.units:
        assert len({run.plan.get(code) for code in unit}) == 1
    for code, stay in run.plan.items():
        assert stay in oracle.eligible[code] or oracle.settled.locked.get(code) == stay
    for unit in oracle.units:
        if unit[0] not in run.plan:
            assert not any(oracle.holds(run.plan | dict.fromkeys(unit, stay)) for stay in oracle.options(unit))


@MANY
@given(SEEDS, st.integers(0, 2), st.booleans(), st.sampled_from((-1, 0, 20, repack.WORK_LIMIT)))
def test_what_is_promised_holds_in_larger_seasons(
    files: Files, seed: int, worse_wishes: int, within_region: bool, work: int
) -> None:
    """Also where the search is stopped early."""
    problem, oracle = season(files, seed, 16, conditions=True)
    oracle.within_region = within_region
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(repack, "WORK_LIMIT", work)
            run = allocate(problem, Allowed(worse_wishes, within_region))
    except Contradiction:
        return
    promised(run, oracle, worse_wishes)


@MANY
@given(SEEDS)
def test_a_contradiction_is_found_where_no_plan_is_possible_and_nowhere_else(files: Files, seed: int) -> None:
    problem, oracle = season(files, seed, 5, conditions=True)
    hands, units = oracle.settled.locked, oracle.units
    locked = {code: hands[one] for unit in units for one in unit if one in hands for code in unit}
    impossible = (
        any(not oracle.options(unit) for unit in units if len(unit) > 1)
        or any(set(pair) <= set(unit) for unit in units for pair in oracle.settled.apart)
        or not oracle.holds(locked)
        or any(code not in hands and stay not in oracle.wishes[code] for code, stay in locked.items())
        or any(not _of_age(oracle, code, stay) for code, stay in locked.items())
    )
    if impossible:
        with pytest.raises(Contradiction) as refused:
            allocate(problem)
        assert all(error.field and error.message for error in refused.value.errors)
        assert refused.value.errors
    else:
        allocate(problem)


def _of_age(oracle: Oracle, code: str, stay: str) -> bool:
    return may_go(oracle.rows[code], oracle.stays[stay])


@FEW
@given(SEEDS, st.randoms(use_true_random=False))
def test_the_order_of_the_lines_counts_for_nothing(files: Files, seed: int, shuffler: object) -> None:
    made = Edges(seed, 12, 4)
    files.write(made.stays, made.referrals)
    files.solve("--worse-wishes", 2)
    first = files.plan.read_bytes()
    made.stays.reverse()
    shuffler.shuffle(made.referrals)  # type: ignore[attr-defined]
    files.write(made.stays, made.referrals)
    files.solve("--worse-wishes", 2)
    assert files.plan.read_bytes() == first


@FEW
@given(SEEDS, st.integers(0, 2))
def test_every_family_is_told_why_and_the_figures_add_up(files: Files, seed: int, worse_wishes: int) -> None:
    problem, oracle = season(files, seed, 14, conditions=False)
    run = allocate(problem, Allowed(worse_wishes))
    told = explain(run)
    assert [one.placement for one in told] == list(run.placements)
    assert [Explainer(run).one(one.placement.family) for one in told] == told
    for one in told:
        assert all("{" not in str(sentence) for sentence in one.because)
        if one.placement.outcome == "waiting":
            named = {stay for stay in oracle.eligible[one.placement.family] if any(stay in str(s) for s in one.because)}
            assert named == set(oracle.eligible[one.placement.family])
    found = totals(run)
    assert found.families == found.placed + found.waiting + found.ineligible == len(oracle.rows)
    assert sum(found.by_wish.values()) == found.placed
    assert found.beds_filled == sum(beds(oracle.rows[code]) for code in run.plan)


def test_the_seasons_reach_every_outcome_and_reason(tmp_path: Path) -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=400, derandomize=True, database=None, deadline=None)
    @given(SEEDS)
    def collect(seed: int) -> None:
        problem, _ = season(Files(tmp_path), seed, 14, conditions=True)
        try:
            run = allocate(problem, Allowed(seed % 3, within_region=seed % 2 == 0))
        except Contradiction as refused:
            seen.update(error.template for error in refused.errors)
            return
        seen.update(one.reason for one in run.placements)

    collect()
    reasons = {"priority", "better_wish", "worse_wish", "within_region", "entered", "locked", "no_wishes"}
    reasons |= {
        "no_stay_in_region",
        "family_places",
        "beds",
        "family_places_and_beds",
        "rooms",
        "apart",
        "too_large",
        "no_child_of_age",
    }
    assert reasons - seen.keys() == set()
    assert sum("together" in template for template in seen) >= 3


@pytest.mark.parametrize("options", [(), ("--worse-wishes", "3")])
def test_another_process_writes_the_same_bytes(files: Files, options: tuple[str, ...]) -> None:
    write_problem(files, national(5, 90))
    written = set()
    for hash_seed in ("0", "1"):
        program = "from service.cli import main; main()"
        arguments = ["allocation", "solve", *files.inputs, "--out", files.plan, "--report", files.report, *options]
        done = subprocess.run(
            [sys.executable, "-c", program, *map(str, arguments), "--json"],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=True,
        )
        assert done.stdout.count(b"\n") == 1
        written.add((files.plan.read_bytes(), files.report.read_bytes(), done.stdout))
    assert len(written) == 1
    before = files.plan.read_bytes()
    files.solve(*options)
    assert files.plan.read_bytes() == before


def write_problem(files: Files, problem: Problem) -> None:
    """A made-up national season as files."""
    files.write(
        [
            {
                **{name: str(getattr(stay, name)) for name in ("region", "start", "end", "family_places")},
                **{name: str(getattr(stay, name)) for name in ("person_places", "volunteers", "min_families")},
                **{name: str(getattr(stay, name)) for name in ("min_child_age", "max_child_age")},
                "stay": stay.code,
            }
            for stay in problem.stays
        ],
        [
            {
                "family": family.code,
                "birth_dates": "|".join(map(str, family.birth_dates)),
                "wishes": "|".join(family.wishes),
                "last_participation": str(family.last_participation or ""),
                **{name: str(getattr(family, name)) for name in ("need", "refusals", "region", "beds")},
            }
            for family in problem.families
        ],
    )


def test_the_plan_is_a_line_for_each_family_in_priority_order(files: Files) -> None:
    write_problem(files, national(5, 90))
    answer = files.solve()
    with files.plan.open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["family", "outcome", "stay", "wish", "rank", "reason"]
    assert [int(row[4]) for row in rows[1:]] == list(range(1, 91))
    assert answer["placed"] + answer["waiting"] + answer["ineligible"] == 90
    assert answer["persons_placed"] >= answer["priority_alone"]["persons_placed"]
