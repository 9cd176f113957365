"""The trail in words: what was done, through which door, to what, by whom, and the details.

The code writes short names into the trail, which never change; people read these sentences. Every action that the code
records stands here (tests/audit/test_words.py).
"""

from collections.abc import Mapping
from typing import Any, Final

from service.audit.queries import Actors, Entry
from service.errors import N_, Text, Translate

ACTIONS: Final = {
    "audit.family.export": N_("Took the reads and changes of a family as a file"),
    "audit.family.find": N_("Looked a family up in the audit trail"),
    "audit.family.read": N_("Saw the reads and changes of a family"),
    "audit.list": N_("Searched the audit trail"),
    "care.keys.reencrypt": N_("Encrypted data with a newer key"),
    "care.keys.retire": N_("Took an encryption key out of use for good"),
    "care.keys.rotate": N_("Added an encryption key"),
    "care.retention": N_("Erased data whose retention was over"),
    "care.retention.set": N_("Set how long data are kept"),
    "eligibility.approve": N_("Approved a refresh that was held"),
    "eligibility.determinations.read": N_("Saw a list of determinations"),
    "eligibility.explain": N_("Saw the calculation of a determination"),
    "eligibility.export": N_("Took the determinations as a file"),
    "eligibility.parameters.set": N_("Set a scheme's parameters"),
    "eligibility.refresh": N_("Determined the children by a refresh"),
    "eligibility.refresh.held": N_("Ran a refresh that was held for approval"),
    "households.contact.end": N_("Took off who follows a household"),
    "households.contact.set": N_("Named who follows a household"),
    "households.note": N_("Noted something on a household"),
    "households.read": N_("Saw a household's page"),
    "households.search": N_("Looked for a family"),
    "households.unmask": N_("Had something protected of a household shown"),
    "identity.invitation.accept": N_("Accepted an invitation"),
    "identity.invitation.renew": N_("Sent an invitation again"),
    "identity.invitation.send": N_("Invited somebody"),
    "identity.invitation.withdraw": N_("Withdrew an invitation"),
    "identity.member.add": N_("Gave somebody a role"),
    "identity.member.end": N_("Ended somebody's role"),
    "identity.member.export": N_("Took the list of people as a file"),
    "identity.member.leave": N_("Gave a role of their own back"),
    "identity.member.review": N_("Confirmed roles in the access review"),
    "identity.municipality.add": N_("Added the municipality"),
    "identity.organisation.add": N_("Added a service or club"),
    "identity.organisation.end": N_("Ended a service or club"),
    "identity.second_factor.codes": N_("Made new recovery codes"),
    "identity.second_factor.remove": N_("Removed their own second factor"),
    "identity.second_factor.reset": N_("Reset somebody's second factor"),
    "identity.second_factor.set": N_("Set up their own second factor"),
    "identity.sign_in": N_("Signed in to Medspiller"),
    "identity.sign_in_link.make": N_("Made a link to sign in with"),
    "identity.sign_out.everywhere": N_("Signed out everywhere"),
    "identity.token.make": N_("Made a token"),
    "identity.token.revoke": N_("Revoked a token"),
    "jobs.order": N_("Ordered work"),
    "jobs.pause": N_("Paused a job"),
    "jobs.resume": N_("Let a job run again"),
    "jobs.run": N_("Had a job run"),
    "jobs.set": N_("Moved a job in the timetable"),
    "letters.address": N_("Corrected the address of a letter"),
    "letters.again": N_("Had a returned letter sent again"),
    "letters.counter": N_("Printed a letter at the counter"),
    "letters.download": N_("Took the letters of a print batch as a file"),
    "letters.hand_over": N_("Handed a print batch over"),
    "letters.read": N_("Saw a letter: to whom and where it went"),
    "letters.render": N_("Rendered the letters of a print batch"),
    "letters.returned": N_("Noted that a letter came back"),
    "passes.issue": N_("Issued the passes of a refresh"),
    "passes.list": N_("Saw a list of passes, or took it as a file"),
    "passes.on_the_spot": N_("Issued a pass on the spot"),
    "passes.on_the_spot.find": N_("Looked for a child to issue a pass to on the spot"),
    "passes.on_the_spot.read": N_("Saw a child to issue a pass to on the spot"),
    "passes.read": N_("Saw a pass"),
    "passes.replace": N_("Replaced a pass"),
    "passes.revoke": N_("Revoked a pass"),
    "register.import": N_("Imported a register extract"),
    "register.import.confirm": N_("Confirmed an import that was held"),
    "register.import.held": N_("Imported a register extract that was held"),
    "register.person.read": N_("Saw a person's page"),
    "register.person.unmask": N_("Had something protected of a person shown"),
    "review.export": N_("Took the review queue as a file"),
    "review.choose": N_("Saw an undecided child to decide about"),
    "review.invite": N_("Invited families to apply"),
    "review.leave": N_("Left undecided children aside"),
    "review.read": N_("Saw the review queue"),
    "review.take_back": N_("Took children into the review queue again"),
    "review.yes": N_("Decided that undecided children are entitled"),
    "review.yes.approve": N_("Approved a decision about many children"),
    "review.yes.held": N_("Decided about many children, to be approved"),
    "review.yes.withdraw": N_("Withdrew a decision about many children"),
    "reporting.report": N_("Made or saw a report"),
    "reporting.settings": N_("Set under which count reports hide a figure"),
}
"""What was done, by action."""

DOORS: Final = {
    "page": N_("a page"),
    "api": N_("the API"),
    "command": N_("the command line"),
    "job": N_("a job"),
}
"""How it was done."""

