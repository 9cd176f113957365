"""Sign-in with OpenID Connect: the way through, and everything in which an answer may be wrong."""

import json
import logging
import re
import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from service.errors import Refused
from service.identity import oidc_http
from service.identity.oidc import Grant, Provider, begin, finish, providers
from service.web.log import JsonLines
from tests.identity.oidc_provider import (
    BACK,
    EC,
    EMAIL,
    NOW,
    OTHER_RSA,
    SECRET,
    SMALL_RSA,
    SUBJECT,
    FakeProvider,
    at_hash,
    drip,
    serving,
    signed_with_the_public_key,
)
from tests.identity.oidc_stranger import DISCOVERY, Stranger, strange

SECONDS = int(NOW.timestamp())


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    with serving() as provider:
        yield provider


@pytest.fixture
def reasons(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Why sign-ins were refused, as the log tells it."""
    caplog.set_level(logging.INFO)
    return lambda: [vars(record)["reason"] for record in caplog.records if record.name == "medspiller.oidc"]


def _set(**claims: Any) -> Callable[[dict[str, Any]], None]:
    """Claims that are changed, or with None left out."""

    def change(right: dict[str, Any]) -> None:
        for name, value in claims.items():
            if value is None:
                right.pop(name, None)
            else:
                right[name] = value

    return change


# The way through


def test_who_signed_in(fake: FakeProvider) -> None:
    who = fake.sign_in()
    assert (who.issuer, who.subject, who.email, who.email_verified) == (fake.issuer, SUBJECT, EMAIL, True)
    assert (who.name, who.roles, who.acr, who.authenticated_at) == ("Sagsbehandler i Medby", (), None, NOW)
    assert [asked.path for asked in fake.asked] == ["/.well-known/openid-configuration", "/jwks", "/token"]
    fake.sign_in()
    # What it says of itself is not asked for again.
    assert [asked.path for asked in fake.asked][3:] == ["/token"]


def test_what_is_sent_to_the_provider(fake: FakeProvider) -> None:
    begun = begin(fake.provider(acr_values=("high", "low")), BACK, NOW)
    asked = dict(parse_qsl(urlsplit(begun.url).query))
    assert asked["scope"] == "openid email profile"
    assert asked["acr_values"] == "high low"
    assert (asked["state"], asked["nonce"]) == (begun.state, begun.nonce)
    assert begun.code_verifier not in begun.url
    assert SECRET not in begun.url
    assert begun.expires_at == NOW + timedelta(minutes=15)
    again = begin(fake.provider(), BACK, NOW)
    assert len({begun.state, begun.nonce, begun.code_verifier, again.state, again.nonce, again.code_verifier}) == 6


def test_an_authorisation_address_with_a_query(fake: FakeProvider) -> None:
    fake.metadata = {"authorization_endpoint": f"{fake.issuer}/authorize?tenant=1"}
    asked = dict(parse_qsl(urlsplit(begin(fake.provider(), BACK, NOW).url).query))
    assert (asked["tenant"], asked["response_type"]) == ("1", "code")


@pytest.mark.parametrize("methods", [None, ["private_key_jwt", "client_secret_post"], ["client_secret_basic"]])
def test_how_the_secret_is_told(fake: FakeProvider, methods: list[str] | None) -> None:
    fake.metadata = {"token_endpoint_auth_methods_supported": methods}
    assert fake.sign_in().subject == SUBJECT
    assert ("client_secret" in fake.asked[-1].form) == (methods is not None and "client_secret_post" in methods)


def test_other_signatures(fake: FakeProvider) -> None:
    fake.keys, fake.key, fake.header = [EC, OTHER_RSA], EC, {"alg": "ES384", "kid": "curve"}
    fake.change = _set(at_hash=at_hash("ES384"))
    assert fake.sign_in().subject == SUBJECT


def test_one_key_needs_no_name(fake: FakeProvider) -> None:
    fake.header = {"alg": "RS256"}
    assert fake.sign_in().subject == SUBJECT


def test_a_header_with_more_than_the_standard_names(fake: FakeProvider) -> None:
    fake.header |= {"certificate": "x" * 2000}
    assert fake.sign_in().subject == SUBJECT


def test_an_audience_of_several_that_names_us(fake: FakeProvider) -> None:
    client = fake.provider().client_id
    fake.change = _set(aud=[client, "other"], azp=client)
    assert fake.sign_in().subject == SUBJECT


def test_how_and_when_somebody_signed_in(fake: FakeProvider) -> None:
    fake.change = _set(acr="high", auth_time=SECONDS - 3600)
    who = fake.sign_in(fake.provider(acr_values=("higher", "high")))
    assert (who.acr, who.authenticated_at) == ("high", NOW - timedelta(hours=1))


def test_small_differences_of_clocks_are_nothing(fake: FakeProvider) -> None:
    fake.change = _set(iat=SECONDS + 50, nbf=SECONDS + 50, exp=SECONDS - 40)
    who = fake.sign_in()
    assert who.authenticated_at == NOW + timedelta(seconds=5)


def test_what_only_userinfo_tells(fake: FakeProvider) -> None:
    fake.change = _set(email=None, name=None)
    fake.userinfo |= {"email": EMAIL, "email_verified": "true", "given_name": "Kirsten", "family_name": "Testesen"}
    who = fake.sign_in()
    assert (who.email, who.email_verified, who.name) == (EMAIL, True, "Kirsten Testesen")


def test_a_verified_mark_belongs_to_the_address_beside_it(fake: FakeProvider) -> None:
    fake.change = _set(email=None)
    fake.userinfo |= {"email": "somebody-else@medby.example"}
    assert fake.sign_in().email_verified is False


@pytest.mark.parametrize("verified", [None, False, "false", "yes", [True], {"a": 1}])
def test_an_address_that_is_not_verified(fake: FakeProvider, verified: object) -> None:
    fake.change = _set(email_verified=verified)
    who = fake.sign_in()
    assert (who.email, who.email_verified) == (EMAIL, False)


@pytest.mark.parametrize(
    "email", ["nobody", "a@b.example\nBcc: c@d.example", ["a@b.example"], f"{'a' * 300}@b.example"]
)
def test_what_is_no_address(fake: FakeProvider, email: object) -> None:
    fake.change = _set(email=email)
    who = fake.sign_in()
    assert (who.email, who.email_verified) == (None, False)


GRANTS = (
    Grant("leisure", "case_worker", "0751"),
    Grant("leisure", "auditor", "0751"),
    Grant("holidays", "coordinator", None, "Ferie for Alle"),
)


@pytest.mark.parametrize(
    ("claim", "given", "roles"),
    [
        ("groups", {"groups": ["leisure", "other"]}, {("case_worker", "0751", None), ("auditor", "0751", None)}),
        ("groups", {"groups": "holidays"}, {("coordinator", None, "Ferie for Alle")}),
        ("realm.roles", {"realm": {"roles": ["holidays"]}}, {("coordinator", None, "Ferie for Alle")}),
        (
            "https://x.example/roles",
            {"https://x.example/roles": ["holidays"]},
            {("coordinator", None, "Ferie for Alle")},
        ),
        ("groups", {"groups": "leisure-time"}, set()),
        ("groups", {"groups": {"leisure": True}}, set()),
        ("groups", {}, set()),
    ],
)
def test_roles_from_claims(fake: FakeProvider, claim: str, given: dict[str, Any], roles: set[Any]) -> None:
    fake.change = _set(**given)
    assert set(fake.sign_in(fake.provider(roles_claim=claim, roles=GRANTS)).roles) == roles


def test_roles_that_only_userinfo_tells(fake: FakeProvider) -> None:
    fake.userinfo |= {"groups": ["holidays"]}
    who = fake.sign_in(fake.provider(roles_claim="groups", roles=GRANTS))
    assert who.roles == (("coordinator", None, "Ferie for Alle"),)


# What is wrong with the answer to us


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"state": "another"}, "state"),
        ({"state": None}, "state"),
        ({"state": "ø"}, "state"),
        ({"iss": "https://evil.example"}, "iss"),
        ({"error": "server_error"}, "error answer"),
        ({"code": None}, "code"),
        ({"code": "made up"}, "status 400"),
    ],
)
def test_wrong_parameters(
    fake: FakeProvider, reasons: Callable[[], list[str]], changed: dict[str, str | None], reason: str
) -> None:
    with pytest.raises(Refused, match="could not be verified"):
        fake.sign_in(answered=changed)
    assert reasons() == [reason]


@pytest.mark.parametrize("changed", [{"state": "another"}, {"iss": "https://evil.example"}])
def test_a_wrong_answer_never_reaches_the_provider(fake: FakeProvider, changed: dict[str, str | None]) -> None:
    """A code that somebody has slipped in is not exchanged."""
    with pytest.raises(Refused):
        fake.sign_in(answered=changed)
    assert "/token" not in [asked.path for asked in fake.asked]


def test_the_right_issuer_in_the_answer(fake: FakeProvider) -> None:
    fake.metadata = {"authorization_response_iss_parameter_supported": True}
    assert fake.sign_in(answered={"iss": fake.issuer}).subject == SUBJECT


def test_an_issuer_that_should_be_in_the_answer(fake: FakeProvider, reasons: Callable[[], list[str]]) -> None:
    fake.metadata = {"authorization_response_iss_parameter_supported": True}
    with pytest.raises(Refused):
        fake.sign_in()
    assert reasons() == ["iss"]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"provider": "another"}, "state"),
        ({"state": "another"}, "state"),
        ({"nonce": "another"}, "claim nonce"),
        ({"code_verifier": "another" * 7}, "status 400"),
    ],
)
def test_the_record_of_another_sign_in(
    fake: FakeProvider, reasons: Callable[[], list[str]], changed: dict[str, str], reason: str
) -> None:
    with pytest.raises(Refused):
        fake.sign_in(record=changed)
    assert reasons() == [reason]


def test_a_sign_in_that_took_too_long(fake: FakeProvider) -> None:
    fake.change = _set(exp=SECONDS + 7200)
    assert fake.sign_in(later=timedelta(minutes=14, seconds=59)).subject == SUBJECT
    with pytest.raises(Refused, match="too long"):
        fake.sign_in(later=timedelta(minutes=15))


def test_a_sign_in_that_somebody_ended(fake: FakeProvider) -> None:
    with pytest.raises(Refused, match="You ended the sign-in with Medby Kommune"):
        fake.sign_in(answered={"error": "access_denied", "code": None})


# What is wrong with the token


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"iss": "https://evil.example"}, "claim iss"),
        ({"iss": None}, "claim iss"),
        ({"aud": "another"}, "claim aud"),
        ({"aud": ["another"]}, "claim aud"),
        ({"aud": None}, "claim aud"),
        ({"aud": ["medspiller: a%b", "another"]}, "claim azp"),
        ({"aud": ["medspiller: a%b", "another"], "azp": "another"}, "claim azp"),
        ({"azp": "another"}, "claim azp"),
        ({"exp": SECONDS - 60}, "claim exp"),
        ({"exp": None}, "claim exp"),
        ({"exp": "never"}, "claim exp"),
        ({"nbf": SECONDS + 70}, "claim nbf"),
        ({"iat": SECONDS + 70}, "claim iat"),
        ({"iat": None}, "claim iat"),
        ({"nonce": "another"}, "claim nonce"),
        ({"nonce": None}, "claim nonce"),
        ({"sub": None}, "claim sub"),
        ({"sub": ""}, "claim sub"),
        ({"sub": 7}, "claim sub"),
        ({"sub": "s" * 256}, "claim sub"),
        ({"at_hash": at_hash("RS256", "another")}, "claim at_hash"),
        ({"at_hash": at_hash("RS512")}, "claim at_hash"),
        ({"at_hash": 7}, "claim at_hash"),
        ({"auth_time": "yesterday"}, "claim auth_time"),
        ({"auth_time": 10**20}, "claim auth_time"),
    ],
)
def test_wrong_claims(
    fake: FakeProvider, reasons: Callable[[], list[str]], claims: dict[str, Any], reason: str
) -> None:
    fake.change = _set(**claims)
    with pytest.raises(Refused, match="could not be verified"):
        fake.sign_in()
    assert reasons() == [reason]


@pytest.mark.parametrize("acr", [None, "low", ["high"]])
def test_who_did_not_sign_in_as_they_must(fake: FakeProvider, reasons: Callable[[], list[str]], acr: object) -> None:
    fake.change = _set(acr=acr)
    with pytest.raises(Refused):
        fake.sign_in(fake.provider(acr_values=("high",)))
    assert reasons() == ["claim acr"]


def test_an_access_token_that_is_left_out_of_its_hash(fake: FakeProvider, reasons: Callable[[], list[str]]) -> None:
    fake.change, fake.answer = _set(at_hash=at_hash("RS256")), {"access_token": None}
    with pytest.raises(Refused):
        fake.sign_in()
    assert reasons() == ["claim at_hash"]


def _foreign_signature(fake: FakeProvider) -> None:
    fake.key = OTHER_RSA


def _changed_content(fake: FakeProvider) -> None:
    """The claims of one token under the signature of another."""
    tokens: list[str] = []

    def swap(token: str) -> str:
        tokens.append(token)
        return ".".join((*tokens[0].split(".")[:2], token.split(".")[2]))

    fake.token = swap
    fake.sign_in()
    fake.change = _set(name="Somebody else")


def _unsigned(fake: FakeProvider) -> None:
    fake.token = lambda token: f"eyJhbGciOiJub25lIn0.{token.split('.')[1]}."


def _symmetric(fake: FakeProvider) -> None:
    fake.token = signed_with_the_public_key


def _unannounced(fake: FakeProvider) -> None:
    fake.header["alg"] = "PS256"


def _small(fake: FakeProvider) -> None:
    fake.keys, fake.key = [SMALL_RSA], SMALL_RSA


def _for_encryption(fake: FakeProvider) -> None:
    fake.jwks = [fake.key.as_dict(private=False) | {"use": "enc"}]


def _unnamed(fake: FakeProvider) -> None:
    fake.keys, fake.header = [fake.key, OTHER_RSA], {"alg": "RS256"}


def _spoiled(fake: FakeProvider) -> None:
    fake.token = lambda token: token.replace(".", "!")


def _odd_name(fake: FakeProvider) -> None:
    fake.token = lambda token: "eyJhbGciOiJSUzI1NiIsImtpZCI6W119." + token.split(".", 1)[1]


def _critical(fake: FakeProvider) -> None:
    """A header that must be understood, and is not."""
    fake.token = lambda token: (
        "eyJhbGciOiJSUzI1NiIsImtpZCI6ImZpcnN0IiwiY3JpdCI6WyJ4Il0sIngiOjF9." + token.split(".", 1)[1]
    )


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_foreign_signature, "signature: BadSignatureError"),
        (_changed_content, "signature: BadSignatureError"),
        (_unsigned, "algorithm"),
        (_symmetric, "algorithm"),
        (_unannounced, "algorithm"),
        (_small, "unknown key"),
        (_for_encryption, "unknown key"),
        (_unnamed, "unknown key"),
        (_spoiled, "signature: DecodeError"),
        (_odd_name, "signature: "),
        (_critical, "signature: "),
    ],
)
@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_wrong_signatures(
    fake: FakeProvider, reasons: Callable[[], list[str]], spoil: Callable[[FakeProvider], None], reason: str
) -> None:
    spoil(fake)
    with pytest.raises(Refused, match="could not be verified"):
        fake.sign_in()
    [told] = reasons()
    assert told.startswith(reason)


def test_keys_that_are_no_keys_are_left_out(fake: FakeProvider) -> None:
    odd: list[dict[str, Any]] = [
        {"kty": "oct", "k": "AAAA", "kid": "first"},
        {"kty": "RSA", "n": "!", "e": "AQAB"},
        {"kty": 7},
        {},
    ]
    fake.jwks = [fake.key.as_dict(private=False), *odd]
    assert fake.sign_in().subject == SUBJECT


def test_a_new_key_is_asked_for(fake: FakeProvider) -> None:
    fake.sign_in()
    fake.keys, fake.key, fake.header = [OTHER_RSA], OTHER_RSA, {"alg": "RS256", "kid": "second"}
    assert fake.sign_in().subject == SUBJECT
    assert [asked.path for asked in fake.asked].count("/jwks") == 2


def test_made_up_keys_are_not_asked_for_again_and_again(fake: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.header["kid"] = "made up"

    def refused() -> int:
        with pytest.raises(Refused):
            fake.sign_in()
        return [asked.path for asked in fake.asked].count("/jwks")

    assert [refused() for _ in range(4)] == [2, 2, 2, 2]
    later = time.monotonic() + 61
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert refused() == 3


# What is wrong with the provider


def test_a_provider_that_calls_itself_otherwise(fake: FakeProvider, reasons: Callable[[], list[str]]) -> None:
    fake.metadata = {"issuer": f"{fake.issuer}/"}
    with pytest.raises(Refused):
        begin(fake.provider(), BACK, NOW)
    assert reasons() == ["issuer of the metadata"]


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"])
@pytest.mark.parametrize(
    "url", ["http://medby.example/x", "ftp://localhost/x", "https://u:p@medby.example/x", "x", "https://[x"]
)
def test_addresses_that_are_not_safe(fake: FakeProvider, reasons: Callable[[], list[str]], name: str, url: str) -> None:
    fake.metadata = {name: url}
    with pytest.raises(Refused):
        begin(fake.provider(), BACK, NOW)
    assert reasons() == ["address in the metadata"]


def test_no_provider_is_asked_without_encryption(reasons: Callable[[], list[str]]) -> None:
    provider = FakeProvider(1).provider(issuer="http://medby.example")
    with pytest.raises(Refused):
        begin(provider, BACK, NOW)
    assert reasons() == ["address"]


def test_a_provider_with_ways_that_we_do_not_know(fake: FakeProvider, reasons: Callable[[], list[str]]) -> None:
    fake.metadata = {"token_endpoint_auth_methods_supported": ["private_key_jwt"]}
    with pytest.raises(Refused):
        fake.sign_in()
    assert reasons() == ["ways to authenticate"]


@pytest.mark.parametrize("path", [DISCOVERY, "/jwks", "/token", "/userinfo"])
@pytest.mark.parametrize(
    ("status", "headers", "parts", "reason"),
    [
        (302, {"Location": "/elsewhere"}, [], "status 302"),
        (404, {}, [b"{}"], "status 404"),
        (503, {}, [b"{}"], "no answer: status 503"),
        (200, {}, [b"{"], "no answer that can be read"),
        (200, {}, [b"[" * 100_000], "no answer that can be read"),
        (200, {}, [b"\xff\xfe"], "no answer that can be read"),
        (200, {}, [b"[]"], "no answer that can be read"),
        (200, {}, [b" " * 300_000, b"{}"], "too large"),
        (200, {"Content-Encoding": "gzip"}, [b"{}"], "content encoding"),
    ],
)
def test_answers_of_every_kind(
    fake: FakeProvider,
    reasons: Callable[[], list[str]],
    path: str,
    status: int,
    headers: dict[str, str],
    parts: list[bytes],
    reason: str,
) -> None:
    fake.change = _set(email=None)
    fake.instead = {path: (status, headers, parts)}
    with pytest.raises(Refused, match="does not answer" if status == 503 else "could not be verified"):
        fake.sign_in()
    assert reasons() == [reason]
    assert "/elsewhere" not in [asked.path for asked in fake.asked]


def test_an_answer_that_trickles(
    fake: FakeProvider, reasons: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc_http, "MOST_SECONDS", 0.3)
    fake.instead = {DISCOVERY: (200, {}, drip(0.1, 100))}
    began = time.monotonic()
    with pytest.raises(Refused):
        fake.sign_in()
    assert reasons() == ["too slow"]
    assert time.monotonic() - began < 3


def test_the_userinfo_of_somebody_else(fake: FakeProvider, reasons: Callable[[], list[str]]) -> None:
    fake.change = _set(email=None)
    fake.userinfo = {"sub": "another", "email": "somebody-else@medby.example"}
    with pytest.raises(Refused):
        fake.sign_in()
    assert reasons() == ["sub of UserInfo"]


def test_a_provider_that_is_gone(
    fake: FakeProvider, reasons: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as unused:
        unused.bind(("localhost", 0))
        provider = FakeProvider(unused.getsockname()[1]).provider()
        for _ in range(2):
            with pytest.raises(Refused, match="Medby Kommune does not answer"):
                begin(provider, BACK, NOW)
    assert reasons() == ["no answer: ConnectError", "no answer: a moment ago"]
    later = time.monotonic() + 11
    monkeypatch.setattr(time, "monotonic", lambda: later)
    with pytest.raises(Refused):
        begin(provider, BACK, NOW)
    assert reasons()[2:] == ["no answer: ConnectError"]


def test_nothing_about_a_person_or_our_secret_is_said(fake: FakeProvider, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    said = []
    wrong: list[dict[str, Any]] = [{"aud": "another"}, {"sub": "s" * 300}, {"at_hash": 1}, {"auth_time": EMAIL}]
    for claims in wrong:
        fake.change = _set(**claims)
        with pytest.raises(Refused) as refused:
            fake.sign_in()
        said.append(refused.value.message)
    fake.change = _set()
    fake.sign_in()
    said += [JsonLines().format(record) for record in caplog.records]
    told = "\n".join(said)
    for secret in (EMAIL, SUBJECT, SECRET, "Sagsbehandler", "code-", 'access"', "eyJ"):
        assert secret not in told
    assert SECRET not in repr(fake.provider())


# The file


WHOLE = {
    "key": "medby",
    "name": "Medby Kommune",
    "issuer": "https://login.medby.example",
    "client_id": "medspiller",
    "client_secret": SECRET,
}


def _write(home: Path, content: str | bytes, mode: int = 0o600) -> Path:
    file = home / "oidc.json"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    file.chmod(mode)
    return file


def test_no_file_means_no_providers(tmp_path: Path) -> None:
    assert providers(tmp_path) == []


def test_the_file(tmp_path: Path) -> None:
    second = {name: value for name, value in WHOLE.items() if name != "client_secret"} | {
        "key": "feriehjaelp",
        "client_secret_file": "secret",
        "scopes": ["openid"],
        "roles_claim": "groups",
        "roles": [{"value": "leisure", "role": "case_worker", "municipality": "0751"}],
        "trust_email": True,
        "acr_values": ["high"],
        "second_factor_satisfied": True,
    }
    _write(tmp_path, json.dumps([WHOLE, second]))
    (tmp_path / "secret").write_text("of the second\n")
    (tmp_path / "secret").chmod(0o600)
    first, other = providers(tmp_path)
    assert first == FakeProvider(1).provider(issuer="https://login.medby.example", client_id="medspiller")
    assert (other.key, other.client_secret, other.scopes) == ("feriehjaelp", "of the second", ("openid",))
    assert other.roles == (Grant("leisure", "case_worker", "0751"),)
    assert (other.trust_email, other.acr_values, other.second_factor_satisfied) == (True, ("high",), True)


ROLE = {"value": "x", "role": "case_worker", "municipality": "0751"}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"key": "Med by"}, "Expected `str` matching regex"),
        ({"key": None}, "missing required field `key`"),
        ({"unknown": 1}, "unknown field `unknown`"),
        ({"name": ""}, "length >= 1"),
        ({"issuer": "http://login.medby.example"}, "its issuer must be an https address"),
        ({"issuer": "https://login.medby.example?x=1"}, "its issuer must be an https address"),
        ({"issuer": "https://"}, "its issuer must be an https address"),
        ({"scopes": ["email"]}, "its scopes must name openid"),
        ({"client_secret": None}, "either client_secret or client_secret_file"),
        ({"client_secret_file": "x"}, "either client_secret or client_secret_file"),
        ({"client_secret": None, "client_secret_file": "missing"}, "cannot be read"),
        ({"client_secret": None, "client_secret_file": "empty"}, "is empty"),
        ({"client_secret": None, "client_secret_file": "open"}, "can be read by every user"),
        ({"roles": [ROLE]}, "roles_claim and roles belong together"),
        ({"roles_claim": "x"}, "roles_claim and roles belong together"),
        ({"roles_claim": "x", "roles": [ROLE | {"role": "king"}]}, "king is no role; roles are administrator"),
        (
            {"roles_claim": "x", "roles": [{"value": "x", "role": "auditor"}]},
            "a municipality's code or an organisation",
        ),
    ],
)
def test_a_file_that_is_wrong(tmp_path: Path, changed: dict[str, Any], says: str) -> None:
    (tmp_path / "empty").write_text("")
    (tmp_path / "empty").chmod(0o600)
    (tmp_path / "open").write_text("secret")
    (tmp_path / "open").chmod(0o644)
    entry = {name: value for name, value in (WHOLE | changed).items() if value is not None}
    _write(tmp_path, json.dumps([entry]))
    with pytest.raises(Refused, match=re.escape(says)) as refused:
        providers(tmp_path)
    assert SECRET not in refused.value.message


def test_a_file_with_a_key_twice(tmp_path: Path) -> None:
    _write(tmp_path, json.dumps([WHOLE, WHOLE]))
    with pytest.raises(Refused, match="the provider medby twice"):
        providers(tmp_path)


def test_a_file_that_everybody_reads(tmp_path: Path) -> None:
    _write(tmp_path, json.dumps([WHOLE]), mode=0o644)
    with pytest.raises(Refused, match="can be read by every user; run chmod 640"):
        providers(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff", b"[" * 100_000])
def test_a_file_that_is_none(tmp_path: Path, content: bytes) -> None:
    _write(tmp_path, content)
    with pytest.raises(Refused, match=r"oidc\.json is wrong"):
        providers(tmp_path)


# Another's provider


@pytest.fixture
def stranger() -> Iterator[Stranger]:
    with strange() as provider:
        yield provider


def _registered(stranger: Stranger) -> Provider:
    known = stranger.register(BACK)
    return FakeProvider(1).provider(roles_claim="groups", roles=GRANTS, **known)


def test_a_provider_that_we_did_not_write(stranger: Stranger) -> None:
    provider = _registered(stranger)
    now = datetime.now(UTC)
    begun = begin(provider, BACK, now)
    assert "code" not in dict(parse_qsl(urlsplit(begun.url).query))
    came_back = urlsplit(stranger.agree(begun.url))
    assert came_back._replace(query="").geturl() == BACK
    answer = dict(parse_qsl(came_back.query))
    who = finish(provider, begun, answer, BACK, now)
    assert (who.issuer, who.subject, who.email, who.email_verified) == (stranger.issuer, SUBJECT, EMAIL, True)
    assert who.name == "Kirsten Testesen"
    assert set(who.roles) == {("case_worker", "0751", None), ("auditor", "0751", None)}
    # The provider gives each code's tokens once.
    with pytest.raises(Refused):
        finish(provider, begun, answer, BACK, now)


def test_somebody_who_says_no_there(stranger: Stranger) -> None:
    provider = _registered(stranger)
    begun = begin(provider, BACK, NOW)
    answer = dict(parse_qsl(urlsplit(stranger.agree(begun.url, action="deny")).query))
    with pytest.raises(Refused):
        finish(provider, begun, answer, BACK, NOW)
