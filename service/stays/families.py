"""A family on a list, as it is handed over: the same whether it was approved here or came as a spreadsheet."""

from datetime import date

import msgspec


class Traveller(msgspec.Struct, frozen=True):
    """Somebody who travels."""

    name: str
    birth_date: date


class ListedFamily(msgspec.Struct, frozen=True):
    """All that an organisation gets of a family: nothing of its income, of why it was referred, or by whom.

    `wishes` are ids of stays, the best first; a family without wishes takes anything in the region. `key` is the
    municipality's for the family, the same in every version of its list.
    """

    key: str
    need: int
    contact_name: str
    phone: str
    language: str
    interpreter: bool
    late: bool
    travellers: tuple[Traveller, ...]
    wishes: tuple[str, ...] = ()
    last_participation: int | None = None


class Differences(msgspec.Struct, frozen=True):
    """How a version differs from the one before: keys of families that are new, changed, and gone."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]


def differences(before: list[ListedFamily], after: list[ListedFamily]) -> Differences:
    """What is new, changed and gone from one version to the next."""
    stood, stands = ({one.key: one for one in version} for version in (before, after))
    return Differences(
        added=tuple(key for key in stands if key not in stood),
        changed=tuple(key for key, one in stands.items() if key in stood and stood[key] != one),
        removed=tuple(key for key in stood if key not in stands),
    )
