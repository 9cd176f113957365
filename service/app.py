"""The web service: every slice's routes put together."""

from importlib.metadata import version

from litestar import Litestar, Request, Response, get
from litestar.config.csrf import CSRFConfig
from litestar.datastructures import State
from litestar.middleware import DefineMiddleware
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from schemas.health import Health, Jobs
from service.database.engine import Database
from service.database.keys import open_keys
from service.database.requests import database_of, threads_like_connections
from service.identity.access import guard
from service.identity.authentication import Authentication, Cookies, Csrf
from service.identity.permissions import PUBLIC
from service.jobs.api import metrics
from service.jobs.queries import measures
from service.web.assets import load_assets, serve_asset
from service.web.commands import serve_command
from service.web.forms import Redisplayed, show_again
from service.web.preferences import choose_language
from service.web.problems import HANDLERS
from service.web.reference import ReferencePage, schema_router
from service.web.security import BODY_BYTES, headers_for, rate_limit

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
        route_handlers=[health, metrics, serve_asset, choose_language],
        state=State({"database": database, "keys": keys, "cookies": cookies, "csrf": csrf, "public_url": public_url}),
        middleware=[Authentication(), rate_limit(requests_a_minute), DefineMiddleware(Csrf, config=csrf)],
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
            render_plugins=[ReferencePage(path="/"), JsonRenderPlugin()],
        ),
    )


serve = serve_command(create_app)
