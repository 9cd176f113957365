"""Everything on a board that cannot stay as it is, or that somebody should know of, each in one sentence."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from uuid import UUID

import msgspec
from sqlmodel import Session

from service.allocation.board import room_at
from service.allocation.conflicts import contradictions
from service.allocation.planning import FamilyId, Planned, SeasonFamily
from service.allocation.problem import has_child_of_age
from service.allocation.season import Season
from service.errors import N_, FieldError, Text
from service.stays.lists import doubles


class Notice(msgspec.Struct, frozen=True):
    """What is wrong, with whom or with which stay. `severity`: `danger` cannot stay so, `warning` needs a decision,
    `info` may be meant."""

    severity: str
    text: Text
    families: tuple[FamilyId, ...] = ()
    stay_id: UUID | None = None


def notices_of(session: Session, planned: Planned, season: Season | None) -> list[Notice]:
    """Every notice, the gravest first. `season` is None where there is no stay."""
    found = [*_gone(planned), *_doubles(session, planned)]
    if season is not None:
        found += [*_contradicting(planned, season), *_stays(planned), *_wrongly_placed(planned, season)]
        found += _grouped(planned)
    weights = ("danger", "warning", "info")
    plain = list({(one.text.template, one.families, one.stay_id): one for one in found}.values())
    return sorted(plain, key=lambda one: weights.index(one.severity))


def _contradicting(planned: Planned, season: Season) -> Iterator[Notice]:
    """Locks and groups that no plan can meet. What is said of a stay alone stands among the stays already."""
    ids = {one.code: one.id for one in planned.families}
    for error in contradictions(season):
        named = error.field.split(", ")
        families = tuple(ids[code] for code in named if code in ids)
        if families and not _said_elsewhere(error):
            yield Notice("danger", Text(error.template, error.values), families)


def _said_elsewhere(error: FieldError) -> bool:
    return "no child from" in error.template or "kept apart and are all placed" in error.template


def _gone(planned: Planned) -> Iterator[Notice]:
    """Places that are nobody's any more, or at a stay that is cancelled; sizes that differ from what is held."""
    for one in planned.families:
        if one.placed is None or one.stay_id is None:
            continue
        if one.listed is None:
            yield Notice("danger", Text(N_("It is on no list any more and still holds a place. Free it.")), (one.id,))
        elif one.stay_id not in planned.codes:
            yield Notice("danger", Text(N_("Its stay is cancelled. Choose another.")), (one.id,))
        elif (one.persons, one.beds) != (one.placed.persons, one.placed.beds):
            values = {"held": one.placed.persons, "beds": one.placed.beds, "persons": one.persons, "needed": one.beds}
            yield Notice(
                "danger",
                Text(
                    N_(
                        "The newest list has another size: persons {persons}, beds {needed}. Held are persons {held}, "
                        "beds {beds}."
                    ),
                    values,
                ),
                (one.id,),
            )


def _doubles(session: Session, planned: Planned) -> Iterator[Notice]:
    known = {one.id for one in planned.families}
    for pair in doubles(session):
        both = (
            FamilyId(pair.first_municipality_id, pair.first_key),
            FamilyId(pair.second_municipality_id, pair.second_key),
        )
        if pair.season_id != planned.season.id or pair.verdict == "different" or not known.issuperset(both):
            continue
        if pair.verdict == "same":
            yield Notice("danger", Text(N_("The same child is in both families. Only one can bring it.")), both)
        else:
            yield Notice("warning", Text(N_("The same child seems to be in both families.")), both)


def _stays(planned: Planned) -> Iterator[Notice]:
    for stay in planned.stays:
        room = room_at(planned, stay)
        places = {"stay": stay.code, "families": len(room.families), "places": stay.family_places}
        if room.family_places_left < 0:
            said = Text(N_("{stay} is over-full: {families} families for {places} family places."), places)
            yield Notice("danger", said, stay_id=stay.id)
        if room.beds_left < 0:
            beds = {"stay": stay.code, "needed": room.stay.beds - room.beds_left, "beds": room.stay.beds}
            yield Notice(
                "danger", Text(N_("{stay} is over-full: {needed} beds are held of {beds}."), beds), stay_id=stay.id
            )
        elif size := room.wanting_room():
            said = Text(N_("At {stay} a family room with {beds} beds is wanting."), {"stay": stay.code, "beds": size})
            yield Notice("danger", said, stay_id=stay.id)
        if len(room.families) < stay.min_families:
            few = {"stay": stay.code, "families": len(room.families), "fewest": stay.min_families}
            said = Text(N_("{stay} has {families} families so far; it is held with {fewest} or more."), few)
            yield Notice("info", said, stay_id=stay.id)
        if stay.confirmed < stay.volunteers:
            few = {"stay": stay.code, "confirmed": stay.confirmed, "volunteers": stay.volunteers}
            said = Text(N_("{stay} has {confirmed} of {volunteers} volunteers confirmed."), few)
            yield Notice("info", said, stay_id=stay.id)


def _wrongly_placed(planned: Planned, season: Season) -> Iterator[Notice]:
    for one in planned.families:
        code = planned.codes.get(one.stay_id) if one.stay_id else None
        if code is None or one.listed is None:
            continue
        stay = season.stays[code]
        if not has_child_of_age(season.families[one.code], stay):
            ages = {"stay": code, "youngest": stay.min_child_age, "oldest": stay.max_child_age}
            said = Text(N_("It has no child from {youngest} to {oldest} years on the first day of {stay}."), ages)
            yield Notice("danger", said, (one.id,))
        if season.wish(one.code, code) is None:
            yield Notice("info", Text(N_("It did not wish for {stay}."), {"stay": code}), (one.id,))


def _grouped(planned: Planned) -> Iterator[Notice]:
    for group in planned.groups:
        there = [one for id_ in group.families if (one := planned.family(id_)) and one.listed]
        if group.kind == "together" and len({one.stay_id for one in there}) > 1:
            ids = tuple(one.id for one in there)
            yield Notice("warning", Text(N_("They are to be kept together, and are not at one stay.")), ids)
        elif group.kind == "apart":
            yield from _met(planned, there)


def _met(planned: Planned, there: Sequence[SeasonFamily]) -> Iterator[Notice]:
    for first, second in combinations(there, 2):
        code = planned.codes.get(first.stay_id) if first.stay_id else None
        if code is not None and first.stay_id == second.stay_id:
            said = Text(N_("They are to be kept apart, and are both at {stay}."), {"stay": code})
            yield Notice("danger", said, (first.id, second.id))
