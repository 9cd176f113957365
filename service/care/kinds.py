"""What has a retention period: from when it counts, which rows are due, and how they go.

The order is that in which they go: incomes of those who were not entitled first. Conditions are SQL with the bind
parameters `cut_off` (a date: whatever is of that day or older is due), `zone` (the municipality's time zone) and `at`.
"""

import msgspec

ERASE, ANONYMISE = "erase", "anonymise"


class Step(msgspec.Struct, frozen=True):
    """Rows of a table that go; `change` is what they become, or empty where they are deleted.

    `due` may say `{origin}`: the date from which the period counts. Rows that a function of the database alone may
    erase have `by`: its call, which finds what is due itself and gives how many of at most `:most` went.
    """

    table: str
    due: str
    change: str = ""
    by: str = ""


class Files(msgspec.Struct, frozen=True):
    """Files in the home that go with rows: the name of each by SQL, and where they lie under it.

    `paths` may say `{code}`, the municipality's, and `{name}`. The condition is as that of a step.
    """

    names: str
    paths: tuple[str, ...]


class Kind(msgspec.Struct, frozen=True):
    """A kind of data. `origins` gives the SQL of each date from which its period may be counted, the preset first; it
    is empty where each table has its own.

    `locks` are those of the actions that must not run meanwhile.
    """

    what: str
    meaning: str
    way: str
    months: int
    origins: dict[str, str]
    steps: tuple[Step, ...]
    locks: tuple[str, ...] = ()
    files: Files | None = None


def _day(instant: str) -> str:
    return f"({instant} AT TIME ZONE :zone)::date"


_NO_FIGURES = """income_annual = NULL, income_final = NULL, income_advance = NULL, income_month_x12 = NULL,
    income_ore = NULL, limit_ore = NULL, award_percent = NULL, award_ground = NULL, anonymised_at = :at"""

_OF_RUN = "anonymised_at IS NULL AND run_id IN (SELECT id FROM refresh_run WHERE {origin} <= :cut_off)"

# A year whose incomes a running period was determined from is needed for the next refresh of that period.
_YEAR_IS_OVER = """{table}.year IN (SELECT income_year FROM refresh_run WHERE state = 'committed'
        GROUP BY income_year HAVING max({{origin}}) <= :cut_off)"""
_NOBODY_ENTITLED = """NOT EXISTS (
        SELECT FROM (
            SELECT person_id, household_id FROM household_member WHERE relation = 'provider'
            UNION ALL SELECT person_id, household_id FROM household_member_past WHERE relation = 'provider'
        ) AS m
        JOIN person p ON p.id = m.person_id
        JOIN determination d ON d.household_id = m.household_id AND d.outcome <> 'not_entitled'
        JOIN refresh_run r ON r.id = d.run_id
        WHERE p.identity_hash = {table}.identity_hash AND r.income_year = {table}.year)"""
# Of somebody who left it is not known any more whose provider they were once past rows are erased.
_STILL_KNOWN = """NOT EXISTS (SELECT FROM person p WHERE p.identity_hash = {table}.identity_hash
        AND p.ended_at IS NOT NULL
        AND NOT EXISTS (SELECT FROM household_member_past m WHERE m.person_id = p.id))"""

_DROPPED_SET = """{origin} <= :cut_off
    AND NOT EXISTS (SELECT FROM refresh_run r WHERE r.fact_set_id = fact_set.id AND r.state = 'held')"""

_OLD_IMPORTS = "SELECT id FROM register_import WHERE {origin} <= :cut_off"
_IMPORT_FILES = Files(
    "SELECT id::text FROM register_import WHERE {origin} <= :cut_off", ("imports/{name}/rejected.csv",)
)

_WAITING = "l.state IN ('queued', 'held_back', 'batched')"

