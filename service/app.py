"""The web service: every slice's routes put together."""

from importlib.metadata import version

from litestar import Litestar, Request, Response, Router, get
from litestar.config.csrf import CSRFConfig
from litestar.datastructures import State
from litestar.middleware import DefineMiddleware
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from jobs.timetable import TIMETABLE
from schemas.health import Health, Jobs
from service.account import api as account_api
from service.account import today as account_today
from service.account import web as account_web
from service.allocation import board_api, board_web, runs_api, runs_web
from service.allocation import today as allocation_today
from service.audit import api as audit_api
from service.audit import web as audit_web
from service.claims import api as claims_api
from service.claims import batch_api as claims_batch_api
from service.claims import (
    budget_api,
    budget_web,
    case_web,
    club_batch_web,
    club_web,
    payment_dates_web,
    queue_web,
    staff_api,
    terms_api,
    terms_web,
)
from service.claims import today as claims_today
from service.clubs import (
    accounts_web,
    activities_web,
    applications_api,
    applications_web,
    apply_web,
    own_api,
    own_web,
    settings_web,
)
from service.clubs import api as clubs_api
from service.clubs import today as clubs_today
from service.clubs import web as clubs_web
from service.database.engine import Database
from service.database.keys import open_keys
from service.database.requests import database_of, threads_like_connections
from service.eligibility import api as eligibility_api
from service.eligibility import children_api, children_web, determinations_web, schemes_web, what_if_web
from service.eligibility import today as eligibility_today
from service.eligibility import web as eligibility_web
from service.identity import api as identity_api
from service.identity import (
    invitations_web,
    organisations_web,
    people_web,
    profile_web,
    second_factor_web,
    tokens_web,
)
from service.identity import today as identity_today
from service.identity import web as identity_web
from service.identity.access import guard
from service.identity.authentication import Authentication, Cookies, Csrf
from service.identity.permissions import PUBLIC
from service.jobs import api as jobs_api
from service.jobs import today as jobs_today
from service.jobs import web as jobs_web
from service.jobs.alarms import AlarmLog
from service.jobs.queries import measures
from service.letters import api as letters_api
from service.letters import returns_web
from service.letters import today as letters_today
from service.letters import web as letters_web
from service.offers import answer_web, offer_web, waiting_web
from service.offers import api as offers_api
from service.offers import today as offers_today
from service.offers import web as offers_web
from service.passes import api as passes_api
from service.passes import (
    household_web,
    households_api,
    keep_api,
    keep_web,
    on_the_spot_web,
    persons_api,
    persons_web,
    review_api,
    review_web,
    search_web,
)
from service.passes import letters_api as pass_letters_api
from service.passes import letters_web as pass_letters_web
from service.passes import today as passes_today
from service.passes import web as passes_web
from service.payments import api as payments_api
from service.payments import checks_web
from service.payments import club_api as payments_club_api
from service.payments import club_web as payments_club_web
from service.payments import follow_web as payments_follow_web
from service.payments import today as payments_today
from service.payments import web as payments_web
from service.referrals import api as referrals_api
from service.referrals import cases_api, cases_web
from service.referrals import lists_api as referral_lists_api
from service.referrals import lists_web as referral_lists_web
from service.referrals import today as referrals_today
from service.referrals import web as referrals_web
from service.register import api as register_api
from service.register import today as register_today
from service.register import web as register_web
from service.reporting import api as reporting_api
from service.reporting import web as reporting_web
from service.stays import api as stays_api
from service.stays import basics_api, basics_web, stays_web
from service.stays import lists_api as received_lists_api
from service.stays import lists_web as received_lists_web
from service.stays import today as stays_today
from service.stays import web as seasons_web
from service.stays.seasons import FOLLOWING
from service.travel import api as travel_api
from service.travel import costs_web, manifest_web, opinions_web, packing_web
from service.travel import today as travel_today
from service.travel import web as travel_web
from service.travel.departures import bring_along
from service.web.assets import load_assets, serve_asset
from service.web.commands import serve_command
from service.web.forms import Redisplayed, show_again
from service.web.nowhere import nothing_to_do, nothing_to_see
from service.web.preferences import choose_language
from service.web.problems import HANDLERS
from service.web.reference import Description, ReferencePage, schema_router
from service.web.security import BODY_BYTES, COUNTS, Counts, headers_for, rate_limit
from service.web.today import today

