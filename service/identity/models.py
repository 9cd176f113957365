"""Tenants, accounts and their memberships: the `directory` schema.

The application role has no right to these tables. It reaches them through the functions of `directory` alone, so no
statement of a handler can list accounts or move somebody into another tenant.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from service.database.tables import NEW_ID, instant

ROLES = (
    "administrator",
    "case_worker",
    "finance_officer",
    "referrer",
    "club_treasurer",
    "coordinator",
    "volunteer",
    "auditor",
)


class Tenant(SQLModel, table=True):
    """A municipality or a volunteer organisation: whose data a row is."""

    __tablename__ = "tenant"
    __table_args__ = (
        UniqueConstraint("kind", "code"),
        CheckConstraint("kind in ('municipality', 'organisation')", "kind"),
        CheckConstraint("country in ('dk', 'no')", "country"),
        {"schema": "directory"},
    )

    id: UUID = Field(default=None, primary_key=True, sa_column_kwargs=NEW_ID)
    kind: str
    code: str
    name: str
    country: str
    time_zone: str
    language: str
    created_at: datetime = instant()


class Account(SQLModel, table=True):
    """A person who signs in, known by e-mail address (kept in lower case)."""

    __tablename__ = "account"
    __table_args__ = (
        UniqueConstraint("email"),
        CheckConstraint("email = lower(email)", "email_lower"),
        {"schema": "directory"},
    )

    id: UUID = Field(default=None, primary_key=True, sa_column_kwargs=NEW_ID)
    email: str
    name: str
    created_at: datetime = instant()
    disabled_at: datetime | None = instant(nullable=True)


class Membership(SQLModel, table=True):
    """A role that an account has in a tenant; ended, never removed."""

    __tablename__ = "membership"
    __table_args__ = (
        Index(
            "uq_membership_live",
            "account_id",
            "tenant_id",
            "role",
            unique=True,
            postgresql_where=text("ended_at is null"),
        ),
        CheckConstraint("role in (" + ", ".join(f"'{role}'" for role in ROLES) + ")", "role"),
        {"schema": "directory"},
    )

    id: UUID = Field(default=None, primary_key=True, sa_column_kwargs=NEW_ID)
    account_id: UUID = Field(foreign_key="directory.account.id")
    tenant_id: UUID = Field(foreign_key="directory.tenant.id")
    role: str
    created_at: datetime = instant()
    ended_at: datetime | None = instant(nullable=True)


class Secret(SQLModel, table=True):
    """To which tenant and row a keyed hash leads: of a pass number, a private code or an offer's link.

    Whoever shows the number is not known to any tenant yet; this look-up is all that stands between tenants.
    """

    __tablename__ = "secret"
    __table_args__ = ({"schema": "directory"},)

    hash: bytes = Field(primary_key=True)
    kind: str
    tenant_id: UUID = Field(foreign_key="directory.tenant.id")
    subject_id: UUID
