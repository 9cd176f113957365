"""The pages on which a club's treasurer claims for several children in one go: in rows, or with a file."""

import base64
from typing import Any, Final

import msgspec
from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.response import Redirect
from sqlmodel import Session

from service.claims import queries
from service.claims.batch import MOST_LINES, Line, Outcome, claim_lines
from service.claims.batch_files import COLUMNS, ClaimRow, read_csv
from service.claims.club_forms import MOST_ROWS, ROWS, FileForm, SeveralForm, claims_of, several_form
from service.claims.club_web import CLAIMS, MAY, SENT_ALREADY, WORDS, csv_file
from service.claims.desk import club_of, desk_of
from service.claims.export import outcomes_as_csv
from service.database.requests import transactional
from service.errors import Translate
from service.identity.access import AnyRequest, principal_of
from service.identity.form_keys import is_repeated, new_key
from service.values.spreadsheets import as_text
from service.web.answers import fields_of, given_in
from service.web.formats import show
from service.web.forms import Form, FormData, UploadData, blank, read_form, redisplaying
from service.web.pages import language_of, page, redirect
from service.web.texts import translator

SEVERAL: Final = f"{CLAIMS}/several"
FILE: Final = f"{CLAIMS}/file"
_SEVERAL_PAGE: Final = "claims/club_several.html"
_FILE_PAGE: Final = "claims/club_file.html"
_LONGEST_FILE: Final = 1_000_000
_MARK: Final = "\ufeff"
_LABELS: Final = {field.name: field.label for field in fields_of(ClaimRow)} | {"fee_ore": "fee_ore"}


@get(SEVERAL, **MAY)
@transactional
def new_claims(request: AnyRequest, session: Session) -> Response[str]:
    """The form with some rows."""
    known = {"key": new_key(), "rows": ROWS, "kind": "membership", "family_share_paid_by": "family"}
    form = blank(request, several_form(ROWS), **known)
    return page(request, _SEVERAL_PAGE, form=form, rows=ROWS, **_about(request, session))


def _about(request: AnyRequest, session: Session) -> dict[str, Any]:
    return {"offers": queries.offers(session, club_of(request)), "most": MOST_ROWS, **WORDS}


@post(SEVERAL, status_code=200, **MAY)
@transactional
def claim_several(request: AnyRequest, data: FormData, session: Session) -> Response[str] | Redirect:
    """Claim what stands in the rows, or show one row more. What cannot be claimed stands in the form again."""
    rows, about = _rows(data), _about(request, session)
    if given_in(data, "act") == ["add"]:
        rows = min(rows + 1, MOST_ROWS)
        shown = _as_written(request, data | {"rows": str(rows)}, several_form(rows))
        return page(request, _SEVERAL_PAGE, form=shown, rows=rows, **about)
    struct = several_form(rows)
    with redisplaying(request, _SEVERAL_PAGE, struct, data, rows=rows, **about):
        form = read_form(data, struct)
        claims = claims_of(form)
        if is_repeated(session, principal_of(request), form.key):
            return redirect(request, CLAIMS, SENT_ALREADY, kind="info")
        lines = [Line(row, claim, claim.reference) for row, claim in claims.items()]
        outcomes = claim_lines(desk_of(request, session), lines)
    return page(request, "claims/club_results.html", **_results(request, outcomes), back=SEVERAL)


def _rows(data: dict[str, Any]) -> int:
    written = next(iter(given_in(data, "rows")), "")
    return min(max(int(written), 1), MOST_ROWS) if written.isdecimal() and len(written) < 3 else ROWS


def _as_written(request: AnyRequest, data: dict[str, Any], struct: type[SeveralForm]) -> Form:
    values = {name: [one for one in given_in(data, name) if isinstance(one, str)] for name in data}
    return Form(struct, values, translator(language_of(request)))


def _results(request: AnyRequest, outcomes: list[Outcome]) -> dict[str, Any]:
    language = language_of(request)
    translate: Translate = translator(language).gettext

    def written(value: object) -> str:
        return show(value, language)

    file = base64.b64encode(f"{_MARK}{outcomes_as_csv(outcomes, translate, written)}".encode()).decode()
    return {
        "outcomes": [_Told(one, *_problem(one, translate, written)) for one in outcomes],
        "claimed": sum(one.made is not None for one in outcomes),
        # In the page itself: results are kept nowhere, and the claims stand in the list.
        "file": f"data:text/csv;charset=utf-8;base64,{file}",
        **WORDS,
    }


class _Told(msgspec.Struct, frozen=True):
    one: Outcome
    problem: str | None
    fields: list[tuple[str, str]]


def _problem(one: Outcome, translate: Translate, written: Any) -> tuple[str | None, list[tuple[str, str]]]:
    if one.refused is None:
        return None, []
    fields = [
        (translate(_LABELS.get(error.field, error.field)), error.said(translate, written))
        for error in one.refused.errors
    ]
    return one.refused.said(translate, written), fields


@get(FILE, **MAY | {"sync_to_thread": False})
def ask_for_file(request: AnyRequest) -> Response[str]:
    """The form for a file."""
    return page(request, _FILE_PAGE, form=blank(request, FileForm, key=new_key()), columns=COLUMNS, most=MOST_LINES)


@get(f"{FILE}/template.csv", **MAY)
@transactional
def download_template(request: AnyRequest, session: Session) -> Response[str]:
    """A file with the columns, and a row for each activity that the club offers."""
    head = ";".join(COLUMNS)
    rows = [
        ";".join(("", "", _fee(offer.fee_ore), as_text(offer.name).replace(";", ","), *_days(offer), "membership"))
        for offer in queries.offers(session, club_of(request))
    ]
    return csv_file("\n".join([head, *rows, ""]), "claims-template.csv")


def _fee(ore: int) -> str:
    return f"{ore // 100},{ore % 100:02}"


def _days(offer: queries.Offer) -> tuple[str, str]:
    return offer.season_start.isoformat(), offer.season_end.isoformat()


@post(FILE, status_code=200, **MAY)
@transactional
def claim_file(request: AnyRequest, data: UploadData, session: Session) -> Response[str] | Redirect:
    """Claim the rows of a file and show what came of each."""
    with redisplaying(request, _FILE_PAGE, FileForm, data, columns=COLUMNS, most=MOST_LINES):
        form = read_form(data, FileForm)
        if is_repeated(session, principal_of(request), form.key):
            return redirect(request, CLAIMS, SENT_ALREADY, kind="info")
        outcomes = claim_lines(desk_of(request, session), read_csv(_content(form.file)))
    return page(request, "claims/club_results.html", **_results(request, outcomes), back=FILE)


def _content(file: UploadFile) -> bytes:
    return file.file.read(_LONGEST_FILE)


ROUTES = [new_claims, claim_several, ask_for_file, download_template, claim_file]
"""The pages of several claims at once."""