# Whoever is in the register or may still use a pass or get a letter stays.
_ENDED_PERSON = f"""anonymised_at IS NULL AND {{origin}} <= :cut_off
    AND NOT EXISTS (SELECT FROM household_member m WHERE m.person_id = person.id)
    AND NOT EXISTS (SELECT FROM leisure_pass s WHERE s.person_id = person.id AND s.state = 'live'
        AND s.valid_to > :cut_off)
    AND NOT EXISTS (SELECT FROM leisure_pass s JOIN pass_letter c ON c.pass_id = s.id
        JOIN letter l ON l.id = c.letter_id
        WHERE s.person_id = person.id AND {_WAITING})
    AND NOT EXISTS (SELECT FROM ended_notice n JOIN letter l ON l.id = n.letter_id
        WHERE n.person_id = person.id AND {_WAITING})
    AND NOT EXISTS (SELECT FROM review_decision i JOIN letter l ON l.id = i.letter_id
        WHERE i.person_id = person.id AND {_WAITING})"""
_HASHES = f"identity_hash IN (SELECT identity_hash FROM person WHERE {_ENDED_PERSON})"
_PERSONS = f"IN (SELECT id FROM person WHERE {_ENDED_PERSON})"
# By word and person, as the index has them.
_TOKENS = f"""(token, person_id) IN (SELECT word COLLATE "C", id
    FROM person, unnest(name_tokens(given_name || ' ' || family_name)) AS word WHERE {_ENDED_PERSON})"""

_ENDED_HOUSEHOLD = f"""anonymised_at IS NULL AND {{origin}} <= :cut_off
    AND NOT EXISTS (SELECT FROM household_member m WHERE m.household_id = household.id)
    AND NOT EXISTS (SELECT FROM household_member_past m WHERE m.household_id = household.id)
    AND NOT EXISTS (SELECT FROM letter l WHERE l.household_id = household.id AND {_WAITING})"""

# What the timetable and the pages have rendered. A digest by which a batch is known to be delivered stays.
_PRINTED_FILES = Files(
    """SELECT format('batch-%s%s', lpad(number::text, greatest(5, length(number::text)), '0'),
        CASE WHEN protected THEN '-protected' END) FROM print_batch WHERE {origin} <= :cut_off""",
    tuple(f"{folder}/{{code}}/{{name}}.{ending}" for folder in ("outbox/print", "print") for ending in ("pdf", "csv")),
)

_STAYS_OF_PAST = "SELECT t.id FROM stay t JOIN season s ON s.id = t.season_id WHERE {origin} <= :cut_off"

_SENT = "batch_id IN (SELECT id FROM print_batch WHERE {origin} <= :cut_off)"

_OFFER_OVER = "SELECT o.id FROM offer o JOIN stay t ON t.id = o.stay_id WHERE {origin} < :cut_off"
_OFFER_ENDED = f"(o.state NOT IN ('open', 'accepted') AND {_day('o.ended_at')} < :cut_off)"
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


def _by_function(table: str) -> Step:
    """Rows that are never changed, and that one function of the database erases with their season's names."""
    return Step(table, "", by=f"directory.erase_season_names('{table}', :most)")


