"""Every page of the program, read off its routes: who sees it, and an address at which a row of its kind stands.

A route that is read by GET is a page unless `NO_PAGES` says what it is instead. A page of one thing has its parameters
in `SUBJECTS`; one for people whom nobody plays yet has them in `viewer_of`. `test_pages.py` fails where a route is in
neither, so that a new page cannot be forgotten.
"""

import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar.handlers import HTTPRouteHandler
from sqlalchemy import Connection, text

from service.app import DOORS
from service.identity.permissions import PERMISSIONS

STAFF: Final = ("administrator", "case_worker", "auditor", "finance_officer")
"""The roles of the municipality's own; one person who has them all sees whatever one of them may see."""

NO_PAGES: Final = {
    "/schema/{path:str}": "nothing stands there",
    "/health": "JSON",
    "/metrics": "figures for a monitor",
    "/static/{version:str}/{name:path}": "a file of the pages",
    "/schema/openapi.json": "JSON",
    "/sign-in/with/{key:str}": "leads to a provider",
    "/sign-in/with/{key:str}/answer": "leads on from a provider",
    "/register/templates/{name:str}": "a file",
    "/register/imports/{import_id:uuid}/rejections.csv": "a file",
    "/register/imports": "leads to the history",
    "/letters": "leads to the print batches",
    "/letters/batches/{number:int}/file.pdf": "a file",
    "/letters/batches/{number:int}/manifest.csv": "a file",
    "/reports/kept/{scheme:str}/{file:str}": "a file",
    "/payments/runs/{run_id:uuid}/file.xml": "a file",
    "/payments/runs/{run_id:uuid}/nemkonto.csv": "a file",
    "/payments/runs/{run_id:uuid}/postings.csv": "a file",
    "/club/payments/{payment_id:uuid}/advice.csv": "a file",
    "/club/payments/{payment_id:uuid}/advice.pdf": "a file",
    "/club/claims/claims.csv": "a file",
    "/club/claims/file/template.csv": "a file",
    "/referral-lists/{list_id:uuid}/families.xlsx": "a file",
    "/referral-lists/{list_id:uuid}/families.csv": "a file",
    "/allocation-runs/{run_id:uuid}/plan.csv": "a file",
    "/allocation-runs/{run_id:uuid}/families.csv": "a file",
    "/received-lists/template.xlsx": "a file",
    "/received-lists/template.csv": "a file",
    "/seasons/stays.csv": "a file",
    "/seasons/{season_id:uuid}/waiting-list/file.csv": "a file",
    "/answer/{secret:str}/cancel": "leads to the offer until it is accepted: `tests/browser/test_offers.py`",
    "/seasons/{season_id:uuid}/travel-costs.csv": "a file",
    "/stays/{stay_id:uuid}/manifest.pdf": "a file",
    "/stays/{stay_id:uuid}/packing.pdf": "a file",
    "/holidays-report/{year:int}/report.csv": "a file",
    "/holidays-report/{year:int}/report.pdf": "a file",
    "/eligibility/refreshes": "leads to the history",
    "/seasons/{season_id:uuid}/board/changes": "parts of the board: `tests/allocation/test_board_pages.py`",
    "/search/found": "leads to the search where nothing was sought; `tests/browser/test_household.py` looks at it",
    "/{path:path}": "nothing stands there: the page that says so is in `tests/browser/test_service.py`",
}
"""What is read by GET and is no page."""

