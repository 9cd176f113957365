"""Signing in at a provider: which account the identity that comes back is, and the roles that its claims give.

What is asked of the provider is asked outside of any transaction.
"""

from collections.abc import Mapping
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.database.engine import Database
from service.database.tenancy import act_for, acting_for
from service.errors import Conflict, Forbidden, NotFound
from service.identity import oidc
from service.identity.actions import find_tenant
from service.identity.organisations import list_organisations
from service.identity.own_acts import note_sign_in
from service.identity.sessions import Membership, find_account, open_session, places_of
from service.values import clock
from service.values.random_secrets import digest, draw


class Begun(msgspec.Struct, frozen=True):
    """Where the browser goes on, and the secret that it keeps meanwhile: the answer counts only in this browser."""

    url: str
    browser: str


def begin(database: Database, provider: oidc.Provider, redirect_uri: str) -> Begun:
    """Begin a sign-in at a provider."""
    begun, browser = oidc.begin(provider, redirect_uri, clock.now()), draw()
    with database.transaction() as session:
        session.execute(
            text(
                """SELECT directory.keep_provider_request(
                    :hash, :browser, :provider, :state, :nonce, :verifier, :at, :until)"""
            ),
            {"hash": digest(begun.state), "browser": digest(browser), "provider": provider.key, "state": begun.state}
            | {"nonce": begun.nonce, "verifier": begun.code_verifier, "at": clock.now(), "until": begun.expires_at},
        )
    return Begun(url=begun.url, browser=browser)


def finish(
    database: Database,
    provider: oidc.Provider,
    redirect_uri: str,
    parameters: Mapping[str, str],
    browser: str,
    agent: str,
) -> str:
    """Sign in with the provider's answer; returns the secret of the new session.

    The request is taken before anything else: an answer that is sent again finds none.
    """
    with database.transaction() as session:
        row = session.execute(
            text("SELECT * FROM directory.take_provider_request(:hash, :browser, :provider, :at)"),
            {"hash": digest(parameters.get("state", "")), "browser": digest(browser), "provider": provider.key}
            | {"at": clock.now()},
        ).one_or_none()
    if row is None:
        raise NotFound("This sign-in has been finished, was begun elsewhere, or is too old. Begin anew.")
    kept = oidc.Record(
        provider=provider.key, state=row.state, nonce=row.nonce, code_verifier=row.verifier, expires_at=row.expires_at
    )
    identity = oidc.finish(provider, kept, parameters, redirect_uri, clock.now())
    with database.transaction() as session:
        account_id = _account_of(session, provider, identity)
        _follow_claims(session, provider, identity, account_id)
        note_sign_in(session, account_id, "provider")
        strong = provider.second_factor_satisfied
        return open_session(session, account_id, "provider", agent, strong=strong)


def _account_of(session: Session, provider: oidc.Provider, identity: oidc.Identity) -> UUID:
    """The account that this identity has had; else one found by a verified address, or made for roles it brings."""
    known: UUID | None = session.execute(
        text("SELECT directory.find_external_account(:issuer, :subject)"),
        {"issuer": identity.issuer, "subject": identity.subject},
    ).scalar_one()
    if known is not None:
        return known
    account = find_account(session, identity.email) if identity.email else None
    trusted = provider.trust_email and identity.email_verified
    # Whether an address has an account is told to nobody who may have made the address up.
    if (account is None or not trusted) and not (identity.roles and identity.email):
        raise Forbidden(
            "This way of signing in gives you no role here. Sign in by e-mail if you were invited; else ask your "
            "administrator to invite you."
        )
    if account is not None and not trusted:
        raise Conflict("An account has this address already. Sign in to it by e-mail.")
    account_id: UUID = account.id if account else _new_account(session, identity)
    session.execute(
        text("SELECT directory.keep_external_identity(:issuer, :subject, :account, :at)"),
        {"issuer": identity.issuer, "subject": identity.subject, "account": account_id, "at": clock.now()},
    )
    return account_id


def _new_account(session: Session, identity: oidc.Identity) -> UUID:
    made: UUID = session.execute(
        text("SELECT directory.add_account(:email, :name, :at)"),
        {"email": identity.email, "name": identity.name or identity.email, "at": clock.now()},
    ).scalar_one()
    return made


def _follow_claims(session: Session, provider: oidc.Provider, identity: oidc.Identity, account_id: UUID) -> None:
    """Roles that the claims name are given, those that they gave before and name no longer are ended."""
    if provider.roles_claim is None:
        return
    places = {
        (grant.municipality, grant.organisation): _place_of(session, grant.municipality, grant.organisation)
        for grant in provider.roles
    }
    claimed = [(*places[municipality, organisation], role) for role, municipality, organisation in identity.roles]
    before = places_of(session, account_id)
    session.execute(
        text(
            """SELECT directory.follow_claims(:account, CAST(:covered AS uuid[]), CAST(:tenants AS uuid[]),
                CAST(:organisations AS uuid[]), CAST(:roles AS text[]), :at)"""
        ),
        {"account": account_id, "covered": list({tenant for tenant, _ in places.values()})}
        | {"tenants": [tenant for tenant, _, _ in claimed], "organisations": [of for _, of, _ in claimed]}
        | {"roles": [role for _, _, role in claimed], "at": clock.now()},
    )
    _note_claims(session, account_id, before, places_of(session, account_id))


def _note_claims(session: Session, account_id: UUID, before: list[Membership], after: list[Membership]) -> None:
    """The roles that the claims gave and took, each in the trail of its place."""
    actor = Actor(door="page", account_id=account_id)
    for one in (*before, *after):
        if one in before and one in after:
            continue
        action = "identity.member.end" if one in before else "identity.member.add"
        tenant_id, details = one.place.tenant_id, {"role": one.role, "origin": "claims"}
        with acting_for(session, tenant_id):
            record(session, tenant_id, actor, action, ("account", account_id), details=details)


def _place_of(session: Session, municipality: str | None, organisation: str | None) -> tuple[UUID, UUID | None]:
    """A municipality by its code, a service or club in it by name or number, else a volunteer organisation by code."""
    if municipality is None:
        return find_tenant(session, "organisation", organisation or "").id, None
    tenant_id = find_tenant(session, "municipality", municipality).id
    if organisation is None:
        return tenant_id, None
    act_for(session, tenant_id)
    for found in list_organisations(session):
        if found.ended_at is None and organisation in (found.number, found.name):
            return tenant_id, found.id
    raise NotFound("The municipality has no such service or club. Add it first.")
