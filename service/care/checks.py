"""Every slice's checks together: what `medspiller database check` and the nightly job verify."""

from service.account import checks as account_checks
from service.audit import checks as audit_checks
from service.claims import checks as claim_checks
from service.clubs import checks as club_checks
from service.eligibility import checks as eligibility_checks
from service.offers import checks as offer_checks
from service.passes import checks as pass_checks
from service.payments import checks as payment_checks
from service.referrals import checks as referral_checks
from service.register import checks as register_checks
from service.stays import checks as stay_checks
from service.travel import checks as travel_checks

CHECKS = (
    *register_checks.CHECKS,
    *eligibility_checks.CHECKS,
    *pass_checks.CHECKS,
    *club_checks.CHECKS,
    *claim_checks.CHECKS,
    *payment_checks.CHECKS,
    *stay_checks.CHECKS,
    *referral_checks.CHECKS,
    *offer_checks.CHECKS,
    *travel_checks.CHECKS,
    *account_checks.CHECKS,
    *audit_checks.CHECKS,
)
unsealed = audit_checks.unsealed