DOORS = (
    identity_web,
    second_factor_web,
    profile_web,
    people_web,
    invitations_web,
    organisations_web,
    tokens_web,
    identity_api,
    audit_web,
    audit_api,
    jobs_web,
    jobs_api,
    register_web,
    register_api,
    passes_web,
    passes_api,
    letters_web,
    returns_web,
    letters_api,
    pass_letters_web,
    pass_letters_api,
    reporting_web,
    reporting_api,
    eligibility_web,
    children_web,
    determinations_web,
    what_if_web,
    schemes_web,
    keep_web,
    eligibility_api,
    children_api,
    keep_api,
    persons_web,
    persons_api,
    search_web,
    household_web,
    households_api,
    review_web,
    on_the_spot_web,
    review_api,
    claims_api,
    claims_batch_api,
    queue_web,
    case_web,
    terms_web,
    payment_dates_web,
    budget_web,
    staff_api,
    terms_api,
    budget_api,
    clubs_web,
    accounts_web,
    applications_web,
    settings_web,
    apply_web,
    own_web,
    activities_web,
    clubs_api,
    applications_api,
    own_api,
    payments_web,
    payments_follow_web,
    checks_web,
    payments_club_web,
    payments_api,
    payments_club_api,
    club_web,
    club_batch_web,
    referrals_web,
    cases_web,
    referral_lists_web,
    referrals_api,
    cases_api,
    referral_lists_api,
    runs_web,
    runs_api,
    seasons_web,
    stays_web,
    basics_web,
    received_lists_web,
    stays_api,
    basics_api,
    received_lists_api,
    answer_web,
    offers_web,
    offer_web,
    waiting_web,
    offers_api,
    board_web,
    board_api,
    travel_web,
    manifest_web,
    costs_web,
    packing_web,
    opinions_web,
    travel_api,
    account_web,
    account_api,
)
"""The modules with pages and API: each lists its routes as `ROUTES`."""

WAITING = tuple(
    waiting
    for slice_ in (
        register_today,
        eligibility_today,
        letters_today,
        passes_today,
        claims_today,
        clubs_today,
        payments_today,
        referrals_today,
        stays_today,
        account_today,
        allocation_today,
        offers_today,
        travel_today,
        jobs_today,
        identity_today,
    )
    for waiting in slice_.WAITING
)
"""What can wait for somebody, in the order in which *Today* shows it."""

FOLLOWING.append(bring_along)

LOCAL_URL = "http://127.0.0.1:8000"


@get("/health", sync_to_thread=True, tags=["operation"], opt=PUBLIC)
def health(request: Request[None, None, State]) -> Response[Health]:
    """Whether the service can work: 200 where the database answers within two seconds, else 503.

    With it the jobs that did not run though they should have, or failed, as `place job`.
    """
    try:
        with database_of(request).transaction() as session:
            session.execute(text("SET LOCAL statement_timeout = '2s'"))
            watched = measures(session)
    except SQLAlchemyError:
        return Response(Health("unavailable", database="unavailable"), status_code=503)
    request.app.state.alarms.tell(watched)
    overdue, failed = (
        [f"{job.place} {job.job}" for job in watched if job.alarm == kind] for kind in ("overdue", "failed")
    )
    return Response(Health("ok", database="ok", jobs=Jobs(overdue=overdue, failed=failed)))


def create_app(database: Database, public_url: str = LOCAL_URL, requests_a_minute: int = 600) -> Litestar:
    """The application over an open database, whose owner closes it after the application has stopped.

    `public_url` is where people find the pages: links in e-mails begin with it, and with https cookies are for https
    alone.
    """
    load_assets()
    keys, cookies = open_keys(database), Cookies(secure=public_url.startswith("https:"))
    csrf = CSRFConfig(
        secret=keys.lookup_hash("csrf", "").hex(),
        cookie_name=cookies.name("csrf"),
        cookie_secure=cookies.secure,
        cookie_httponly=True,
    )
    return Litestar(
        # In one router: of two handlers of a path that are registered one by one the framework wraps the first twice,
        # and it answers with a coroutine.
        route_handlers=[
            Router(
                path="/",
                route_handlers=[
                    health,
                    serve_asset,
                    choose_language,
                    today,
                    *(route for door in DOORS for route in door.ROUTES),
                    nothing_to_see,
                    nothing_to_do,
                ],
            )
        ],
        state=State(
            {"database": database, "key_ring": keys, "cookies": cookies, "csrf": csrf, "public_url": public_url}
            | {"timetable": TIMETABLE, "waiting": WAITING, "alarms": AlarmLog()}
        ),
        middleware=[Authentication(), rate_limit(requests_a_minute), DefineMiddleware(Csrf, config=csrf)],
        stores={COUNTS: Counts()},
        guards=[guard],
        before_send=[headers_for(secure=cookies.secure)],
        request_max_body_size=BODY_BYTES,
        lifespan=[threads_like_connections(database)],
        exception_handlers={**HANDLERS, Redisplayed: show_again},
        logging_config=None,
        openapi_config=OpenAPIConfig(
            title="Medspiller",
            version=version("medspiller"),
            description="Leisure passes and free family holidays for children of poor families.",
            components=Components(
                security_schemes={
                    "token": SecurityScheme(type="http", scheme="bearer", description="The token of a system."),
                    "session": SecurityScheme(
                        type="apiKey", name=cookies.name("medspiller"), security_scheme_in="cookie"
                    ),
                }
            ),
            security=[{"token": []}, {"session": []}],
            openapi_router=schema_router(),
            use_handler_docstrings=True,
            render_plugins=[ReferencePage(path="/"), Description()],
        ),
    )


serve = serve_command(create_app)
