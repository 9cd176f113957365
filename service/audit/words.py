"""The trail in words: what was done, through which door, to what, by whom, and the details.

The code writes short names into the trail, which never change; people read these sentences. Every action that the code
records stands here (tests/audit/test_words.py).
"""

from collections.abc import Mapping
from typing import Any, Final

from service.audit.queries import Actors, Entry
from service.errors import N_, Text, Translate

ACTIONS: Final = {
    "account.close": N_("Closed the account of a season"),
    "account.names": N_("Set how long the names of a season are kept"),
    "account.report": N_("Saw the report of a year's holidays"),
    "audit.family.export": N_("Took the reads and changes of a family as a file"),
    "audit.family.find": N_("Looked a family up in the audit trail"),
    "audit.family.read": N_("Saw the reads and changes of a family"),
    "audit.list": N_("Searched the audit trail"),
    "care.keys.reencrypt": N_("Encrypted data with a newer key"),
    "care.keys.retire": N_("Took an encryption key out of use for good"),
    "care.keys.rotate": N_("Added an encryption key"),
    "care.retention": N_("Erased data whose retention was over"),
    "care.retention.set": N_("Set how long data are kept"),
    "clubs.account.approve": N_("Approved an account of a club"),
    "clubs.account.propose": N_("Proposed an account of a club"),
    "clubs.account.reject": N_("Rejected an account of a club"),
    "clubs.account.stop": N_("Stopped an account of a club before its day"),
    "clubs.account.withdraw": N_("Withdrew an account that was proposed"),
    "clubs.activity.add": N_("Added what a club offers"),
    "clubs.activity.change": N_("Changed what a club offers"),
    "clubs.activity.end": N_("Took off what a club offers"),
    "clubs.add": N_("Approved a club"),
    "clubs.agreement.accept": N_("Accepted the agreement for a club"),
    "clubs.agreement.set": N_("Changed what clubs agree to"),
    "clubs.application.approve": N_("Approved a club's application"),
    "clubs.application.make": N_("Applied for a club"),
    "clubs.application.reject": N_("Rejected a club's application"),
    "clubs.change": N_("Changed a club's data"),
    "clubs.end": N_("Ended a club"),
    "clubs.list": N_("Took the list of clubs as a file"),
    "clubs.register.import": N_("Imported the register of clubs"),
    "clubs.reinstate": N_("Lifted a club's suspension"),
    "clubs.settings.set": N_("Set how the municipality deals with clubs"),
    "clubs.suspend": N_("Suspended a club"),
    "claims.approve": N_("Approved a club's claim"),
    "claims.budget.lift": N_("Lifted the stop of a year's budget"),
    "claims.budget.set": N_("Set a year's budget"),
    "claims.check": N_("Checked what a pass pays"),
    "claims.habits.set": N_("Set how claims are paid"),
    "claims.list": N_("Saw a list of claims, or took it as a file"),
    "claims.payment_date.add": N_("Added a payment date"),
    "claims.payment_date.remove": N_("Took back a payment date"),
    "claims.read": N_("Saw a claim"),
    "claims.reject": N_("Rejected a club's claim"),
    "claims.reservation.expire": N_("Ended a reservation whose last day was over"),
    "claims.reservation.release": N_("Gave back what was reserved on a pass"),
    "claims.reservations.list": N_("Saw a list of reservations"),
    "claims.reserve": N_("Reserved an amount on a pass"),
    "claims.submit": N_("Claimed a fee from a pass"),
    "claims.terms.set": N_("Set a scheme's terms for claims"),
    "claims.withdraw": N_("Withdrew a claim"),
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
    "payments.file.download": N_("Took a file of a payment run"),
    "payments.recover": N_("Noted an over-payment of a club"),
    "payments.reject": N_("Noted a payment as rejected"),
    "payments.retry": N_("Allowed another try to the same account"),
    "payments.run.approve": N_("Approved a payment run"),
    "payments.run.cancel": N_("Cancelled a payment run"),
    "payments.run.create": N_("Made a payment run"),
    "payments.run.release": N_("Released a payment run"),
    "payments.run.renew": N_("Renewed a payment run"),
    "payments.run.void": N_("Found the approval of a payment run void"),
    "payments.sample.answer": N_("Answered a check by lot"),
    "payments.sample.ask_again": N_("Asked a club once more in a check by lot"),
    "payments.sample.close": N_("Closed a check by lot"),
    "payments.sample.draw": N_("Drew claims to be checked by lot"),
    "payments.settings.set": N_("Set from which account is paid"),
    "payments.settle": N_("Noted a payment as settled"),
    "payments.status.read": N_("Read a file of the bank"),
    "payments.status.seen": N_("Looked at an entry of a bank's file"),
    "referrals.answer": N_("Answered a question about a referral"),
    "referrals.approve": N_("Approved a referred family, with its need"),
    "referrals.change": N_("Changed a referral"),
    "referrals.decide": N_("Rejected a referred family, or opened its case again"),
    "referrals.drop": N_("Threw the draft of a referral away"),
    "referrals.hand_over": N_("Handed the list of families over"),
    "referrals.join": N_("Joined two cases to one family"),
    "referrals.keep": N_("Kept the draft of a referral"),
    "referrals.keep_apart": N_("Said that two cases are two families"),
    "referrals.lead": N_("Chose from which referral the list is made"),
    "referrals.list": N_("Saw the families referred for a season"),
    "referrals.list.export": N_("Took a list of families as a file"),
    "referrals.list.read": N_("Saw a list that was handed over"),
    "referrals.look": N_("Looked at what was new about a decided family"),
    "referrals.look_up": N_("Looked a family up by a number to refer it"),
    "referrals.read": N_("Saw the case of a referred family"),
    "referrals.send": N_("Referred a family"),
    "referrals.send_back": N_("Sent a referral back with a question"),
    "referrals.start": N_("Began a referral"),
    "referrals.withdraw": N_("Noted that a family withdrew its consent"),
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
    "stays.centre": N_("Added or changed a centre"),
    "stays.district": N_("Added or changed a district"),
    "stays.double": N_("Said whether two families have the same child"),
    "stays.fallback.add": N_("Added a fall-back offer"),
    "stays.fallback.remove": N_("Took a fall-back offer back"),
    "stays.import": N_("Took stays from a file"),
    "stays.list.confirm": N_("Confirmed that a list had come"),
    "stays.list.read": N_("Saw a list that had come"),
    "stays.list.take_over": N_("Took a list over from a spreadsheet"),
    "stays.municipality": N_("Added a municipality to a district"),
    "stays.role.ask": N_("Asked a volunteer for a role, or took one off"),
    "stays.role.confirm": N_("Confirmed a volunteer's role"),
    "stays.role.drop": N_("Took a role off a stay"),
    "stays.role.need": N_("Named a role that a stay needs"),
    "stays.season.add": N_("Planned a season"),
    "stays.season.change": N_("Changed a season's name or dates"),
    "stays.season.close": N_("Took no more referrals for a season"),
    "stays.season.open": N_("Took referrals for a season again"),
    "stays.season.publish": N_("Published a season"),
    "stays.season.quota": N_("Set a municipality's quota"),
    "stays.stay.add": N_("Added a stay"),
    "stays.stay.cancel": N_("Cancelled a stay"),
    "stays.stay.change": N_("Changed a stay"),
    "stays.volunteer": N_("Added or changed a volunteer"),
    "stays.volunteer.certificate": N_("Noted that a police certificate was seen"),
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
    "claim": N_("claim"),
    "claim_terms": N_("terms for claims"),
    "club": N_("club"),
    "club_application": N_("application of a club"),
    "centre": N_("centre"),
    "determination": N_("determination"),
    "district": N_("district"),
    "household": N_("household"),
    "invitation": N_("invitation"),
    "job": N_("job"),
    "job_run": N_("run of a job"),
    "leisure_pass": N_("pass"),
    "letter": N_("letter"),
    "membership": N_("role"),
    "organisation": N_("service or club"),
    "parameter_version": N_("parameters"),
    "payment": N_("payment"),
    "payment_run": N_("payment run"),
    "recovery": N_("over-payment"),
    "sample_check": N_("check by lot"),
    "status_file": N_("file of the bank"),
    "person": N_("person"),
    "print_batch": N_("print batch"),
    "received_list": N_("list of families"),
    "referral": N_("referral"),
    "referral_case": N_("case of a referred family"),
    "referral_list": N_("list of families"),
    "refresh_run": N_("refresh"),
    "register_import": N_("import"),
    "retention_run": N_("erasure"),
    "reservation": N_("reservation"),
    "review_act": N_("decision"),
    "scheme": N_("scheme"),
    "season": N_("season"),
    "stay": N_("stay"),
    "tenant": N_("municipality or organisation"),
    "token": N_("token"),
    "volunteer": N_("volunteer"),
}
"""To what it was done."""

