"""Text in files that people open in a spreadsheet."""

# A spreadsheet takes what begins with one of these for a formula, also after blanks.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def as_text(cell: str) -> str:
    """A cell so that a spreadsheet shows it and does not take it for a formula: with an apostrophe before it."""
    return f"'{cell}" if cell.lstrip(" ")[:1] in _FORMULA and cell.strip(" ") else cell
