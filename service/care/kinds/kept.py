"""What has no retention period."""

_OF_THE_TRAIL = "The trail proves who did what for as long as there is a trail. It has ids and codes, no names."
_WHO_IS_MEANT = "Ids, states, dates and amounts for statistics and accounts. Whom they mean goes with the person."
_OF_NOBODY = "Settings, counts and runs; nothing in it is about a person of the register."
_OF_CLUBS = "What clubs are, offer and are paid: the accounts. Of children it has the id of the pass or the claim."
_OF_STAFF = "Of the people who sign in; it goes with their second factor."
_OF_OFFERS = "What an organisation offers and who helps; nothing in it is about a family."
_OF_LISTS = "How many families a list had, and when it came. The families themselves go with the season's names."
_OF_PLANS = "How a season was planned: points, draw and counts of changes. No family stands in it."
_OF_ACCOUNTS = "The account of a season: counts by municipality and stay, kept for good."

KEPT = {
    "audit_entry": _OF_THE_TRAIL,
    "audit_seal": _OF_THE_TRAIL,
    "audit_sealed": _OF_THE_TRAIL,
    "budget": _OF_NOBODY,
    "budget_used": _OF_NOBODY,
    "centre": _OF_OFFERS,
    "centre_room": _OF_OFFERS,
    "claim_settings": _OF_NOBODY,
    "claim_terms": _OF_NOBODY,
    "club_activity": _OF_CLUBS,
    "club_agreement": _OF_NOBODY,
    "club_payee": _OF_CLUBS,
    "club_register_entry": _OF_CLUBS,
    "club_settings": _OF_NOBODY,
    "departure": _OF_OFFERS,
    "district": _OF_OFFERS,
    "district_municipality": _OF_OFFERS,
    "ended_notice": _WHO_IS_MEANT,
    "fallback_offer": _OF_OFFERS,
    "household_member": "Who lives where now: the next extract says when that is over.",
    "job_run": _OF_NOBODY,
    "job_time": _OF_NOBODY,
    "leisure_pass": _WHO_IS_MEANT,
    "letter_settings": _OF_NOBODY,
    "offer_settings": _OF_OFFERS,
    "offered_stay": _OF_OFFERS,
    "packing_text": _OF_OFFERS,
    "parameter_version": _OF_NOBODY,
    "pass_entry": _WHO_IS_MEANT,
    "pass_letter": _WHO_IS_MEANT,
    "payee_reference": _OF_CLUBS,
    "payment": _OF_CLUBS,
    "payment_claim": _OF_CLUBS,
    "payment_date": _OF_NOBODY,
    "payment_run": _OF_CLUBS,
    "payment_settings": _OF_NOBODY,
    "print_batch": _OF_NOBODY,
    "private_code": _WHO_IS_MEANT,
    "received_list": _OF_LISTS,
    "recovery": _OF_CLUBS,
    "recovery_code": _OF_STAFF,
    "recovery_use": _OF_CLUBS,
    "referral_list": _OF_LISTS,
    "refresh_run": _OF_NOBODY,
    "report_settings": _OF_NOBODY,
    "retention_rule": _OF_NOBODY,
    "retention_run": _OF_NOBODY,
    "review_decision": _WHO_IS_MEANT,
    "run_waiting": _OF_CLUBS,
    "scheme": _OF_NOBODY,
    "season_account": _OF_ACCOUNTS,
    "season_board": _OF_PLANS,
    "season_closing": _OF_ACCOUNTS,
    "season_draw": _OF_PLANS,
    "season_municipality": _OF_OFFERS,
    "season_weights": _OF_PLANS,
    "second_factor": _OF_STAFF,
    "status_entry": _OF_CLUBS,
    "status_file": _OF_CLUBS,
    "stay": _OF_OFFERS,
    "stay_role": _OF_OFFERS,
    "travel_charge": "What municipalities pay for seats: counts and amounts, and no family.",
    "travel_settings": _OF_NOBODY,
}
"""The tables of case data that no rule takes, and why. A new table has a rule above or a reason here."""
