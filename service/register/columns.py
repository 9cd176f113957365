"""The files of an extract as their senders are told of them: what each is, and what its columns must hold."""

from typing import Final

import msgspec

from service.errors import N_


class Column(msgspec.Struct, frozen=True):
    """A column of a file: its name in the header, and what it holds."""

    name: str
    holds: str
    optional: bool = False


class File(msgspec.Struct, frozen=True):
    """A file of an extract: what it is called, what it is, and what happens to what it does not name."""

    kind: str
    title: str
    holds: str
    columns: tuple[Column, ...]

    def template(self) -> str:
        """The header alone, for a spreadsheet: a made-up row would be imported as somebody."""
        return ";".join(column.name for column in self.columns) + "\r\n"


_DAY: Final = N_("year, month and day: 2017-01-31")
_NUMBER: Final = N_("the identity number, with or without a hyphen")

FILES: Final = (
    File(
        "population",
        N_("Population"),
        N_("A row for each person of each household. Whoever is not in the file any more has left the municipality."),
        (
            Column("household_id", N_("the household's number; the same for all its members")),
            Column("person_id", _NUMBER),
            Column("relation", N_("provider, child or other")),
            Column("birth_date", _DAY),
            Column("given_name", N_("given names")),
            Column("family_name", N_("family name")),
            Column("street", N_("street and number")),
            Column("postcode", N_("postcode")),
            Column("city", N_("postal district")),
            Column("district", N_("district of the municipality; may be empty")),
            Column("address_protected", N_("1 where name or address is protected, otherwise 0")),
            Column("language", N_("the language of letters, such as da or ar; may be empty")),
        ),
    ),
    File(
        "income",
        N_("Income"),
        N_("A row for each person, year and basis. An income that the file does not name stays as it was."),
        (
            Column("person_id", _NUMBER),
            Column("year", N_("the year of the income")),
            Column("amount", N_("kroner for the whole year, without separators between thousands: 192714,50")),
            Column("basis", N_("annual, final, advance or month_x12; annual where it is left out"), optional=True),
        ),
    ),
    File(
        "decisions",
        N_("Awards made elsewhere"),
        N_("A row for each award, such as an economic free place. An award that the file does not name ends."),
        (
            Column("person_id", N_("the child's identity number, with or without a hyphen")),
            Column("ground", N_("what was awarded, in a word of your own")),
            Column("percent", N_("whole number from 0 to 100")),
            Column("valid_from", _DAY),
            Column("valid_to", N_("the last day; empty while it has no end")),
        ),
    ),
)
