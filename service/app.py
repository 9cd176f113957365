"""The web service: every slice's routes put together."""

from importlib.metadata import version

from litestar import Litestar, Request, Response, get
from litestar.datastructures import State
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from schemas.health import Health, Jobs
from service.database.engine import Database
from service.database.requests import database_of, threads_like_connections
from service.jobs.api import metrics
from service.jobs.queries import measures
from service.web.commands import serve_command
from service.web.problems import HANDLERS
from service.web.reference import ReferencePage, schema_router


@get("/health", sync_to_thread=True, tags=["operation"])
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


def create_app(database: Database) -> Litestar:
    """The application over an open database, whose owner closes it after the application has stopped."""
    return Litestar(
        route_handlers=[health, metrics],
        state=State({"database": database}),
        lifespan=[threads_like_connections(database)],
        exception_handlers=HANDLERS,
        logging_config=None,
        openapi_config=OpenAPIConfig(
            title="Medspiller",
            version=version("medspiller"),
            description="Leisure passes and free family holidays for children of poor families.",
            openapi_router=schema_router(),
            use_handler_docstrings=True,
            render_plugins=[ReferencePage(path="/"), JsonRenderPlugin()],
        ),
    )


serve = serve_command(create_app)
