"""Kinds of data of the register and of what is determined from it."""

from service.care.kinds.kind import ANONYMISE, ERASE, Files, Kind, Step, day

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
        origins={"built": day("built_at")},
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
        origins={"imported": day("imported_at")},
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
        origins={"imported": day("imported_at")},
        steps=(Step("rejected_row", f"import_id IN ({_OLD_IMPORTS})"),),
        files=_IMPORT_FILES,
    ),
    Kind(
        what="past_rows",
        meaning="What the register said before: persons, addresses, incomes and awards",
        way=ERASE,
        months=24,
        origins={"replaced": ""},
        steps=(
            Step("person_past", f"{day('replaced_at')} <= :cut_off"),
            *(
                Step(table, f"{day('ended_at')} <= :cut_off")
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
        origins={"valid_to": "valid_to", "learned": day("learned_at")},
        steps=(Step("award", "valid_to <= :cut_off AND {origin} <= :cut_off"),),
        locks=("register",),
    ),
    Kind(
        what="income",
        meaning="Incomes",
        way=ERASE,
        months=60,
        origins={"year_end": "make_date(year, 12, 31)", "learned": day("learned_at")},
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
        what="household_notes",
        meaning="Notes on households",
        way=ERASE,
        months=60,
        origins={"made": day("made_at")},
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
        origins={"ended": day("person.ended_at")},
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
        origins={"ended": day("household.ended_at")},
        steps=(
            *(
                Step(table, f"household_id IN (SELECT id FROM household WHERE {_ENDED_HOUSEHOLD})")
                for table in ("household_note", "household_contact")
            ),
            Step("household", _ENDED_HOUSEHOLD, "reference = 'anonymised ' || id::text, anonymised_at = :at"),
        ),
        locks=("register",),
    ),
)
