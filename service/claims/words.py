"""What stands on claims in words: states, and why a claim was decided or left as it was, with what to do."""

from service.errors import N_

STATES = {
    "submitted": N_("Waits for the municipality"),
    "approved": N_("Approved"),
    "rejected": N_("Rejected"),
    "in_payment": N_("Being paid"),
    "paid": N_("Paid"),
    "returned": N_("The payment came back"),
    "withdrawn": N_("Withdrawn"),
}

RESERVATION_STATES = {
    "held": N_("held for the club"),
    "claimed": N_("claimed"),
    "released": N_("given back"),
    "expired": N_("expired"),
}

KINDS = {"membership": N_("Membership"), "equipment": N_("Equipment")}
SHARE_PAID_BY = {
    "family": N_("the family"),
    "club": N_("the club, which waives it"),
    "fund": N_("a fund or somebody else"),
}

REASONS = {
    "no_pass_for_season": N_("The child has no pass for a season that begins on this day."),
    "too_late": N_("Claims for this season are not taken any more: the deadline is over."),
    "no_equipment": N_("This pass does not pay for equipment."),
    "nothing_left": N_("Nothing is left on the pass."),
    "other_club": N_("The pass is used at another club already, and may be used at one club only."),
    "kind_excluded": N_("The pass does not pay for this kind of activity."),
    "too_few_sessions": N_("The season has fewer sessions than the municipality asks for."),
    "name_differs": N_("The name is not the one on the pass."),
    "duplicate_suspected": N_("The club has claimed this activity for the child in this season before."),
    "sessions_unknown": N_("The number of sessions is missing."),
    "activity_unknown": N_("The activity is none that the club offers, so its kind is not known."),
    "many_members": N_("A large share of the club's members have passes."),
    "budget_stopped": N_("The municipality's budget of the year is used up."),
    "wrong_child": N_("The pass is another child's."),
    "not_a_member": N_("The child was no member in this season."),
    "left_early": N_("The child left before the season began."),
    "not_covered": N_("The fee is for something that the pass does not pay for."),
    "double": N_("The same fee was claimed twice."),
    "other": N_("Another reason, which the municipality has written."),
}
"""Every reason of the rules and of case workers, as the club reads it."""

WHAT_TO_DO = {
    "no_pass_for_season": N_("Ask the family for the pass of the period in which the season begins."),
    "too_late": N_("Claim sooner next time; write to the municipality if there was a reason."),
    "no_equipment": N_("Claim the membership fee instead."),
    "nothing_left": N_("The family pays the fee, unless the club or a fund does."),
    "other_club": N_("The family pays the fee, unless the club or a fund does."),
    "kind_excluded": N_("The family pays the fee, unless the club or a fund does."),
    "too_few_sessions": N_("Correct the number of sessions if it is wrong, and claim again."),
    "name_differs": N_("Nothing: a case worker compares the names. Withdraw the claim if it is the wrong pass."),
    "duplicate_suspected": N_("Nothing if it is right; else withdraw it."),
    "sessions_unknown": N_("Nothing: a case worker may ask. Next time write how many sessions the season has."),
    "activity_unknown": N_("Add the activity to what the club offers, so that the next claim is decided at once."),
    "many_members": N_("Nothing: a case worker looks at it."),
    "budget_stopped": N_("Nothing: the municipality decides when there is money again."),
}
"""What the club can do about it; for the reasons of case workers stands what they wrote."""

PRESETS = {
    "no_pass_for_season": N_(
        "Ask the family for the pass of the period in which the season begins, and claim with it."
    ),
    "too_late": N_("The deadline for this season is over. Write to us if there was a reason for the delay."),
    "no_equipment": N_("This pass does not pay for equipment. Claim the membership fee instead."),
    "nothing_left": N_("Nothing is left on the pass. The fee has to be paid in another way."),
    "other_club": N_("The pass is used at another club already. The fee has to be paid in another way."),
    "kind_excluded": N_("The pass does not pay for this kind of activity. The fee has to be paid in another way."),
    "too_few_sessions": N_("The season is too short. Correct the number of sessions if it is wrong, and claim again."),
    "wrong_child": N_("The name is not that of the child with this pass. Compare it with the pass, and claim again."),
    "not_a_member": N_("The child is not among your members in this season. Enrol the child first, and claim then."),
    "left_early": N_("The child left before the season began, so there is no fee that the pass can pay."),
    "not_covered": N_("The pass pays membership and activity fees alone. Claim these without what is beside them."),
    "double": N_("You have claimed this fee before. You need not do anything."),
    "other": "",
}
"""What a case worker tells the club to do, to begin with, by the reason for which a claim is rejected."""

BUDGET_LEVELS = {
    "none": N_("No budget is set"),
    "ok": N_("Within the budget"),
    "warning": N_("Nearly used up"),
    "stopped": N_("Used up: claims wait"),
    "lifted": N_("Used up, the stop is lifted"),
}

TERMS = {
    "claim_days": N_("Days after the pass's last day in which claims are taken"),
    "reservation_days": N_("Days that a reservation holds"),
    "min_sessions": N_("Least number of sessions in a season"),
    "most_pass_percent": N_("Highest share of a club's members with a pass, in percent"),
    "excluded_kinds": N_("Kinds of activity that passes do not pay for"),
}

HABITS = {
    "payment_day": N_("Day of the month on which claims are paid"),
    "cutoff_days": N_("Days before it on which the last decisions are taken along"),
    "decision_days": N_("Days within which a case worker decides"),
    "names_days": N_("Days after the payment for which the club sees the name"),
}

BUDGET_PARTS = {
    "appropriation": N_("Set aside"),
    "expected": N_("Expected in the end"),
    "spent": N_("Paid"),
    "committed": N_("Approved"),
    "waiting": N_("Waiting"),
    "reserved": N_("Reserved"),
    "this_year": N_("This year"),
    "year_before": N_("The year before"),
}