_DETAILS: Final = {
    "conflict": N_("settled after rejected"),
    "differs": N_("other amounts"),
    "unknown": N_("unknown references"),
    "known": N_("known already"),
    "pending": N_("not final yet"),
    "settled": N_("settled"),
    "total_ore": N_("amount in øre in all"),
    "payments": N_("payments"),
    "amount_ore": N_("amount in øre"),
    "accepted": N_("accepted"),
    "account_wait_days": N_("days that a new account waits"),
    "action": N_("action"),
    "amounts": N_("with amounts"),
    "appropriation_ore": N_("budget in øre"),
    "applications_open": N_("clubs may apply"),
    "before": N_("before"),
    "by": N_("found by"),
    "cache_days": N_("days that a register's answer counts"),
    "counts": N_("counts"),
    "cutoff": N_("decided by"),
    "cutoff_days": N_("days from decision to payment"),
    "days": N_("days"),
    "decision_days": N_("days to decide"),
    "decisions": N_("awards"),
    "district": N_("district"),
    "door": N_("through"),
    "added": N_("added"),
    "changed": N_("changed"),
    "end": N_("to"),
    "families": N_("families"),
    "evidence": N_("evidence"),
    "ended_letters": N_("letters that a pass is not given again"),
    "entries": N_("entries"),
    "fields": N_("fields"),
    "file": N_("file"),
    "filters": N_("filters"),
    "found": N_("found"),
    "hard_stop": N_("hard stop"),
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
    "names_days": N_("days for which names are shown"),
    "number": N_("number"),
    "on": N_("as of"),
    "origin": N_("how it came about"),
    "outcome": N_("outcome"),
    "passes_issued": N_("passes issued"),
    "passes_revoked": N_("passes revoked"),
    "payment_day": N_("day of payment"),
    "pays_on": N_("payment on"),
    "period_start": N_("period from"),
    "person_key": N_("person"),
    "persons": N_("persons"),
    "reason": N_("reason"),
    "reasons": N_("reasons"),
    "reduced": N_("less than asked for"),
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
    "version": N_("version"),
    "warnings": N_("warnings"),
    "withdrawn": N_("withdrawn"),
    "what": N_("kind of data"),
    "year": N_("year"),
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
