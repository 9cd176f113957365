"""Which account an identity from a provider is, and the roles that its claims give and take."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from service.errors import Conflict, Forbidden, NotFound
from service.identity import oidc, provider_sign_in
from service.identity.access import Principal
from service.identity.actions import add_member
from service.identity.sessions import places_of
from tests.identity.clients import as_owner
from tests.identity.conftest import WORKER, World

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
GRANTS = (
    oidc.Grant(value="worker", role="case_worker", municipality="0751"),
    oidc.Grant(value="auditor", role="auditor", municipality="0751"),
    oidc.Grant(value="club", role="club_treasurer", municipality="0751", organisation="12345678"),
    oidc.Grant(value="volunteer", role="volunteer", organisation="rk"),
)
PROVIDER = oidc.Provider(
    key="kommune",
    name="Kommune",
    issuer="https://login.example",
    client_id="medspiller",
    client_secret="secret",
    scopes=("openid",),
    roles_claim="groups",
    roles=GRANTS,
    trust_email=False,
    acr_values=(),
    second_factor_satisfied=False,
)
SOMEBODY = oidc.Identity(
    issuer="https://login.example",
    subject="1",
    email="new@by.example",
    email_verified=True,
    name="New",
    roles=(),
    authenticated_at=NOW,
    acr=None,
)


@pytest.fixture
def sign_in(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Sign in as an identity that the provider names; gives who that is."""

    def begin(provider: oidc.Provider, redirect_uri: str, now: datetime) -> oidc.Begun:
        return oidc.Begun(
            provider=provider.key,
            url="https://login.example/authorize",
            state="state",
            nonce="nonce",
            code_verifier="verifier",
            expires_at=now + timedelta(minutes=15),
        )

    monkeypatch.setattr(oidc, "begin", begin)

    def as_identity(provider: oidc.Provider = PROVIDER, **changes: Any) -> Principal:
        identity = msgspec.structs.replace(SOMEBODY, **changes)
        monkeypatch.setattr(oidc, "finish", lambda *_: identity)
        begun = provider_sign_in.begin(world.database, provider, "https://x.example/answer")
        secret = provider_sign_in.finish(
            world.database, provider, "https://x.example/answer", {"state": "state"}, begun.browser, "test"
        )
        return world.somebody(secret)

    yield as_identity


def roles(world: World, who: Principal) -> set[tuple[str, str]]:
    assert who.account_id is not None
    with world.database.transaction() as session:
        return {(one.role, one.place.organisation_name or one.place.code) for one in places_of(session, who.account_id)}


def test_claims_give_and_take_the_roles_that_they_name(world: World, sign_in: Any) -> None:
    first = sign_in(roles=(("case_worker", "0751", None), ("club_treasurer", "0751", "12345678")))
    assert roles(world, first) == {("case_worker", "0751"), ("club_treasurer", "Fremad")}
    second = sign_in(roles=(("auditor", "0751", None), ("volunteer", None, "rk")))
    assert second.account_id == first.account_id
    assert roles(world, second) == {("auditor", "0751"), ("volunteer", "rk")}
    assert roles(world, sign_in(roles=())) == set()


def test_claims_touch_no_role_that_was_given_otherwise(world: World, sign_in: Any) -> None:
    who = sign_in(roles=(("case_worker", "0751", None),))
    for tenant, role in ((world.by, "finance_officer"), (world.neighbour, "case_worker")):
        with world.database.transaction(tenant) as session:
            add_member(session, tenant, "new@by.example", "New", role)
    assert roles(world, sign_in(roles=())) == {("finance_officer", "0751"), ("case_worker", "0101")}
    assert who.account_id is not None


def test_an_identity_stays_the_same_account_whatever_its_address_becomes(world: World, sign_in: Any) -> None:
    first = sign_in(roles=(("auditor", "0751", None),))
    again = sign_in(email=WORKER, roles=(("auditor", "0751", None),))
    assert again.account_id == first.account_id != world.accounts[WORKER]


@pytest.mark.parametrize(
    ("trusted", "verified", "finds"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_only_a_trusted_and_verified_address_finds_an_account(
    world: World, sign_in: Any, trusted: bool, verified: bool, finds: bool
) -> None:
    provider = msgspec.structs.replace(PROVIDER, trust_email=trusted)
    if finds:
        assert sign_in(provider, email=WORKER, email_verified=verified).account_id == world.accounts[WORKER]
    else:
        with pytest.raises(Conflict, match="has this address already"):
            sign_in(provider, email=WORKER, email_verified=verified, roles=(("auditor", "0751", None),))


def test_whoever_brings_no_role_gets_no_account_and_learns_of_none(sign_in: Any) -> None:
    """An address that somebody has made up at the provider tells nothing of who works here."""
    strangers: list[dict[str, Any]] = [
        {},
        {"email": None, "roles": (("auditor", "0751", None),)},
        {"email": WORKER},
        {"email": WORKER, "email_verified": False},
    ]
    told = set()
    for changes in strangers:
        with pytest.raises(Forbidden, match="gives you no role here") as refused:
            sign_in(**changes)
        told.add(str(refused.value))
    assert len(told) == 1


def test_what_the_claims_change_stands_in_the_trail_of_its_place(world: World, sign_in: Any) -> None:
    who = sign_in(roles=(("case_worker", "0751", None), ("volunteer", None, "rk")))
    sign_in(roles=(("volunteer", None, "rk"),))
    found: dict[Any, list[Any]] = {world.by: [], world.red_cross: []}
    for row in as_owner(world, "SELECT * FROM audit_entry WHERE account_id = :of ORDER BY id", of=who.account_id):
        found[row.tenant_id].append((row.action, row.details))
    claimed = {"origin": "claims"}
    assert found == {
        world.by: [
            ("identity.member.add", {"role": "case_worker"} | claimed),
            ("identity.sign_in", {"method": "provider"}),
            ("identity.member.end", {"role": "case_worker"} | claimed),
        ],
        world.red_cross: [
            ("identity.member.add", {"role": "volunteer"} | claimed),
            ("identity.sign_in", {"method": "provider"}),
            ("identity.sign_in", {"method": "provider"}),
        ],
    }


def test_an_answer_counts_once_and_only_where_it_was_asked_for(world: World, sign_in: Any) -> None:
    sign_in(roles=(("auditor", "0751", None),))
    for provider, browser in ((PROVIDER, "another"), (msgspec.structs.replace(PROVIDER, key="other"), None)):
        begun = provider_sign_in.begin(world.database, PROVIDER, "https://x.example/answer")
        with pytest.raises(NotFound, match="Begin anew"):
            provider_sign_in.finish(
                world.database, provider, "https://x.example/answer", {"state": "state"}, browser or begun.browser, "t"
            )
        provider_sign_in.finish(
            world.database, PROVIDER, "https://x.example/answer", {"state": "state"}, begun.browser, "t"
        )
        with pytest.raises(NotFound, match="Begin anew"):
            provider_sign_in.finish(
                world.database, PROVIDER, "https://x.example/answer", {"state": "state"}, begun.browser, "t"
            )


def test_a_provider_may_stand_in_for_the_second_factor_of_whoever_has_one(world: World, sign_in: Any) -> None:
    brought = (("case_worker", "0751", None),)
    assert sign_in(roles=brought).owes_second_factor
    strong = msgspec.structs.replace(PROVIDER, second_factor_satisfied=True)
    assert not sign_in(strong, roles=brought).owes_second_factor
