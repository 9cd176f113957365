"""The API's description as it is given out: types by plain names, and an example of every JSON body and answer.

What a schema gives as an example of a field or of a whole body stands. Everything else is made up from the types, so
that a new call has its example as soon as it stands; the words are those of one family in one municipality.
"""

import re
from typing import Any, Final

Schema = dict[str, Any]

_DEEPEST: Final = 8
_GENERIC: Final = re.compile(r"Page_schemas\.\w+\.(\w+)_")
_FORMATS: Final = {
    "uuid": "01995b2e-4c1a-7d3e-9b52-6f0a1c8d2e47",
    "date": "2017-01-15",
    "date-time": "2017-01-15T08:30:00Z",
}
_DAYS: Final = {
    "birth_date": "2010-05-17",
    "expires_at": "2017-01-29T08:30:00Z",
    "period_end": "2017-12-31",
    "period_start": "2017-01-01",
    "valid_from": "2017-01-01",
    "valid_to": "2017-12-31",
}
_KEYS: Final = {
    "districts": "Gellerup",
    "moves_by_district": "Gellerup",
    "moves_by_reason": "income_within_limit",
    "reasons": "income_within_limit",
}
"""What stands before a number where a field counts by something."""
_EMPTY: Final = frozenset({"ended_at", "next", "replaces", "returned_at", "revoked_at"})
"""Fields that are empty as a rule. Of others that may be, those are that have no word below."""
_PROBLEMS: Final = {
    "400": ("about:blank", "Bad Request", "The request cannot be read: its body must be well-formed JSON."),
    "401": ("about:blank", "Unauthorized", "Sign in, or show a token that is in force."),
    "403": ("urn:medspiller:problem:forbidden", "Not allowed", "Your role does not allow this."),
    "404": ("urn:medspiller:problem:notfound", "Not found", "There is no such row here."),
    "409": ("urn:medspiller:problem:conflict", "The state has changed", "This was done already."),
    "413": ("about:blank", "Request Entity Too Large", "The body of the request is too large."),
    "422": ("urn:medspiller:problem:invalid", "Some fields are wrong", "Some fields of the request are wrong."),
    "429": ("about:blank", "Too Many Requests", "There were too many requests in a short while. Wait a minute."),
    "503": ("about:blank", "Service Unavailable", "The database does not answer at the moment. Try again later."),
}
_NUMBERS: Final = {
    "age": 6,
    "amount_ore": 100_000,
    "child_addition_ore": 2_000_000,
    "children": 2,
    "cost_ore": 8_400_000,
    "equipment_ore": 50_000,
    "equipment_remaining_ore": 50_000,
    "income_ore": 17_850_000,
    "income_year": 2017,
    "limit": 50,
    "limit_ore": 19_271_400,
    "line": 17,
    "max_age": 17,
    "min_age": 5,
    "parameter_version": 2,
    "remaining_ore": 40_000,
    "single_addition_ore": 5_000_000,
    "status": 422,
    "threshold": 5,
    "worth_ore": 8_400_000,
    "year": 2017,
}
_WORDS: Final = {
    "action": "pass.read",
    "age_group": "6-9",
    "areas": "Gellerup",
    "at": "03:00",
    "bases": "annual",
    "basis": "annual",
    "because": "address_protected",
    "by": "name",
    "city": "Aarhus C",
    "created_by": "Anna Andersen",
    "detail": "Some fields of the request are wrong.",
    "district": "Gellerup",
    "door": "api",
    "email": "anna@kommune.example",
    "evidence": "income_statement",
    "failed": "0751 letters",
    "family_name": "Prøvesen",
    "field": "name",
    "file": "population",
    "fund": "membership",
    "given_name": "Maja",
    "household_id": "H010000378",
    "invited_by": "Anna Andersen",
    "job": "letters",
    "language": "da",
    "letter_number": "000000195",
    "masked_number": "••••••••96",
    "message": "is missing",
    "municipality": "Aarhus",
    "name": "Anna Andersen",
    "number": "000000195",
    "number_ending": "HJKM",
    "organisation_name": "Fremad",
    "origin": "invitation",
    "outcome": "entitled",
    "overdue": "0751 report",
    "period": "2017-01-15",
    "phone": "89 40 20 00",
    "postcode": "8000",
    "progress": "/api/v1/jobs/runs/01995b2e-4c1a-7d3e-9b52-6f0a1c8d2e47",
    "reason": "income_within_limit",
    "relation": "child",
    "role": "case_worker",
    "said": "Read a pass",
    "scheme": "fritidspas",
    "scopes": "register",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "source": "The council's decision of 12 December 2016",
    "standing": "waiting",
    "step": "Writing determinations",
    "street": "Prøvevej 1",
    "subject_kind": "pass",
    "title": "Some fields are wrong",
    "token": "medspiller_shown-once-and-kept-nowhere",
    "type": "urn:medspiller:problem:invalid",
    "who": "Anna Andersen",
}
_OF_TYPE: Final = {
    "Accepted.state": "queued",
    "HeldLetterSummary.kind": "pass",
    "HeldReview.reason": "The family lives on the benefit.",
    "JobRunDetail.state": "done",
    "JobRunSummary.state": "done",
    "LetterDetail.kind": "pass",
    "LetterDetail.state": "handed_over",
    "LetterSummary.kind": "pass",
    "LetterSummary.state": "queued",
    "OrganisationSummary.kind": "club",
    "OrganisationSummary.name": "Fremad",
    "OrganisationSummary.number": "12345678",
    "PassDetail.state": "live",
    "PassLedgerEntry.kind": "grant",
    "PassLetterSummary.state": "handed_over",
    "PassSummary.state": "live",
    "PersonPass.state": "live",
    "PrintBatchSummary.number": 12,
    "RefreshDetail.kind": "refresh",
    "RefreshDetail.state": "committed",
    "RefreshSummary.kind": "refresh",
    "RefreshSummary.state": "committed",
    "RegisterImportSummary.state": "merged",
    "RejectedLine.reason": "The date cannot be read.",
    "RejectedLine.value": "31.2.••••",
    "ReportFigure.measure": "used",
    "ReviewOutcome.state": "done",
    "SchemeParameters.period": "calendar_year",
    "SchemeSummary.name": "fritidspas",
    "TimelineEvent.what": "issued",
    "TokenSummary.name": "Case system",
    "TrailEntry.reason": "The family has complained.",
}


