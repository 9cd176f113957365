"""Tenants, accounts, memberships, sign-in and tokens: the `directory` schema.

The application role has no right to these tables. It reaches them through the functions of `directory` alone, so no
statement of a handler can list accounts or move somebody into another tenant.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKeyConstraint, Index, String, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from service.database.tables import NEW_ID, IdentifiedRow, TenantRow, instant

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


class Organisation(SQLModel, table=True):
    """A service that refers families, or a club: it belongs to one municipality and has people of its own.

    `number` is a club's organisation number; a service is known by its name.
    """

    __tablename__ = "organisation"
    __table_args__ = (
        Index(
            "uq_organisation_number",
            "tenant_id",
            "number",
            unique=True,
            postgresql_where=text("ended_at is null and number is not null"),
        ),
        Index(
            "uq_organisation_service",
            "tenant_id",
            text("lower(name)"),
            unique=True,
            postgresql_where=text("ended_at is null and kind = 'service'"),
        ),
        UniqueConstraint("tenant_id", "id"),
        CheckConstraint("kind in ('service', 'club')", "kind"),
        CheckConstraint("(kind = 'club') = (number is not null)", "number"),
        {"schema": "directory"},
    )

    id: UUID = Field(default=None, primary_key=True, sa_column_kwargs=NEW_ID)
    tenant_id: UUID = Field(foreign_key="directory.tenant.id")
    kind: str
    number: str | None = None
    name: str
    created_at: datetime = instant()
    ended_at: datetime | None = instant(nullable=True)


class Account(SQLModel, table=True):
    """A person who signs in, known by e-mail address (kept in lower case).

    `language` and `theme` are what the person chose; empty, the place's language and the system's theme are used.
    """

    __tablename__ = "account"
    __table_args__ = (
        UniqueConstraint("email"),
        CheckConstraint("email = lower(email)", "email_lower"),
        CheckConstraint("language in ('da', 'nb', 'en')", "language"),
        CheckConstraint("theme in ('auto', 'light', 'dark')", "theme"),
        {"schema": "directory"},
    )

    id: UUID = Field(default=None, primary_key=True, sa_column_kwargs=NEW_ID)
    email: str
    name: str
    language: str | None = None
    theme: str = "auto"
    created_at: datetime = instant()
    signed_in_at: datetime | None = instant(nullable=True)
    disabled_at: datetime | None = instant(nullable=True)


class Membership(SQLModel, table=True):
    """A role that an account has in a tenant, and in one of its organisations; ended, never removed.

    A trigger keeps each role in the kind of place it belongs to. `origin` is how it came about: by a `command`, an
    `invitation` or the `claims` of a sign-in provider, which alone may end what claims gave. `reviewed_at` is when an
    administrator last confirmed that it is still right.
    """

    __tablename__ = "membership"
    __table_args__ = (
        Index(
            "uq_membership_live",
            "account_id",
            "tenant_id",
            "role",
            "organisation_id",
            unique=True,
            postgresql_where=text("ended_at is null"),
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_membership_tenant", "tenant_id", postgresql_where=text("ended_at is null")),
        ForeignKeyConstraint(
            ["tenant_id", "organisation_id"], ["directory.organisation.tenant_id", "directory.organisation.id"]
        ),
        CheckConstraint("role in (" + ", ".join(f"'{role}'" for role in ROLES) + ")", "role"),
        CheckConstraint("origin in ('command', 'invitation', 'claims')", "origin"),
        {"schema": "directory"},
    )

    id: UUID = Field(default=None, primary_key=True, sa_column_kwargs=NEW_ID)
    account_id: UUID = Field(foreign_key="directory.account.id")
    tenant_id: UUID = Field(foreign_key="directory.tenant.id")
    organisation_id: UUID | None = None
    role: str
    origin: str = "command"
    created_at: datetime = instant()
    ended_at: datetime | None = instant(nullable=True)
    reviewed_at: datetime | None = instant(nullable=True)
    reviewed_by: UUID | None = Field(default=None, foreign_key="directory.account.id")


class Invitation(SQLModel, table=True):
    """A role offered by e-mail. The link's SHA-256 is kept, never the link."""

    __tablename__ = "invitation"
    __table_args__ = (
        UniqueConstraint("hash"),
        Index("ix_invitation_open", "tenant_id", postgresql_where=text("accepted_at is null and withdrawn_at is null")),
        ForeignKeyConstraint(
            ["tenant_id", "organisation_id"], ["directory.organisation.tenant_id", "directory.organisation.id"]
        ),
        CheckConstraint("email = lower(email)", "email_lower"),
        CheckConstraint("role in (" + ", ".join(f"'{role}'" for role in ROLES) + ")", "role"),
        CheckConstraint("accepted_at is null or withdrawn_at is null", "one_end"),
        {"schema": "directory"},
    )

    id: UUID = Field(default=None, primary_key=True, sa_column_kwargs=NEW_ID)
    hash: bytes
    tenant_id: UUID = Field(foreign_key="directory.tenant.id")
    organisation_id: UUID | None = None
    email: str
    name: str
    role: str
    invited_by: UUID = Field(foreign_key="directory.account.id")
    created_at: datetime = instant()
    expires_at: datetime = instant()
    accepted_at: datetime | None = instant(nullable=True)
    withdrawn_at: datetime | None = instant(nullable=True)


