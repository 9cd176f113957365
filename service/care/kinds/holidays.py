"""Kinds of data of holidays: referrals, offers and what families need on a stay."""

from service.care.kinds.kind import ANONYMISE, ERASE, Kind, Step, day

_STAYS_OF_PAST = "SELECT t.id FROM stay t JOIN season s ON s.id = t.season_id WHERE {origin} <= :cut_off"

_OFFER_OVER = "SELECT o.id FROM offer o JOIN stay t ON t.id = o.stay_id WHERE {origin} < :cut_off"

_OFFER_ENDED = f"(o.state NOT IN ('open', 'accepted') AND {day('o.ended_at')} < :cut_off)"

# The names of a season go after so many days as its organisation has set, and not before its account is closed.
_NAMES_OVER = "names_erased_at IS NULL AND {origin} <= :cut_off"

# Asked what will be due on a later day, it is done as of that day and taken back.
_ERASED_NOW = """names_erased_at = greatest(CAST(:at AS timestamptz),
    (last_day + names_kept_days)::timestamp AT TIME ZONE :zone)"""

_ACCOUNT_KEPT = "EXISTS (SELECT FROM season_closing c WHERE c.season_id = season.id)"

_OF_ERASED = """season_id IN (SELECT id FROM season WHERE names_erased_at IS NOT NULL
    UNION ALL SELECT season_id FROM offered_season WHERE names_erased_at IS NOT NULL)"""

_OF_THEIR_REFERRALS = f"referral_id IN (SELECT id FROM referral WHERE {_OF_ERASED})"

_OF_THEIR_OFFERS = f"offer_id IN (SELECT id FROM offer WHERE {_OF_ERASED})"

# Of somebody who never was on a stay it counts from when they were added, which the id tells.
_LAST_STAY = f"""(SELECT coalesce(max(t.ends_on), {day("uuid_extract_timestamp(volunteer.id)")})
    FROM stay_role r JOIN stay t ON t.id = r.stay_id WHERE r.volunteer_id = volunteer.id)"""


def _by_function(table: str) -> Step:
    """Rows that are never changed, and that one function of the database erases with their season's names."""
    return Step(table, "", by=f"directory.erase_season_names('{table}', :most)")


KINDS = (
    Kind(
        what="offer_contacts",
        meaning="How families are reached about an offer of a holiday: its link and code, and addresses",
        way=ERASE,
        months=0,
        origins={"stay_end": "t.ends_on"},
        steps=(Step("offer_contact", f"offer_id IN ({_OFFER_OVER} OR {_OFFER_ENDED})"),),
    ),
    Kind(
        what="attendance",
        meaning="Who came to a stay, codes with which opinions are given, and what opinions say in words",
        way=ERASE,
        months=6,
        origins={"season_end": "s.last_day"},
        steps=(
            Step(
                "attendance",
                """offer_id IN (SELECT o.id FROM offer o JOIN season s ON s.id = o.season_id
                    WHERE {origin} <= :cut_off)""",
            ),
            Step("opinion_code", f"stay_id IN ({_STAYS_OF_PAST})"),
            Step("opinion", f"words <> '' AND stay_id IN ({_STAYS_OF_PAST})", "words = ''"),
        ),
    ),
    Kind(
        what="holiday_needs",
        meaning="What families that go on a holiday need there, and whom to call",
        way=ERASE,
        months=0,
        origins={"stay_end": "s.ends_on"},
        steps=(
            Step(
                "offer_needs",
                """offer_id IN (SELECT o.id FROM offer o JOIN stay s ON s.id = o.stay_id
                    WHERE {origin} + 14 <= :cut_off)""",
            ),
        ),
    ),
    Kind(
        what="season_names",
        meaning="Names, wishes, offers and referrals of the families of a season; its account stays",
        way=ERASE,
        months=0,
        origins={"names_go": "last_day + names_kept_days"},
        # First it is said of the season: what follows goes also where the run is killed, and what comes late goes next.
        steps=(
            Step("season", f"{_NAMES_OVER} AND {_ACCOUNT_KEPT}", _ERASED_NOW),
            Step("offered_season", _NAMES_OVER, _ERASED_NOW),
            Step("attendance", _OF_THEIR_OFFERS),
            Step("offer_needs", _OF_THEIR_OFFERS),
            Step("offer_contact", _OF_THEIR_OFFERS),
            Step("passed_over", _OF_THEIR_OFFERS),
            Step("offer_traveller", _OF_THEIR_OFFERS),
            _by_function("offer"),
            # A place is let go of only once no offer holds it.
            Step("placement", _OF_ERASED),
            _by_function("board_change"),
            Step("family_group_member", f"group_id IN (SELECT id FROM family_group WHERE {_OF_ERASED})"),
            Step("family_group", _OF_ERASED),
            Step("allocation_run", f"length(problem) > 0 AND {_OF_ERASED}", "problem = '', plan = ''"),
            Step("same_child", _OF_ERASED),
            Step("family_outcome", _OF_ERASED),
            *(_by_function(table) for table in ("received_wish", "received_traveller", "received_family")),
            Step("referral_traveller", _OF_THEIR_REFERRALS),
            Step("referral_wish", _OF_THEIR_REFERRALS),
            _by_function("referral_list_entry"),
            Step("case_verdict", f"first_id IN (SELECT id FROM referral_case WHERE {_OF_ERASED})"),
            Step("referral", _OF_ERASED),
            _by_function("referral_case"),
        ),
    ),
    Kind(
        what="volunteers",
        meaning="Names and contacts of volunteers who have not been on a stay since, and that a certificate was seen",
        way=ANONYMISE,
        months=36,
        origins={"last_stay": _LAST_STAY},
        steps=(
            Step(
                "volunteer",
                "name <> '' AND {origin} <= :cut_off",
                "name = '', phone = '', email = '', certificate_seen_on = NULL, certificate_seen_by = NULL",
            ),
        ),
    ),
    Kind(
        what="refusal_credits",
        meaning="That a child's family was refused a holiday, once no child of then is under age",
        way=ERASE,
        months=216,
        origins={"given": day("given_at")},
        steps=(Step("refusal_credit", "{origin} <= :cut_off"),),
    ),
)