SUBJECTS: Final = {
    "people/{membership_id:uuid}": "SELECT id FROM directory.membership WHERE tenant_id = :tenant AND ended_at IS NULL",
    "organisations/{organisation_id:uuid}": """SELECT id FROM directory.organisation
        WHERE tenant_id = :tenant AND kind = 'service'""",
    "tokens/{token_id:uuid}": """SELECT id FROM directory.api_token
        WHERE tenant_id = :tenant AND organisation_id IS NULL""",
    "family/{family_id:uuid}": "SELECT id FROM person WHERE tenant_id = :tenant OFFSET 1",
    "runs/{run_id:uuid}": "SELECT id FROM job_run WHERE tenant_id = :tenant ORDER BY result IS NULL, due_at",
    "jobs/{job:str}": "SELECT 'letters'",
    "imports/{import_id:uuid}": "SELECT id FROM register_import WHERE tenant_id = :tenant ORDER BY state <> 'held'",
    "passes/{pass_id:uuid}": "SELECT id FROM leisure_pass WHERE tenant_id = :tenant ORDER BY state <> 'live', id",
    "batches/{number:int}": "SELECT number FROM print_batch WHERE tenant_id = :tenant ORDER BY number",
    "letters/{letter_id:uuid}": "SELECT id FROM letter WHERE tenant_id = :tenant ORDER BY state <> 'returned', id",
    "dry-runs/{order_id:uuid}": "SELECT id FROM job_run WHERE tenant_id = :tenant AND job = 'eligibility.refresh'",
    "refreshes/{run_id:uuid}": "SELECT id FROM refresh_run WHERE tenant_id = :tenant ORDER BY state <> 'held', id DESC",
    "children/{person_key:uuid}": "SELECT person_id FROM determination WHERE tenant_id = :tenant ORDER BY id",
    "determinations/{determination_id:uuid}": "SELECT id FROM determination WHERE tenant_id = :tenant ORDER BY id",
    "schemes/{name:str}": "SELECT 'fritidspas'",
    "versions/{number:int}": "SELECT 1",
    "persons/{person_key:uuid}": "SELECT person_id FROM leisure_pass WHERE tenant_id = :tenant ORDER BY id",
    "households/{household_id:uuid}": """SELECT household_id FROM household_member m JOIN leisure_pass p
        USING (tenant_id, person_id) WHERE tenant_id = :tenant ORDER BY p.id""",
    "child/{person_key:uuid}": """SELECT person_id FROM determination d WHERE tenant_id = :tenant
        AND outcome = 'needs_review' AND ended_at IS NULL
        AND NOT EXISTS (SELECT FROM leisure_pass p WHERE p.person_id = d.person_id) ORDER BY id""",
    "clubs/{code:str}": "SELECT code FROM directory.tenant WHERE id = :tenant",
    "clubs/{club_id:uuid}": "SELECT id FROM club WHERE tenant_id = :tenant ORDER BY state <> 'approved', id",
    "accounts/{payee_id:uuid}": "SELECT id FROM club_payee WHERE tenant_id = :tenant ORDER BY state <> 'proposed', id",
    "applications/{application_id:uuid}": "SELECT id FROM club_application WHERE tenant_id = :tenant",
    "activities/{activity_id:uuid}": "SELECT id FROM club_activity WHERE tenant_id = :tenant",
    "treasurers/{membership_id:uuid}": """SELECT id FROM directory.membership
        WHERE tenant_id = :tenant AND role = 'club_treasurer' AND ended_at IS NULL ORDER BY id""",
    "claims/{claim_id:uuid}": "SELECT id FROM claim WHERE tenant_id = :tenant ORDER BY state <> 'submitted', id",
    "terms/{name:str}": "SELECT 'fritidspas'",
    "budget/{scheme:str}/{year:int}": "SELECT 'fritidspas/2017'",
    "payments/runs/{run_id:uuid}": "SELECT id FROM payment_run WHERE tenant_id = :tenant",
    "payments/{payment_id:uuid}": "SELECT id FROM payment WHERE tenant_id = :tenant",
    "samples/{sample_id:uuid}": "SELECT id FROM sample_check WHERE tenant_id = :tenant",
    "checks/{sample_id:uuid}": "SELECT id FROM sample_check WHERE tenant_id = :tenant",
    "referrals/{referral_id:uuid}": "SELECT id FROM referral WHERE tenant_id = :tenant ORDER BY id",
    "parts/{referral_id:uuid}": "SELECT id FROM referral WHERE tenant_id = :tenant ORDER BY id DESC",
    "referral-cases/{case_id:uuid}": "SELECT id FROM referral_case WHERE tenant_id = :tenant ORDER BY id DESC",
    "referral-lists/{list_id:uuid}": "SELECT id FROM referral_list WHERE tenant_id = :tenant",
    "seasons/{season_id:uuid}": "SELECT id FROM season",
    "stays/{stay_id:uuid}": "SELECT id FROM stay",
    "allocation-runs/{run_id:uuid}": "SELECT id FROM allocation_run ORDER BY number DESC",
    "departures/{departure_id:uuid}": "SELECT id FROM departure",
    "districts/{district_id:uuid}": "SELECT id FROM district",
    "centres/{centre_id:uuid}": "SELECT id FROM centre",
    "volunteers/{volunteer_id:uuid}": "SELECT id FROM volunteer",
    "offers/{offer_id:uuid}": "SELECT id FROM offer",
    "received-lists/{list_id:uuid}": "SELECT id FROM received_list",
    "issued/{act_id:uuid}": "SELECT id FROM review_act WHERE tenant_id = :tenant AND kind = 'on_the_spot'",
}
"""By what stands before a parameter and the parameter: a query for a row of that kind, the best one first.

Of several that fit the longest counts: `payments/runs/{run_id:uuid}` before `runs/{run_id:uuid}`.
"""