SUBJECTS: Final = {
    "account": N_("account"),
    "audit_entry": N_("audit trail"),
    "determination": N_("determination"),
    "household": N_("household"),
    "invitation": N_("invitation"),
    "job": N_("job"),
    "job_run": N_("run of a job"),
    "leisure_pass": N_("pass"),
    "letter": N_("letter"),
    "membership": N_("role"),
    "organisation": N_("service or club"),
    "parameter_version": N_("parameters"),
    "person": N_("person"),
    "print_batch": N_("print batch"),
    "refresh_run": N_("refresh"),
    "register_import": N_("import"),
    "retention_run": N_("erasure"),
    "review_act": N_("decision"),
    "scheme": N_("scheme"),
    "tenant": N_("municipality or organisation"),
    "token": N_("token"),
}
"""To what it was done."""

_DETAILS: Final = {
    "action": N_("action"),
    "amounts": N_("with amounts"),
    "by": N_("found by"),
    "counts": N_("counts"),
    "decisions": N_("awards"),
    "district": N_("district"),
    "door": N_("through"),
    "end": N_("to"),
    "evidence": N_("evidence"),
    "ended_letters": N_("letters that a pass is not given again"),
    "entries": N_("entries"),
    "file": N_("file"),
    "filters": N_("filters"),
    "found": N_("found"),
    "households": N_("households"),
    "in_force": N_("in force"),
    "incomes": N_("incomes"),
    "item": N_("shown"),
    "job": N_("job"),
    "key": N_("key"),
    "kind": N_("kind"),
    "letters": N_("letters"),
    "letters_queued": N_("letters queued"),
    "members": N_("roles"),
    "method": N_("how"),
    "months": N_("months"),
    "number": N_("number"),
    "on": N_("as of"),
    "origin": N_("how it came about"),
    "outcome": N_("outcome"),
    "passes_issued": N_("passes issued"),
    "passes_revoked": N_("passes revoked"),
    "period_start": N_("period from"),
    "person_key": N_("person"),
    "persons": N_("persons"),
    "reason": N_("reason"),
    "reasons": N_("reasons"),
    "rejected": N_("rejected"),
    "role": N_("role"),
    "rows": N_("rows"),
    "scheme": N_("scheme"),
    "scopes": N_("scopes"),
    "start": N_("from"),
    "state": N_("state"),
    "threshold": N_("threshold"),
    "unchanged": N_("unchanged"),
    "used": N_("used"),
    "warnings": N_("warnings"),
    "what": N_("kind of data"),
    "too_young": N_("younger than the scheme's children"),
    "too_old": N_("older than the scheme's children"),
    "decision": N_("an award made elsewhere"),
    "area": N_("lives in an area that is covered whole"),
    "household_uncertain": N_("the household is uncertain"),
    "no_provider": N_("the register names no provider"),
    "income_implausible": N_("an income is implausible"),
    "income_above_limit": N_("the income is above the limit"),
    "income_missing": N_("an income is missing"),
    "income_within_limit": N_("the income is within the limit"),
}
_VALUES: Final = {
    "address": N_("address"),
    "claims": N_("from the sign-in provider"),
    "command": N_("by a link of the operator"),
    "email": N_("by a link in an e-mail"),
    "figures": N_("incomes and limits"),
    "household": N_("household"),
    "identity_number": N_("identity number"),
    "incomes": N_("incomes"),
    "invitation": N_("by an invitation"),
    "name": N_("name"),
    "pass_number": N_("pass number"),
    "provider": N_("with a sign-in provider"),
}
_ROLES: Final = {
    "administrator": N_("administrator"),
    "auditor": N_("auditor"),
    "case_worker": N_("case worker"),
    "club_treasurer": N_("club treasurer"),
    "coordinator": N_("coordinator"),
    "finance_officer": N_("finance officer"),
    "referrer": N_("referrer"),
    "volunteer": N_("volunteer"),
}
_WORDED: Final = ("by", "item", "method", "origin")
_NOT_SAID: Final = ("token", "shown")
"""A system is told as who acted; the keys of the persons that a search showed are for those who ask about a family."""
_YES, _NO = N_("yes"), N_("no")


_NOBODY: Final = {"job": N_("the timetable"), "command": N_("the operator")}


def who(entry: Entry, known: Actors, translate: Translate) -> str:
    """Who acted: a person or a system by name, or what did where nobody did in person."""
    token = entry.details.get("token")
    if token is not None:
        name = known.systems.get(str(token))
        if name is None:
            return translate(N_("a system of another place"))
        return Text(N_("the system {name}"), {"name": name}).said(translate)
    if entry.account_id is not None:
        found = known.people.get(entry.account_id)
        return found[0] if found else translate(N_("somebody without a role here"))
    return translate(_NOBODY.get(entry.door, N_("nobody in person")))


def what(action: str) -> str:
    """What was done, in English for the catalogues; the short name where the code that wrote it is no more."""
    return ACTIONS.get(action, action)


def details_said(details: Mapping[str, Any], translate: Translate) -> list[str]:
    """The details as `label: value`; the token is told as who acted. What has no word is shown as it was written."""
    return [
        f"{translate(_DETAILS.get(name, name))}: {_value(name, value, translate)}"
        for name, value in details.items()
        if name not in _NOT_SAID and value not in (None, {}, [])
    ]


def _value(name: str, value: Any, translate: Translate) -> str:
    if isinstance(value, bool):
        return translate(_YES if value else _NO)
    if isinstance(value, dict):
        return ", ".join(
            f"{translate(_DETAILS.get(str(key), str(key)))}: {_value(str(key), one, translate)}"
            for key, one in value.items()
        )
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    if name == "action":
        return translate(what(str(value)))
    if name == "role":
        return translate(_ROLES.get(str(value), str(value)))
    if name == "door":
        return translate(DOORS.get(str(value), str(value)))
    return translate(_VALUES[value]) if name in _WORDED and value in _VALUES else str(value)
