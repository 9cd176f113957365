"""The pages of a season's allocation: its points and draw, the runs, a run family by family, comparison and what-if."""

from collections.abc import Mapping
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.allocation import draw, runs
from service.allocation.conflicts import Contradiction
from service.allocation.figures import Totals, totals
from service.allocation.files import plan_bytes
from service.allocation.planning import FamilyId, read_families, weights_of
from service.allocation.problem import Weights
from service.allocation.what_if import CHANGEABLE, Change
from service.allocation.words import OUTCOMES
from service.database.requests import keys_of, transactional
from service.errors import N_, Refused
from service.identity.access import AnyRequest, actor_of, organisation_of, principal_of
from service.identity.form_keys import FormKey, is_repeated, new_key
from service.identity.permissions import may
from service.stays import queries
from service.stays.lists_web import CSV
from service.stays.sheets import as_csv
from service.stays.stays_web import as_file
from service.values import clock
from service.values.secrecy import TenantSecrets
from service.web.forms import Form, FormData, blank, filled, read_form, redisplaying
from service.web.pages import page, redirect, said

READ: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("places.allocate")}
SETTLE: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("places.settle")}
ALLOCATION: Final = "/seasons/{season_id:uuid}/allocation"
RUN: Final = "/allocation-runs/{run_id:uuid}"
SHOWN: Final = 100
"""So many families stand on a page."""
STATES: Final = {
    "made": N_("not confirmed"),
    "confirmed": N_("the season's plan"),
    "replaced": N_("was the season's plan"),
}
STATE_COLORS: Final = {"made": "info", "confirmed": "success", "replaced": "neutral"}
OUTCOME_COLORS: Final = {"placed": "success", "waiting": "warning", "ineligible": "neutral"}
SORTS: Final = {"rank": N_("Number in line"), "name": N_("Contact"), "size": N_("Largest families"), "stay": N_("Stay")}
KINDS: Final = {
    "family_size": N_("Family size"),
    "need": N_("Need"),
    "first_time": N_("For the first time"),
    "municipality": N_("Municipality"),
}
YES_NO: Final = {"yes": N_("yes"), "no": N_("no")}
WHAT: Final = {
    "family_places": N_("Family places"),
    "person_places": N_("Person places, volunteers counted in"),
    "volunteers": N_("Volunteers"),
    "min_child_age": N_("Youngest"),
    "max_child_age": N_("Oldest"),
}
COLUMNS: Final = (
    N_("No."),
    N_("Contact"),
    N_("Family"),
    N_("Persons"),
    N_("Outcome"),
    N_("Stay"),
    N_("Points"),
    N_("Why"),
)
WORDS: Final[dict[str, Any]] = {
    "states": STATES,
    "state_colors": STATE_COLORS,
    "outcomes": OUTCOMES,
    "outcome_colors": OUTCOME_COLORS,
    "kinds": KINDS,
    "yes_no": YES_NO,
}


class WeightsForm(msgspec.Struct, frozen=True):
    """The points of a season."""

    need: Annotated[int, Meta(title=N_("Points for each step of need"), ge=0, le=1000)]
    never: Annotated[int, Meta(title=N_("Points for never having taken part"), ge=0, le=1000)]
    refusal: Annotated[int, Meta(title=N_("Points for each earlier refusal"), ge=0, le=1000)]
    most_refusals: Annotated[int, Meta(title=N_("Refusals that count at most"), ge=0, le=20)]
    recent_years: Annotated[
        int, Meta(title=N_("Years after taking part in which a family comes after all others"), ge=0, le=20)
    ]

    @property
    def weights(self) -> Weights:
        return msgspec.convert(self, Weights, from_attributes=True)


class RunForm(msgspec.Struct, frozen=True):
    """What a run may do beside priority order."""

    key: FormKey
    worse_wishes: Annotated[
        int, Meta(title=N_("Families that may get a worse wish"), ge=0, le=runs.MOST_WORSE_WISHES)
    ] = 0
    within_region: Annotated[bool, Meta(title=N_("Families without wishes may get a later stay"))] = False
    late: Annotated[bool, Meta(title=N_("With families that were referred after the deadline"))] = False

    @property
    def options(self) -> runs.Options:
        return runs.Options(self.worse_wishes, self.within_region, self.late)