_ASKED: Final = {"/claims/{claim_id:uuid}/rejection": "?why=other"}
"""What pages are asked with that show nothing otherwise."""

_VIEWERS: Final = {"/profile/second-factor": "guarded"}
"""Pages that not everybody sees who may."""

_PARAMETER: Final = re.compile(r"[^/{}]+((?:/\{[^}]+\})+)")


class Page(msgspec.Struct, frozen=True):
    """A page by the path of its route, and who looks at it: `nobody`, `halfway`, `staff`, `guarded` or a role."""

    path: str
    viewer: str


def viewer_of(permission: str | None) -> str:
    """Somebody who may see a page with this permission."""
    if permission == "public":
        return "nobody"
    if permission == "halfway":
        return "halfway"
    row = PERMISSIONS.get(str(permission))
    if row is None or set(row.roles) & set(STAFF):
        return "staff"
    return row.roles[0]


def _pages() -> list[Page]:
    found = {"/": "staff", "/schema": "nobody"}
    for door in DOORS:
        for route in door.ROUTES:
            assert isinstance(route, HTTPRouteHandler)
            if "GET" in route.http_methods:
                found |= {path: viewer_of(route.opt.get("permission")) for path in sorted(route.paths)}
    shown = [path for path in found if not path.startswith("/api/") and path not in NO_PAGES]
    return [Page(path, _VIEWERS.get(path) or found[path]) for path in shown]


PAGES: Final = _pages()


class Unknown(Exception):
    """A page of something of which no row is known."""


def address_of(path: str, connection: Connection, tenant: UUID, secrets: Mapping[str, str] | None = None) -> str:
    """The page's address with a row of the tenant's for every parameter; `secrets` by path, where one is needed.

    Raises Unknown where `SUBJECTS` has no such parameter, or its query finds nothing.
    """

    def filled(match: re.Match[str]) -> str:
        known = [one for one in SUBJECTS if path[: match.end()].endswith(f"/{one}")]
        if not known:
            raise Unknown(f"{path}: say in SUBJECTS of tests/every_page/pages.py how a row of {match[0]} is found")
        row: Any = connection.execute(text(SUBJECTS[max(known, key=len)]), {"tenant": tenant}).scalar()
        if row is None:
            raise Unknown(f"{path}: no row of {match[0]}; tests/every_page/town.py must make one")
        return f"{match[0].partition('{')[0]}{row}"

    return (secrets or {}).get(path) or _PARAMETER.sub(filled, path) + _ASKED.get(path, "")
