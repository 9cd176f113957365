"""The gate that holds an import far off the last of its kind: a torn file must not end half a town's passes."""

FAR_OFF_SHARE = 0.10
FAR_OFF_ROWS = 20
_GATED = {"persons": "persons", "decisions": "awards"}


def held_because(counts: dict[str, int], last: dict[str, int]) -> str | None:
    """One sentence on why an import must wait for a person, or None.

    `counts` and `last` give accepted rows by file, where the file was part of the import. Files of incomes pass: an
    income that a file does not name stays, so a short file ends nothing.
    """
    for key, noun in _GATED.items():
        if key not in counts or key not in last:
            continue
        difference = abs(counts[key] - last[key])
        emptied = last[key] > 0 and counts[key] == 0
        if emptied or (difference > FAR_OFF_ROWS and difference > FAR_OFF_SHARE * last[key]):
            return f"The file has {counts[key]:,} {noun} where the last one had {last[key]:,}."
    return None
