"""A call that a caller gives a key has its effect once: the first answer is kept and given again.

The key is claimed in the transaction of the handler itself. A second call waits until that transaction has ended: was
it committed, the kept answer is given; was it rolled back, nothing is kept and the call is made. So a refusal, a
fault and a killed process leave the key free.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import wraps
from hashlib import sha256
from typing import Annotated, Any, Protocol, runtime_checkable
from uuid import UUID

import msgspec
from litestar import Request, Response
from litestar.params import HeaderParameter
from litestar.serialization import encode_json
from sqlalchemy import text
from sqlmodel import Session

from service.database.requests import keys_of
from service.errors import Conflict, FieldError, Invalid
from service.identity.access import PlaceNotChosen, principal_of
from service.values import clock
from service.values.secrecy import TenantSecrets

KEPT_FOR = timedelta(hours=48)
"""How long the answer is given again; the nightly retention erases it after that."""

REPLAYED = "Idempotency-Replayed"
"""The header of an answer that was given before."""

Key = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        description=(
            "1 to 200 printable ASCII characters of your choice. The same call with the same key within 48 hours has "
            "no further effect and gets the same answer, with `Idempotency-Replayed: true`; another call with the same "
            "key to the same address is refused with 409. Only successful answers are kept."
        ),
    ),
]

_WELL_FORMED = re.compile("[ -~]{1,200}")

AnyRequest = Request[Any, Any, Any]


@runtime_checkable
class Parts(Protocol):
    """A body that does not stand in memory, such as uploaded files, as a handler's parameter.

    `digest` tells whether two say the same. `drop` removes what came in, where the handler is not called for it.
    """

    def digest(self) -> bytes: ...
    def drop(self) -> None: ...


class _Kept(msgspec.Struct, frozen=True):
    status: int
    media_type: str
    headers: dict[str, str]
    body: bytes


class _Call(msgspec.Struct, frozen=True):
    """A call with its key: who makes it, and the keyed hashes of where it goes and of what is said with it."""

    tenant_id: UUID
    caller_id: UUID
    call: bytes
    said: bytes


def idempotent(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Let a handler take an `Idempotency-Key`. Stands below `@transactional`, whose transaction it works in.

    The handler has the parameters `request` and `session` and answers with what JSON can say, or a Response of that.
    """
    signature = inspect.signature(handler, eval_str=True)
    if not {"request", "session"} <= signature.parameters.keys():
        raise TypeError(f"{handler.__qualname__} must have the parameters `request` and `session`")

    @wraps(handler)
    def run(*, request: AnyRequest, session: Session, idempotency_key: str | None = None, **values: Any) -> Any:
        if idempotency_key is None:
            return handler(request=request, session=session, **values)
        if not _WELL_FORMED.fullmatch(idempotency_key):
            wrong = FieldError("Idempotency-Key", "must be 1 to 200 printable ASCII characters")
            raise Invalid("Some fields of the request are wrong.", [wrong])
        principal = principal_of(request)
        caller_id = principal.token_id or principal.account_id
        if principal.place is None or caller_id is None:
            raise PlaceNotChosen
        keys = keys_of(request)
        secrets = keys.for_tenant(principal.place.tenant_id)
        address = f"{request.method} {request.scope['path']} {principal.place.organisation_id}\n{idempotency_key}"
        call = _Call(principal.place.tenant_id, caller_id, secrets.hash(address), secrets.hash(_said(values)))
        try:
            kept = _claim(session, secrets, call)
        except BaseException:
            _drop(values)
            raise
        if kept is not None:
            _drop(values)
            return _response(kept, {REPLAYED: "true"})
        return _response(
            _keep(session, secrets, call, _read(request, handler(request=request, session=session, **values)))
        )

    _show(run, signature)
    return run


def _show(run: Callable[..., Any], signature: inspect.Signature) -> None:
    """Show `transactional` and the framework the handler's parameters and the key."""
    key = inspect.Parameter("idempotency_key", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Key)
    vars(run).pop("__wrapped__")
    run.__signature__ = signature.replace(parameters=[*signature.parameters.values(), key])  # type: ignore[attr-defined]


def _said(values: Mapping[str, Any]) -> str:
    """A digest of the path, the query and the body, as the handler gets them: however they were written."""
    plain = {name: value.digest().hex() if isinstance(value, Parts) else value for name, value in values.items()}
    return sha256(msgspec.json.encode(plain, order="deterministic")).hexdigest()


def _drop(values: Mapping[str, Any]) -> None:
    for value in values.values():
        if isinstance(value, Parts):
            value.drop()


def _claim(session: Session, secrets: TenantSecrets, call: _Call) -> _Kept | None:
    """Take the key for this transaction, or give what was answered before; refused where something else was said."""
    at = clock.now()
    values = msgspec.structs.asdict(call) | {"at": at, "expired": at - KEPT_FOR}
    if session.execute(text(_CLAIM), values).one_or_none() is not None:
        return None
    # The claim has locked the row: retention cannot take it away in between.
    row = session.execute(text(_KEPT), values).one()
    if bytes(row.said) != call.said:
        raise Conflict("This Idempotency-Key was used for another call. Take a new key for a new call.")
    return msgspec.msgpack.decode(secrets.decrypt_bytes(bytes(row.answer)), type=_Kept)


def _keep(session: Session, secrets: TenantSecrets, call: _Call, kept: _Kept) -> _Kept:
    # Answers may hold personal data.
    answer = secrets.encrypt_bytes(msgspec.msgpack.encode(kept))
    session.execute(text(_FILL), msgspec.structs.asdict(call) | {"answer": answer})
    return kept


def _read(request: AnyRequest, answer: Any) -> _Kept:
    """What the handler answered, in bytes."""
    response = answer if isinstance(answer, Response) else Response(answer)
    status = response.status_code or request.route_handler.status_code
    if status >= 400:
        raise RuntimeError("A returned error would commit and be kept: raise a refusal.")
    content = response.content
    body = content if isinstance(content, bytes) else b"" if content is None else encode_json(content)
    headers = {name: str(value) for name, value in response.headers.items()}
    return _Kept(status, str(response.media_type or "application/json"), headers, body)


def _response(kept: _Kept, more: Mapping[str, str] | None = None) -> Response[bytes]:
    return Response(
        kept.body, status_code=kept.status, media_type=kept.media_type, headers=kept.headers | dict(more or {})
    )


# One whose time is over is taken anew.
_CLAIM = """INSERT INTO kept_answer (tenant_id, caller_id, call, said, kept_at)
    VALUES (:tenant_id, :caller_id, :call, :said, :at)
    ON CONFLICT (tenant_id, caller_id, call) DO UPDATE
    SET said = excluded.said, answer = NULL, kept_at = excluded.kept_at WHERE kept_answer.kept_at <= :expired
    RETURNING id"""
_KEPT = "SELECT said, answer FROM kept_answer WHERE caller_id = :caller_id AND call = :call"
_FILL = "UPDATE kept_answer SET answer = :answer WHERE caller_id = :caller_id AND call = :call"
