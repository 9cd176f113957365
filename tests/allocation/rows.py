"""Rows of the files for cases by name."""

from collections.abc import Sequence


def stay(code: str, *, places: int = 10, beds: int = 40, volunteers: int = 2, **other: str) -> dict[str, str]:
    """A stay of Nord in July 2024 for children from 6 to 13, with `beds` for families beside its volunteers."""
    row = {
        "stay": code,
        "region": "Nord",
        "start": "2024-07-01",
        "end": "2024-07-06",
        "family_places": str(places),
        "person_places": str(beds + volunteers),
        "volunteers": str(volunteers),
        "min_child_age": "6",
        "max_child_age": "13",
        "min_families": "0",
    }
    return row | other


def family(code: str, persons: int, wishes: str, need: int = 3, **other: str) -> dict[str, str]:
    """A family with one child of eight and adults; those with more need come first."""
    return {
        "family": code,
        "birth_dates": "|".join(["2016-03-01", *["1985-05-17"] * (persons - 1)]),
        "wishes": wishes,
        "need": str(need),
        "last_participation": "",
        "refusals": "0",
    } | other


def condition(kind: str, families: Sequence[str], at: str = "") -> dict[str, str]:
    return {"condition": kind, "families": "|".join(families), "stay": at}
