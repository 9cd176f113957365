"""What a retention rule consists of: a kind of data, the steps in which its rows go, and its files.

Conditions are SQL with the bind parameters `cut_off` (a date: whatever is of that day or older is due), `zone` (the
municipality's time zone) and `at`.
"""

import msgspec

ERASE, ANONYMISE = "erase", "anonymise"


class Step(msgspec.Struct, frozen=True):
    """Rows of a table that go; `change` is what they become, or empty where they are deleted.

    `due` may say `{origin}`: the date from which the period counts. Rows that a function of the database alone may
    erase have `by`: its call, which finds what is due itself and gives how many of at most `:most` went.
    """

    table: str
    due: str
    change: str = ""
    by: str = ""


class Files(msgspec.Struct, frozen=True):
    """Files in the home that go with rows: the name of each by SQL, and where they lie under it.

    `paths` may say `{code}`, the municipality's, and `{name}`. The condition is as that of a step.
    """

    names: str
    paths: tuple[str, ...]


class Kind(msgspec.Struct, frozen=True):
    """A kind of data. `origins` gives the SQL of each date from which its period may be counted, the preset first; it
    is empty where each table has its own.

    `locks` are those of the actions that must not run meanwhile.
    """

    what: str
    meaning: str
    way: str
    months: int
    origins: dict[str, str]
    steps: tuple[Step, ...]
    locks: tuple[str, ...] = ()
    files: Files | None = None


def day(instant: str) -> str:
    """SQL: the day of an instant where the municipality is."""
    return f"({instant} AT TIME ZONE :zone)::date"
