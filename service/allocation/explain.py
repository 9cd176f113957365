"""Why a family has its place, why it has none, and what would have been needed: what a volunteer tells the family."""

from collections.abc import Iterator
from typing import Final

import msgspec

from service.allocation.placing import Lack
from service.allocation.priority import Score
from service.allocation.problem import has_child_of_age
from service.allocation.season import Unit
from service.allocation.solving import Allocation, Placement, could_ever_take
from service.allocation.words import REASONS
from service.errors import N_, Text

_NEEDED: Final = {
    # Whether family places are wanting, and whether beds are.
    (True, True): N_(
        "{stay}, its wish {wish}: {places} more family places and {beds} more beds would have been needed; {left} beds "
        "are left."
    ),
    (True, False): N_(
        "{stay}, its wish {wish}: {places} more family places would have been needed, though {left} beds are left."
    ),
    (False, True): N_("{stay}, its wish {wish}: {beds} more beds would have been needed; {left} are left."),
}


class Explanation(msgspec.Struct, frozen=True):
    """A family's outcome with its points, and sentences that can be said in every language of the program."""

    placement: Placement
    score: Score
    because: tuple[Text, ...]


def explain(run: Allocation) -> list[Explanation]:
    """Every family, in priority order."""
    return Explainer(run).all()


class Explainer:
    """Explains the families of one run."""

    def __init__(self, run: Allocation) -> None:
        self._run = run
        self._season = run.season
        self._units = {code: unit for unit in run.season.units for code in unit.codes}
        self._last = self._last_by_priority()

    def _last_by_priority(self) -> dict[str, int]:
        """The lowest rank that priority order alone placed at each stay."""
        last: dict[str, int] = {}
        for code, stay in self._run.order.plan.items():
            if code not in self._season.locked:
                last[stay] = max(last.get(stay, 0), self._season.rank[code])
        return last

    def all(self) -> list[Explanation]:
        return [self._explained(placement) for placement in self._run.placements]

    def one(self, family: str) -> Explanation:
        """What is to be told to one family."""
        return self._explained(self._run.placements[self._season.rank[family] - 1])

    def _explained(self, placement: Placement) -> Explanation:
        score = self._run.scores[placement.family]
        reason = REASONS[placement.reason]
        because = [Text(reason), self._rank(placement, score)]
        if score.recent:
            because.append(self._recent(placement.family))
        unit = self._units[placement.family]
        if len(unit.members) > 1:
            because.append(Text(N_("Kept together with others: {families}."), {"families": _others(unit, placement)}))
        because.extend(self._of_outcome(placement, unit))
        return Explanation(placement, score, tuple(because))

    def _rank(self, placement: Placement, score: Score) -> Text:
        return Text(
            N_(
                "Number {rank} of {families} with {points} points: {need} for need, {never} for never having taken "
                "part, {refusals} for earlier refusals."
            ),
            {
                "rank": placement.rank,
                "families": len(self._run.placements),
                "points": score.points,
                "need": score.need,
                "never": score.never,
                "refusals": score.refusals,
            },
        )

    def _recent(self, family: str) -> Text:
        return Text(
            N_("It took part in {year}, so it comes after all families that have not taken part lately."),
            {"year": self._season.families[family].last_participation},
        )

    def _of_outcome(self, placement: Placement, unit: Unit) -> Iterator[Text]:
        if placement.outcome == "placed":
            yield from self._got(placement)
            yield from self._better_wishes(placement, unit)
        else:
            yield from self._not_of_age(placement.family)
        if placement.outcome == "waiting":
            for lack in self._run.lacks(unit):
                yield self._needed(placement, unit, lack)
                yield from self._who_came_before(placement, lack)

    def _got(self, placement: Placement) -> Iterator[Text]:
        if placement.wish is None:
            yield Text(N_("{stay} is none of its wishes."), {"stay": placement.stay})
        else:
            yield Text(N_("It goes to {stay}, its wish {wish}."), {"stay": placement.stay, "wish": placement.wish})
        before = self._run.order.plan.get(placement.family)
        if before not in (None, placement.stay):
            yield Text(N_("By priority alone it would have gone to {stay}."), {"stay": before})

    def _better_wishes(self, placement: Placement, unit: Unit) -> Iterator[Text]:
        """Why it did not get a better wish: what there was when its turn came."""
        wishes = self._season.wishes[placement.family]
        better = wishes[: placement.wish - 1] if placement.wish else ()
        for lack in self._run.order.lacks.get(placement.family, ()):
            if lack.stay in better:
                yield self._at_its_turn(unit, lack)

    def _at_its_turn(self, unit: Unit, lack: Lack) -> Text:
        if lack.apart:
            return Text(
                N_("At {stay} was somebody whom it must not meet when its turn came."),
                {"stay": lack.stay},
            )
        return Text(
            N_(
                "When its turn came {stay} had {places} family places and {beds} beds left; it needs "
                "{places_needed} and {beds_needed}."
            ),
            {
                "stay": lack.stay,
                "places": lack.family_places_left,
                "beds": lack.beds_left,
                "places_needed": len(unit.members),
                "beds_needed": unit.beds,
            },
        )

    def _not_of_age(self, family: str) -> Iterator[Text]:
        for code in self._season.wishes[family]:
            stay = self._season.stays[code]
            if not has_child_of_age(self._season.families[family], stay):
                yield Text(
                    N_("{stay}: no child is from {youngest} to {oldest} on its first day."),
                    {"stay": code, "youngest": stay.min_child_age, "oldest": stay.max_child_age},
                )

    def _needed(self, placement: Placement, unit: Unit, lack: Lack) -> Text:
        named = {"stay": lack.stay, "wish": self._season.wish(placement.family, lack.stay)}
        if not could_ever_take(self._run.rooms[lack.stay], unit):
            return Text(N_("{stay}, its wish {wish}, is too small for the family even when it is empty."), named)
        if lack.apart:
            return Text(N_("{stay}, its wish {wish}: somebody is there whom it must not meet."), named)
        if lack.room and not lack.beds and not lack.family_places:
            return Text(
                N_("{stay}, its wish {wish}: one more family room with {beds} beds would have been needed."),
                {**named, "beds": lack.room},
            )
        counts = {**named, "places": lack.family_places, "beds": lack.beds, "left": lack.beds_left}
        return Text(_NEEDED[lack.family_places > 0, lack.beds > 0], counts)

    def _who_came_before(self, placement: Placement, lack: Lack) -> Iterator[Text]:
        last = self._last.get(lack.stay)
        if last is not None and last < placement.rank:
            yield Text(
                N_("Everybody who was placed at {stay} by priority comes before it; the last is number {rank}."),
                {"stay": lack.stay, "rank": last},
            )
        elif last is not None:
            yield Text(
                N_("Some who come after it were placed at {stay}: what was left was enough for them."),
                {"stay": lack.stay},
            )


def _others(unit: Unit, placement: Placement) -> str:
    return ", ".join(code for code in unit.codes if code != placement.family)
