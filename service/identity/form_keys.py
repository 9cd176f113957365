"""Forms whose second sending must do nothing: each carries a key of its own that counts once.

Clicked twice, or sent again by a reload, a form has its effect once. The key is noted in the transaction that does what
the form asks: where that is refused the key is free again, and where two come at once the second waits for the first.
"""

from datetime import timedelta
from typing import Annotated

from msgspec import Meta
from sqlalchemy import text
from sqlmodel import Session

from service.errors import N_
from service.identity.access import Principal
from service.values import clock
from service.values.random_secrets import digest, draw

FormKey = Annotated[str, Meta(title=N_("Form"), min_length=20, max_length=100)]
"""The field of a form's Struct that holds the key: `key: FormKey`, in the page a hidden field."""

_KIND = "form"
# Longer than a session lives, and a key is good in its own session alone.
_SPAN = timedelta(hours=24)


def new_key() -> str:
    """A key for a form that is about to be shown."""
    return draw()


def is_repeated(session: Session, principal: Principal | None, key: str) -> bool:
    """Note that this form was sent; whether it had been sent before. On a public page it is nobody's."""
    times: int = session.execute(
        text("SELECT directory.count_attempt(:kind, :key, :at, :span)"),
        {"kind": _KIND, "key": digest(f"{principal and principal.session_id} {key}"), "at": clock.now(), "span": _SPAN},
    ).scalar_one()
    return times > 1