def completed(description: Schema) -> Schema:
    """The description of the API as the framework makes it, with plain names, and an example where there is none.

    It is completed in place, once; a second time changes nothing.
    """
    _name_plainly(description)
    types = description.get("components", {}).get("schemas", {})
    for item in description["paths"].values():
        for operation in item.values():
            holders = [("", operation.get("requestBody", {})), *operation.get("responses", {}).items()]
            for status, holder in holders:
                for media, content in holder.get("content", {}).items():
                    if media.endswith("json") and content.get("schema") and "example" not in content:
                        made = _problem(status) or example_of(content["schema"], types)
                        content["example"] = made
    return description


def _name_plainly(node: Any) -> None:
    """Call a page of passes `PassSummaryPage`, whatever module the type stands in."""
    if isinstance(node, list):
        for one in node:
            _name_plainly(one)
    if isinstance(node, dict):
        for name in [name for name in node if _GENERIC.search(name)]:
            node[_GENERIC.sub(r"\1Page", name)] = node.pop(name)
        if isinstance(node.get("$ref"), str):
            node["$ref"] = _GENERIC.sub(r"\1Page", node["$ref"])
        for one in node.values():
            _name_plainly(one)


def _problem(status: str) -> Schema | None:
    if status not in _PROBLEMS:
        return None
    type_, title, detail = _PROBLEMS[status]
    problem = {"type": type_, "title": title, "status": int(status), "detail": detail}
    return problem | ({"errors": [{"field": "name", "message": "is missing"}]} if status == "422" else {})


def example_of(schema: Schema, types: dict[str, Schema], name: str = "", owner: str = "", depth: int = 0) -> Any:
    """A value of a type; `name` is the field it stands in, `owner` the type of which that is a field."""
    if schema.get("examples"):
        return schema["examples"][0]
    if "$ref" in schema:
        owner = schema["$ref"].rsplit("/", 1)[1]
        return example_of(types[owner], types, name, owner, depth + 1)
    for several in ("allOf", "oneOf", "anyOf"):
        if several in schema:
            choice = _chosen(schema[several], name, owner)
            return None if choice is None else example_of(choice, types, name, owner, depth)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return next(value for value in schema["enum"] if value is not None)
    kind = schema.get("type")
    kind = next(one for one in kind if one != "null") if isinstance(kind, list) else kind
    if kind == "object":
        return _object(schema, types, name, owner, depth)
    if kind == "array":
        # A type that holds itself must end somewhere.
        return [example_of(schema["items"], types, name, owner, depth)] if depth < _DEEPEST else []
    return _plain(kind, schema, name, owner)


def _chosen(choices: list[Schema], name: str, owner: str) -> Schema | None:
    """The first that is something; none where the field may be empty and there is nothing to say."""
    choice = next(one for one in choices if one.get("type") != "null")
    plain = choice.get("type") == "string" and not (
        choice.get("format") or choice.get("enum") or choice.get("examples")
    )
    unsaid = plain and name not in _WORDS and f"{owner}.{name}" not in _OF_TYPE
    return None if len(choices) > 1 and (unsaid or name in _EMPTY) else choice


def _object(schema: Schema, types: dict[str, Schema], name: str, owner: str, depth: int) -> dict[str, Any]:
    counted = schema.get("additionalProperties")
    if counted and name in _KEYS:
        return {_KEYS[name]: example_of(counted, types, "", owner, depth + 1) or {"entitled": 20}}
    return {
        field: example_of(kind, types, field, owner, depth + 1) for field, kind in schema.get("properties", {}).items()
    }


def _plain(kind: str | None, schema: Schema, name: str, owner: str) -> Any:
    own = _OF_TYPE.get(f"{owner}.{name}")
    if kind == "boolean":
        return True
    if kind in ("integer", "number"):
        given = own or _NUMBERS.get(name, max(1, int(schema.get("minimum", 1))))
        return min(given, schema.get("maximum", given))
    if kind == "string":
        format_ = schema.get("format", "")
        return (
            (_DAYS.get(name) if format_ else None)
            or _FORMATS.get(format_)
            or own
            or _WORDS.get(name, name.replace("_", " ") or "text")
        )
    return {}
