"""Row-level security: every row of case data is visible to its own tenant alone.

The transaction says for whom it acts (`app.tenant`); with nothing said no row is visible. PostgreSQL gives an empty
text for a setting that was set once and is not set now, hence the nullif. As a subquery the setting is read once for a
statement and not for every row: counting two million rows took a quarter of the time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from service.database.direct import fetch_one

INSTALLATION = UUID(int=0)
"""The nil tenant, under which stands what belongs to the installation and to no tenant."""

TENANT = "(SELECT nullif(current_setting('app.tenant', true), '')::uuid)"


def protect(table: str) -> list[str]:
    """The statements that put a new table of case data under forced row-level security."""
    return [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY tenant ON {table} USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})",
    ]


def act_for(session: Session, tenant_id: UUID) -> None:
    """Let the rest of this transaction see and write the rows of one tenant."""
    fetch_one(session, f"SELECT {ACT}", {"tenant": str(tenant_id)})


ACT = "set_config('app.tenant', %(tenant)s, true)"
"""The same as a part of a statement that `direct.fetch_one` executes."""


@contextmanager
def acting_for(session: Session, tenant_id: UUID) -> Iterator[None]:
    """Act for another tenant within the block, and for the one of before after it; each gets its rows written."""
    session.flush()
    before = session.execute(text("SELECT current_setting('app.tenant', true)")).scalar_one() or ""
    act_for(session, tenant_id)
    yield
    session.flush()
    session.execute(text("SELECT set_config('app.tenant', :before, true)"), {"before": before})
