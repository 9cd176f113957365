"""Who makes offers and with what, and the row that everybody holds who changes who goes where."""

from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.identity.access import Place
from service.identity.actions import Tenant
from service.offers.models import OfferSettings
from service.offers.rules import Settings
from service.values import clock
from service.values.secrecy import KeyRing, TenantSecrets

LOCAL_URL = "http://127.0.0.1:8000"


class Desk(msgspec.Struct, frozen=True):
    """The organisation that acts, the installation's keys, where people find its pages, and who acts."""

    tenant: Tenant
    keys: KeyRing
    public_url: str
    actor: Actor

    @property
    def secrets(self) -> TenantSecrets:
        return self.keys.for_tenant(self.tenant.id)


def tenant_of(place: Place) -> Tenant:
    """The organisation for which somebody acts."""
    return Tenant(
        id=place.tenant_id,
        kind=place.kind,
        code=place.code,
        name=place.name,
        country=place.country,
        time_zone=place.time_zone,
        language=place.language,
    )


def settings_of(session: Session, season_id: UUID) -> Settings:
    """How the season's offers go out."""
    row = session.execute(
        text("SELECT answer_days, remind_days, by_itself FROM offer_settings WHERE season_id = :season"),
        {"season": season_id},
    ).one_or_none()
    return Settings() if row is None else msgspec.convert(row, Settings, from_attributes=True)


def keep_settings(session: Session, desk: Desk, season_id: UUID, wanted: Settings) -> None:
    """Settle how the season's offers go out from now on; deadlines that were given stand."""
    row = session.get(OfferSettings, (desk.tenant.id, season_id)) or OfferSettings(
        tenant_id=desk.tenant.id, season_id=season_id
    )
    row.answer_days, row.remind_days, row.by_itself = wanted.answer_days, wanted.remind_days, wanted.by_itself
    row.changed_at, row.changed_by = clock.now(), desk.actor.account_id
    session.add(row)
    session.flush()
    record(session, desk.tenant.id, desk.actor, "offers.settings", ("season", season_id))