class ExternalIdentity(SQLModel, table=True):
    """The account that a sign-in provider's subject leads to."""

    __tablename__ = "external_identity"
    __table_args__ = ({"schema": "directory"},)

    issuer: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    account_id: UUID = Field(foreign_key="directory.account.id", index=True)
    created_at: datetime = instant()


class SignInLink(SQLModel, table=True):
    """A link that signs in once. `made_by` tells whether it was sent by e-mail or handed out at the command line."""

    __tablename__ = "sign_in_link"
    __table_args__ = (CheckConstraint("made_by in ('email', 'command')", "made_by"), {"schema": "directory"})

    hash: bytes = Field(primary_key=True)
    account_id: UUID = Field(foreign_key="directory.account.id", index=True)
    made_by: str
    created_at: datetime = instant()
    expires_at: datetime = instant()
    used_at: datetime | None = instant(nullable=True)


class SignInSession(SQLModel, table=True):
    """A signed-in browser. The cookie's SHA-256 is kept, never the cookie.

    `method` is how it was signed in: `email`, `command` or `provider`. `tenant_id` and `organisation_id` are the place
    chosen, empty until there is one. `agent` says in a few words which browser it is.
    """

    __tablename__ = "sign_in_session"
    __table_args__ = (
        UniqueConstraint("hash"),
        CheckConstraint("method in ('email', 'command', 'provider')", "method"),
        {"schema": "directory"},
    )

    id: UUID = Field(default=None, primary_key=True, sa_column_kwargs=NEW_ID)
    hash: bytes
    account_id: UUID = Field(foreign_key="directory.account.id", index=True)
    method: str
    agent: str
    created_at: datetime = instant()
    seen_at: datetime = instant()
    expires_at: datetime = instant()
    second_factor_at: datetime | None = instant(nullable=True)
    tenant_id: UUID | None = Field(default=None, foreign_key="directory.tenant.id")
    organisation_id: UUID | None = Field(default=None, foreign_key="directory.organisation.id")
    ended_at: datetime | None = instant(nullable=True)


class ProviderRequest(SQLModel, table=True):
    """A sign-in under way at a provider, found by its state's SHA-256 and used once.

    `browser` is the SHA-256 of a cookie: the answer counts only in the browser that asked.
    """

    __tablename__ = "provider_request"
    __table_args__ = ({"schema": "directory"},)

    hash: bytes = Field(primary_key=True)
    browser: bytes
    provider: str
    state: str
    nonce: str
    verifier: str
    expires_at: datetime = instant()


class ApiToken(SQLModel, table=True):
    """What a club's or a municipality's own system shows; its SHA-256 is kept, never the token."""

    __tablename__ = "api_token"
    __table_args__ = (
        UniqueConstraint("hash"),
        ForeignKeyConstraint(
            ["tenant_id", "organisation_id"], ["directory.organisation.tenant_id", "directory.organisation.id"]
        ),
        {"schema": "directory"},
    )

    id: UUID = Field(default=None, primary_key=True, sa_column_kwargs=NEW_ID)
    hash: bytes
    tenant_id: UUID = Field(foreign_key="directory.tenant.id", index=True)
    organisation_id: UUID | None = None
    name: str
    scopes: list[str] = Field(sa_type=ARRAY(String))
    created_by: UUID | None = Field(default=None, foreign_key="directory.account.id")
    created_at: datetime = instant()
    expires_at: datetime | None = instant(nullable=True)
    used_at: datetime | None = instant(nullable=True)
    revoked_at: datetime | None = instant(nullable=True)
    revoked_by: UUID | None = Field(default=None, foreign_key="directory.account.id")


class Attempt(SQLModel, table=True):
    """How often something was tried since `since`; `key` is a hash of whose it is, never an address in clear."""

    __tablename__ = "attempt"
    __table_args__ = ({"schema": "directory"},)

    kind: str = Field(primary_key=True)
    key: bytes = Field(primary_key=True)
    count: int
    since: datetime = instant()


class SecondFactor(IdentifiedRow, table=True):
    """An account's TOTP secret, encrypted; of the installation, hence under the nil tenant.

    `last_step` is the time step of the code used last: no code counts twice.
    """

    __tablename__ = "second_factor"
    __table_args__ = (UniqueConstraint("tenant_id", "account_id"),)

    account_id: UUID = Field(foreign_key="directory.account.id")
    secret_cipher: bytes
    created_at: datetime = instant()
    confirmed_at: datetime | None = instant(nullable=True)
    last_step: int | None = Field(default=None, sa_type=BigInteger)


class RecoveryCode(TenantRow, table=True):
    """A code that stands in for the second factor once; its SHA-256 is kept."""

    __tablename__ = "recovery_code"

    account_id: UUID = Field(primary_key=True, foreign_key="directory.account.id")
    hash: bytes = Field(primary_key=True)
    used_at: datetime | None = instant(nullable=True)


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
