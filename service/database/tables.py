"""What every table shares: the naming convention, the tenant key and ids made by the database."""

from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, text
from sqlmodel import Field, SQLModel

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

NEW_ID = {"server_default": text("uuidv7()")}


class TenantRow(SQLModel):
    """A row of case data: it belongs to one tenant, and row-level security shows it to nobody else."""

    tenant_id: UUID = Field(primary_key=True)


class IdentifiedRow(TenantRow):
    """A row with an id of its own, made by the database (UUIDv7)."""

    id: UUID = Field(default=None, primary_key=True, sa_column_kwargs=NEW_ID)


def instant(*, nullable: bool = False, primary_key: bool = False) -> Any:
    """A column that holds an instant in UTC."""
    return Field(
        default=None,
        nullable=nullable,
        primary_key=primary_key,
        sa_type=DateTime(timezone=True),
    )
