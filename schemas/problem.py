"""What the API answers when something is wrong: RFC 9457 problem details."""

import msgspec


class WrongField(msgspec.Struct, frozen=True):
    """One wrong field of a request and what is wrong with it; inner fields are written `outer.inner` and `list[0]`."""

    field: str
    message: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """Sent as `application/problem+json`; `detail` is a sentence for the person who asked.

    `errors` names every wrong field. `instance` names the incident in the log where the fault is the service's own.
    """

    type: str
    title: str
    status: int
    detail: str
    instance: str | None = None
    errors: list[WrongField] = msgspec.field(default_factory=list)