KINDS = (
    Kind(
        what="income_not_entitled",
        meaning="Incomes of persons none of whose children was entitled or left to a case worker",
        way=ERASE,
        months=3,
        origins={"period_end": "period_end"},
        steps=tuple(
            Step(
                table,
                " AND ".join(part.format(table=table) for part in (_YEAR_IS_OVER, _NOBODY_ENTITLED, _STILL_KNOWN)),
            )
            for table in ("income", "income_past")
        ),
        locks=("register", "facts"),
    ),
    Kind(
        what="figures_not_entitled",
        meaning="Incomes, limits and awards in the determinations of children who were not entitled",
        way=ANONYMISE,
        months=3,
        origins={"period_end": "period_end"},
        steps=(Step("determination", f"outcome = 'not_entitled' AND {_OF_RUN}", _NO_FIGURES),),
    ),
    Kind(
        what="facts",
        meaning="Facts that a refresh was made from",
        way=ERASE,
        months=3,
        origins={"built": _day("built_at")},
        # The set goes first: a refresh must never find half of its facts.
        steps=(
            Step("fact_set", _DROPPED_SET),
            Step("fact", "NOT EXISTS (SELECT FROM fact_set s WHERE s.id = fact.fact_set_id)"),
        ),
        locks=("facts",),
    ),
    Kind(
        what="held_imports",
        meaning="Imports that the gate held and nobody confirmed",
        way=ERASE,
        months=3,
        origins={"imported": _day("imported_at")},
        # Discarded first: nobody may confirm half of an import.
        steps=(
            Step("register_import", "state = 'held' AND {origin} <= :cut_off", "state = 'discarded'"),
            Step("held_row", "import_id IN (SELECT id FROM register_import WHERE state = 'discarded')"),
        ),
        locks=("register",),
    ),
    Kind(
        what="rejected_rows",
        meaning="Lists of rows that an import rejected",
        way=ERASE,
        months=6,
        origins={"imported": _day("imported_at")},
        steps=(Step("rejected_row", f"import_id IN ({_OLD_IMPORTS})"),),
        files=_IMPORT_FILES,
    ),
    Kind(
        what="letter_contents",
        meaning="What letters said, their printed files here, and corrected addresses",
        way=ERASE,
        months=12,
        origins={"handed_over": _day("handed_over_at")},
        # A letter of a batch always has content, so it becomes empty and never null.
        steps=(
            Step("letter", f"(length(content) > 0 OR address IS NOT NULL) AND {_SENT}", "content = '', address = NULL"),
            Step(
                "letter",
                f"state = 'cancelled' AND address IS NOT NULL AND {_day('queued_at')} <= :cut_off",
                "address = NULL",
            ),
        ),
        files=_PRINTED_FILES,
    ),
    Kind(
        what="past_rows",
        meaning="What the register said before: persons, addresses, incomes and awards",
        way=ERASE,
        months=24,
        origins={"replaced": ""},
        steps=(
            Step("person_past", f"{_day('replaced_at')} <= :cut_off"),
            *(
                Step(table, f"{_day('ended_at')} <= :cut_off")
                for table in ("household_member_past", "income_past", "award_past")
            ),
        ),
        locks=("register",),
    ),
    Kind(
        what="awards",
        meaning="Awards made elsewhere that are over",
        way=ERASE,
        months=24,
        origins={"valid_to": "valid_to", "learned": _day("learned_at")},
        steps=(Step("award", "valid_to <= :cut_off AND {origin} <= :cut_off"),),
        locks=("register",),
    ),
    Kind(
        what="income",
        meaning="Incomes",
        way=ERASE,
        months=60,
        origins={"year_end": "make_date(year, 12, 31)", "learned": _day("learned_at")},
        steps=(Step("income", "{origin} <= :cut_off"), Step("income_past", "{origin} <= :cut_off")),
        locks=("register", "facts"),
    ),
    Kind(
        what="determination_figures",
        meaning="Incomes, limits and awards in determinations",
        way=ANONYMISE,
        months=60,
        origins={"period_end": "period_end"},
        steps=(Step("determination", _OF_RUN, _NO_FIGURES),),
    ),
    Kind(
        what="review_texts",
        meaning="Why case workers decided as they did, and where the evidence is to be found",
        way=ANONYMISE,
        months=60,
        origins={"period_end": "period_end"},
        steps=(
            Step(
                "review_act",
                "anonymised_at IS NULL AND {origin} <= :cut_off",
                "reason = '', reference = NULL, anonymised_at = :at",
            ),
        ),
    ),
    Kind(
        what="claim_names",
        meaning="Names and notes on clubs' claims and reservations that are over, and what was answered about them",
        way=ANONYMISE,
        months=24,
        origins={"ended": _day("coalesce(paid_at, ended_at)")},
        steps=(
            Step("sample_check", f"answer IS NOT NULL AND {_day('closed_at')} <= :cut_off", "answer = NULL"),
            Step(
                "claim",
                """anonymised_at IS NULL AND state IN ('paid', 'rejected', 'withdrawn') AND {origin} <= :cut_off
                    AND NOT EXISTS (SELECT FROM sample_check k WHERE k.claim_id = claim.id AND k.closed_at IS NULL)""",
                "given_name = '', note = NULL, reference = NULL, anonymised_at = :at",
            ),
            Step("reservation", f"given_name <> '' AND {_day('ended_at')} <= :cut_off", "given_name = ''"),
        ),
    ),
    Kind(
        what="household_notes",
        meaning="Notes on households",
        way=ERASE,
        months=60,
        origins={"made": _day("made_at")},
        steps=(Step("household_note", "{origin} <= :cut_off"),),
    ),
    Kind(
        what="household_contacts",
        meaning="Who followed a household, once that is over",
        way=ERASE,
        months=3,
        origins={"until": "until"},
        steps=(Step("household_contact", "{origin} <= :cut_off"),),
    ),
    Kind(
        what="ended_persons",
        meaning="Persons who left the register",
        way=ANONYMISE,
        months=60,
        origins={"ended": _day("person.ended_at")},
        steps=(
            *(Step(table, _HASHES) for table in ("income", "income_past", "award", "award_past")),
            Step("person_past", f"id {_PERSONS}"),
            Step("household_member_past", f"person_id {_PERSONS}"),
            Step("determination", f"determination.anonymised_at IS NULL AND person_id {_PERSONS}", _NO_FIGURES),
            Step("name_token", _TOKENS),
            # With another hash nobody finds the person again; one who comes back is a new person.
            Step(
                "person",
                _ENDED_PERSON,
                # By the year's last day: a period's report counts ages on its first, which stay as they were.
                """given_name = '', family_name = '', language = '', birth_date = make_date(
                    extract(year FROM birth_date)::int, 12, 31), identity_hash = uuid_send(gen_random_uuid()),
                    identity_cipher = '', anonymised_at = :at""",
            ),
        ),
        locks=("register", "facts"),
    ),
    Kind(
        what="ended_households",
        meaning="References of households that left the register",
        way=ANONYMISE,
        months=60,
        origins={"ended": _day("household.ended_at")},
        steps=(
            *(
                Step(table, f"household_id IN (SELECT id FROM household WHERE {_ENDED_HOUSEHOLD})")
                for table in ("household_note", "household_contact")
            ),
            Step("household", _ENDED_HOUSEHOLD, "reference = 'anonymised ' || id::text, anonymised_at = :at"),
        ),
        locks=("register",),
    ),
    Kind(
        what="club_applications",
        meaning="Contacts and accounts in clubs' applications, once they are decided about",
        way=ANONYMISE,
        months=24,
        origins={"decided": _day("decided_at")},
        steps=(
            Step(
                "club_application",
                "anonymised_at IS NULL AND state <> 'waiting' AND {origin} <= :cut_off",
                """contact_name = NULL, contact_email = NULL, contact_phone = NULL, account = NULL,
                    anonymised_at = :at""",
            ),
        ),
    ),
    Kind(
        what="club_contacts",
        meaning="Contacts that clubs named before, and those of clubs that have ended",
        way=ERASE,
        months=12,
        origins={"ended": _day("ended_at")},
        steps=(
            Step("club_past_contact", "{origin} <= :cut_off"),
            Step(
                "club",
                "state = 'ended' AND (contact_name, contact_email, contact_phone) IS DISTINCT FROM (NULL, NULL, NULL)"
                " AND {origin} <= :cut_off",
                "contact_name = NULL, contact_email = NULL, contact_phone = NULL",
            ),
        ),
    ),
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
        what="refusal_credits",
        meaning="That a child's family was refused a holiday, once no child of then is under age",
        way=ERASE,
        months=216,
        origins={"given": _day("given_at")},
        steps=(Step("refusal_credit", "{origin} <= :cut_off"),),
    ),
    Kind(
        what="kept_answers",
        meaning="Answers of the API, kept for 48 hours so that a repeated call has no further effect",
        way=ERASE,
        months=0,
        origins={"kept": _day("kept_at")},
        # Whole days: after the second midnight they are at least 48 hours old.
        steps=(Step("kept_answer", "{origin} + 2 < :cut_off"),),
    ),
)

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
    "volunteer": _OF_OFFERS,
}
"""The tables of case data that no rule takes, and why. A new table has a rule above or a reason here."""