class WhatIfForm(msgspec.Struct, frozen=True):
    """What would be tried: one more stay like this one, or so many more of something of a stay."""

    stay: Annotated[str, Meta(title=N_("Stay"), max_length=40)]
    one_more: Annotated[bool, Meta(title=N_("One more stay like this one"))] = False
    family_places: Annotated[int, Meta(title=N_("More family places"), ge=-200, le=200)] = 0
    person_places: Annotated[int, Meta(title=N_("More person places"), ge=-2000, le=2000)] = 0
    volunteers: Annotated[int, Meta(title=N_("More volunteers"), ge=-200, le=200)] = 0

    @property
    def changes(self) -> list[Change]:
        asked = ((name, getattr(self, name, 0)) for name in CHANGEABLE)
        return [Change(self.stay, name, by) for name, by in asked if by]


def secrets_of(request: AnyRequest) -> TenantSecrets:
    return keys_of(request).for_tenant(organisation_of(request).tenant_id)


@get(ALLOCATION, **READ)
@transactional
def show_allocation(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> Response[str]:
    """The points and the draw of a season, its lists, and its runs."""
    return page(request, "allocation/allocation.html", **_season(request, session, season_id))


def _season(request: AnyRequest, session: Session, season_id: UUID, form: Form | None = None) -> dict[str, Any]:
    place, season = organisation_of(request), queries.find_season(session, season_id)
    families = [one.listed for one in read_families(session, season_id) if one.listed]
    return WORDS | {
        "season": season,
        "form": form or blank(request, RunForm, key=new_key(), worse_wishes=0),
        "weights": weights_of(session, season_id),
        "published": draw.published(session, season_id),
        "draw": draw.draw_of(session, secrets_of(request), place.tenant_id, season_id),
        "closed": draw.closed(season, clock.today(place.time_zone)),
        "families": len(families),
        "persons": sum(len(one.travellers) for one in families),
        "late": sum(one.late for one in families),
        "lists": queries.places_of_season(session, season_id),
        "runs": runs.runs_of(session, season_id),
        "may_settle": principal_of(request).may("places.settle"),
        "contradictions": [],
    }


@get(f"{ALLOCATION}/points", **SETTLE)
@transactional
def edit_weights(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> Response[str]:
    """The form of a season's points."""
    organisation_of(request)
    weights = weights_of(session, season_id)
    form = filled(request, WeightsForm(**msgspec.structs.asdict(weights)))
    season = queries.find_season(session, season_id)
    return page(request, "allocation/points.html", form=form, season=season)


@post(f"{ALLOCATION}/points", status_code=303, **SETTLE)
@transactional
def publish_weights(request: AnyRequest, data: FormData, session: Session, season_id: FromPath[UUID]) -> Redirect:
    """Publish the points of a season."""
    place, season = organisation_of(request), queries.find_season(session, season_id)
    with redisplaying(request, "allocation/points.html", WeightsForm, data, season=season):
        asked, today = read_form(data, WeightsForm), clock.today(place.time_zone)
        draw.publish_weights(session, place.tenant_id, season_id, asked.weights, today, actor_of(request))
    return redirect(request, f"/seasons/{season_id}/allocation", N_("The points are published."))


@post(f"{ALLOCATION}/draw", status_code=303, **SETTLE)
@transactional
def commit_draw(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> Redirect:
    """Choose the seed of the draw and show what commits to it."""
    place = organisation_of(request)
    today, actor = clock.today(place.time_zone), actor_of(request)
    draw.commit_draw(session, secrets_of(request), place.tenant_id, season_id, today, actor)
    return redirect(request, f"/seasons/{season_id}/allocation", N_("The draw is committed to."))


@post(f"{ALLOCATION}/runs", status_code=303, **READ)
@transactional
def make_run(
    request: AnyRequest, data: FormData, session: Session, season_id: FromPath[UUID]
) -> Redirect | Response[str]:
    """Allocate the places of a season; nothing is settled by it."""
    place, here = organisation_of(request), f"/seasons/{season_id}/allocation"
    with redisplaying(
        request, "allocation/allocation.html", RunForm, data, **_without_form(_season(request, session, season_id))
    ):
        asked = read_form(data, RunForm)
        if is_repeated(session, principal_of(request), asked.key):
            newest = runs.runs_of(session, season_id)
            return redirect(request, f"/allocation-runs/{newest[0].id}" if newest else here)
        today, actor = clock.today(place.time_zone), actor_of(request)
        try:
            made = runs.make_run(session, secrets_of(request), place.tenant_id, season_id, asked.options, today, actor)
        except Contradiction as found:
            shown = _season(request, session, season_id, blank(request, RunForm, key=new_key(), worse_wishes=0))
            shown["contradictions"] = [(one.field, said(request, one.template, **one.values)) for one in found.errors]
            return page(request, "allocation/allocation.html", status=409, **shown)
    return redirect(request, f"/allocation-runs/{made}")


def _without_form(shown: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in shown.items() if name != "form"}


@get(RUN, **READ)
@transactional
def show_run(request: AnyRequest, session: Session, run_id: FromPath[UUID]) -> Response[str]:
    """A run: its figures, and its families page by page."""
    asked = request.query_params
    outcome = asked.get("outcome", "")
    sort = asked.get("sort", "rank")
    number = asked.get("page", "1")
    return _run_page(
        request,
        session,
        run_id,
        outcome if outcome in OUTCOMES else "",
        sort if sort in SORTS else "rank",
        max(1, int(number)) if number.isascii() and number.isdigit() and len(number) < 6 else 1,
        "",
    )


@post(f"{RUN}/search", status_code=200, **READ)
@transactional
def search_run(request: AnyRequest, data: FormData, session: Session, run_id: FromPath[UUID]) -> Response[str]:
    """The families of a run whose contact, code or stay holds a text. A name never stands in an address."""
    return _run_page(request, session, run_id, "", "rank", 1, str(data.get("q", ""))[:100].strip())


def _run_page(
    request: AnyRequest, session: Session, run_id: UUID, outcome: str, sort: str, number: int, sought: str
) -> Response[str]:
    secrets, place = secrets_of(request), organisation_of(request)
    run = runs.find_run(session, run_id)
    names = runs.names_of(session, run.season_id)
    families = runs.families_of_run(session, secrets, run_id)
    by_code = {one.code: names.get(one.id, one.code) for one in families}
    found = [one for one in families if not outcome or one.outcome == outcome]
    if sought:
        found = [
            one for one in found if sought.casefold() in f"{by_code[one.code]} {one.code} {one.stay or ''}".casefold()
        ]
    found.sort(key=lambda one: _sorting(one, sort, by_code))
    shown = found[(number - 1) * SHOWN : number * SHOWN]
    runs.note_read(session, place.tenant_id, run_id, actor_of(request))
    here = f"/allocation-runs/{run_id}?outcome={outcome}&sort={sort}"
    return page(
        request,
        "allocation/run.html",
        run=run,
        current=run.state == "confirmed" or runs.is_current(session, secrets, run),
        families=[(one, by_code[one.code], _sentences(request, one, by_code)) for one in shown],
        found=len(found),
        outcome=outcome,
        sort=sort,
        sorts=SORTS,
        sought=sought,
        previous=f"{here}&page={number - 1}" if number > 1 else None,
        next=f"{here}&page={number + 1}" if len(found) > number * SHOWN else None,
        others=[one for one in runs.runs_of(session, run.season_id) if one.id != run_id],
        may_settle=principal_of(request).may("places.settle"),
        **WORDS,
    )


def _sorting(one: runs.Told, sort: str, names: Mapping[str, str]) -> tuple[Any, ...]:
    first: dict[str, Any] = {"name": names[one.code].casefold(), "size": -one.persons, "stay": one.stay or "\uffff"}
    return (first.get(sort, 0), one.rank)


def _sentences(request: AnyRequest, one: runs.Told, names: Mapping[str, str]) -> list[str]:
    named = (runs.with_names(text, names) for text in one.because)
    return [said(request, text.template, **text.values) for text in named]


@post(f"{RUN}/confirmation", status_code=303, **SETTLE)
@transactional
def confirm_run(request: AnyRequest, session: Session, run_id: FromPath[UUID]) -> Redirect:
    """Make a run the season's plan."""
    place = organisation_of(request)
    placed = runs.confirm_run(session, secrets_of(request), place.tenant_id, run_id, actor_of(request))
    return redirect(
        request,
        f"/allocation-runs/{run_id}",
        N_("This run is the season's plan now; {families} families have a place by it."),
        families=placed,
    )


@get(f"{RUN}/plan.csv", **READ)
@transactional
def download_plan(request: AnyRequest, session: Session, run_id: FromPath[UUID]) -> Response[bytes]:
    """The plan as the command writes it: no name, a line for each family in priority order."""
    run = runs.find_run(session, run_id)
    families = runs.families_of_run(session, secrets_of(request), run_id)
    return as_file(plan_bytes(one.placement for one in families), f"plan-{run.number}.csv", CSV)


@get(f"{RUN}/families.csv", **READ)
@transactional
def download_families(request: AnyRequest, session: Session, run_id: FromPath[UUID]) -> Response[bytes]:
    """The families of a run with their contacts and what can be told to each."""
    place, run = organisation_of(request), runs.find_run(session, run_id)
    names = runs.names_of(session, run.season_id)
    families = runs.families_of_run(session, secrets_of(request), run_id)
    by_code = {one.code: names.get(one.id, one.code) for one in families}
    runs.note_export(session, place.tenant_id, run_id, actor_of(request))
    lines = [
        (
            str(one.rank),
            by_code[one.code],
            one.code,
            str(one.persons),
            said(request, OUTCOMES[one.outcome]),
            one.stay or "",
            str(one.points),
            " ".join(_sentences(request, one, by_code)),
        )
        for one in families
    ]
    return as_file(as_csv(lines, [said(request, one) for one in COLUMNS]), f"run-{run.number}.csv", CSV)


@get(f"{RUN}/comparison", **READ)
@transactional
def compare_runs(request: AnyRequest, session: Session, run_id: FromPath[UUID]) -> Response[str]:
    """A run beside another of the season: who gains a place, who loses one, who goes elsewhere."""
    place, secrets, run = organisation_of(request), secrets_of(request), runs.find_run(session, run_id)
    others = [one for one in runs.runs_of(session, run.season_id) if one.id != run_id]
    asked = request.query_params.get("with", "")
    other = next((one for one in others if str(one.id) == asked), others[0] if others else None)
    found = runs.compare_runs(session, secrets, other.id, run_id) if other else None
    names = _names(session, secrets, run, *([other] if other else []))
    runs.note_read(session, place.tenant_id, run_id, actor_of(request))
    return page(
        request,
        "allocation/comparison.html",
        run=run,
        other=other,
        others=others,
        comparison=found,
        names=names,
        **WORDS,
    )


def _names(session: Session, secrets: TenantSecrets, *of: runs.RunRow) -> dict[str, str]:
    """The contacts of the families of runs by what they draw with."""
    known: dict[FamilyId, str] = runs.names_of(session, of[0].season_id)
    families = [one for run in of for one in runs.families_of_run(session, secrets, run.id)]
    return {one.code: known.get(one.id, one.code) for one in families}


@get(f"{RUN}/what-if", **READ)
@transactional
def ask_what_if(request: AnyRequest, session: Session, run_id: FromPath[UUID]) -> Response[str]:
    """The form for trying out one more stay, or other places."""
    organisation_of(request)
    run = runs.find_run(session, run_id)
    form = blank(request, WhatIfForm, family_places=0, person_places=0, volunteers=0)
    return page(request, "allocation/what_if.html", form=form, **_tried(run))


def _tried(run: runs.RunRow) -> dict[str, Any]:
    stays = [(one.stay, one.stay) for one in run.totals.stays]
    return {"run": run, "stays": stays, "tried": None, "names": {}, "what": WHAT}


@post(f"{RUN}/what-if", status_code=200, **READ)
@transactional
def try_what_if(request: AnyRequest, data: FormData, session: Session, run_id: FromPath[UUID]) -> Response[str]:
    """What it would come to. Nothing is kept."""
    place, secrets, run = organisation_of(request), secrets_of(request), runs.find_run(session, run_id)
    shown = _tried(run)
    with redisplaying(request, "allocation/what_if.html", WhatIfForm, data, **shown):
        asked = read_form(data, WhatIfForm)
        if not asked.one_more and not asked.changes:
            raise Refused("Say what would be different: one more stay, or more places.")
        found = runs.try_out(session, secrets, run_id, [asked.stay] if asked.one_more else [], asked.changes)
    before, after = totals(found.as_it_is), totals(found.as_it_would_be)
    runs.note_read(session, place.tenant_id, run_id, actor_of(request))
    shown["tried"] = (found.comparison, _beside(before, after))
    shown["names"] = _names(session, secrets, run)
    return page(request, "allocation/what_if.html", form=filled(request, asked), **shown)


def _beside(before: Totals, after: Totals) -> list[tuple[str, int, int]]:
    return [
        (N_("Families with a place"), before.placed, after.placed),
        (N_("Families on the waiting list"), before.waiting, after.waiting),
        (N_("Persons with a place"), before.persons_placed, after.persons_placed),
        (N_("Beds"), before.beds, after.beds),
        (N_("Beds filled"), before.beds_filled, after.beds_filled),
    ]


ROUTES = [
    show_allocation,
    edit_weights,
    publish_weights,
    commit_draw,
    make_run,
    show_run,
    search_run,
    confirm_run,
    download_plan,
    download_families,
    compare_runs,
    ask_what_if,
    try_what_if,
]
"""The pages of the allocation."""
