"""A season of a year past in the town: what an organisation has of its families, and what a municipality has of it.

A tenant is one or the other; a rule asks what there is and not whose it is, so here both stand in one.
"""

from sqlalchemy import text

from tests.passes.town import Town

_ROWS = (
    """district (tenant_id, name, contact_name, contact_phone, contact_email, criteria)
    VALUES (:tenant, 'Midt', '', '', '', '[]')""",
    "district_municipality (tenant_id, district_id, name) SELECT tenant_id, id, 'Uby' FROM district",
    """centre (tenant_id, name, region, address, accessibility)
    VALUES (:tenant, 'Hytten', 'Vest', '', '')""",
    """season (tenant_id, district_id, name, first_day, last_day, referral_deadline, list_deadline, planned_on, state,
        names_kept_days)
    SELECT tenant_id, id, of.name, '2017-06-20', '2017-08-15', '2017-05-01', '2017-05-08', '2017-05-20', 'published',
        days FROM district, (VALUES ('Kept', 180), ('Open', 180), ('Long', 730)) AS of (name, days)""",
    "season_closing (tenant_id, season_id, closed_at) SELECT tenant_id, id, now() FROM season WHERE name <> 'Open'",
    """stay (tenant_id, season_id, centre_id, code, region, starts_on, ends_on, family_places, person_places,
        volunteers, min_child_age, max_child_age, min_families, assembly_points, included, accessibility, state)
    SELECT s.tenant_id, s.id, c.id, 'A1', 'Vest', '2017-07-01', '2017-07-08', 10, 48, 8, 6, 13, 0, '{}', '', '',
        'planned' FROM season s, centre c""",
    # One was on a stay, one never, and one was added, by its id, at the end of 2016.
    """volunteer (tenant_id, id, name, phone, email, certificate_seen_on)
    VALUES (:tenant, uuidv7(), 'Kari Frivillig', '1', 'kari@ferie.example', '2017-06-01'),
        (:tenant, uuidv7(), 'Per Frivillig', '2', 'per@ferie.example', NULL),
        (:tenant, '01590000-0000-7000-8000-000000000001', 'Ida Frivillig', '3', 'ida@ferie.example', NULL)""",
    """stay_role (tenant_id, stay_id, role, state, volunteer_id)
    SELECT s.tenant_id, s.id, 'leader', 'confirmed', v.id FROM stay s, volunteer v WHERE v.name LIKE 'Kari%'""",
    """allocation_run (tenant_id, season_id, number, state, options, digest, problem, plan, totals, made_at)
    SELECT tenant_id, id, 1, 'made', '{}', '', 'x', 'x', '{}', now() FROM season""",
    """placement (tenant_id, season_id, municipality_id, family_key, stay_id, persons, beds, locked, how, revision,
        changed_at)
    SELECT s.tenant_id, s.season_id, m.id, 'one', s.id, 2, 2, false, 'hand', 1, now()
    FROM stay s, district_municipality m""",
    """family_group (tenant_id, season_id, kind, made_at) SELECT tenant_id, id, 'apart', now() FROM season""",
    """family_group_member (tenant_id, group_id, municipality_id, family_key)
    SELECT g.tenant_id, g.id, m.id, 'one' FROM family_group g, district_municipality m""",
    """board_change (tenant_id, season_id, revision, municipality_id, family_key, what, before, after, made_at, undone)
    SELECT s.tenant_id, s.id, 1, m.id, 'one', 'lock', '{}', '{}', now(), false
    FROM season s, district_municipality m""",
    """same_child (tenant_id, season_id, first_municipality_id, first_key, second_municipality_id, second_key, verdict,
        decided_at)
    SELECT s.tenant_id, s.id, m.id, 'one', m.id, 'two', 'same', now() FROM season s, district_municipality m""",
    """received_list (tenant_id, season_id, municipality_id, number, source, families, persons, withdrawn, changes,
        rejected, received_at)
    SELECT s.tenant_id, s.id, m.id, 1, 'spreadsheet', 1, 2, 0, '{}', '[]', '2017-05-05'
    FROM season s, district_municipality m""",
    """received_family (tenant_id, list_id, place, key, need, contact_name, phone, language, interpreter, late, digest)
    SELECT tenant_id, id, 1, 'one', 3, 'Rejsende', '', '', false, false, '' FROM received_list""",
    """received_traveller (tenant_id, family_id, place, name, birth_date)
    SELECT tenant_id, id, n, 'Jonas Rejsende', '2008-05-04' FROM received_family, generate_series(1, 2) AS n""",
    """received_wish (tenant_id, family_id, rank, stay_id)
    SELECT f.tenant_id, f.id, 1, s.id FROM received_family f JOIN received_list l ON l.id = f.list_id
    JOIN stay s ON s.season_id = l.season_id""",
    """offer (tenant_id, season_id, municipality_id, family_key, stay_id, state, via, deadline, made_at)
    SELECT tenant_id, season_id, municipality_id, family_key, stay_id, 'accepted', 'letter', now(), now()
    FROM placement""",
    """offer_traveller (tenant_id, offer_id, place, name, birth_date, comes)
    SELECT tenant_id, id, 1, 'Jonas Rejsende', '2008-05-04', true FROM offer""",
    "offer_needs (tenant_id, offer_id, content) SELECT tenant_id, id, 'x' FROM offer",
    "attendance (tenant_id, offer_id, place, state, noted_at) SELECT tenant_id, id, 1, 'came', now() FROM offer",
    "refusal_credit (tenant_id, season_id, child, given_at) SELECT tenant_id, id, 'x', '2017-09-01' FROM season",
    """offered_season (tenant_id, season_id, organisation_id, organisation_name, district_name, contact_name,
        contact_phone, contact_email, name, first_day, last_day, referral_deadline, list_deadline, planned_on, criteria,
        state, names_kept_days, published_at)
    SELECT :tenant, id, :tenant, '', '', '', '', '', name, '2017-06-20', '2017-08-15', '2017-05-01', '2017-05-08',
        '2017-05-20', '[]', 'published', days, now()
    FROM (VALUES (uuidv7(), 'Soon', 180), (uuidv7(), 'Later', 400)) AS of (id, name, days)""",
    """offered_stay (tenant_id, stay_id, season_id, code, centre_name, region, starts_on, ends_on, family_places,
        min_child_age, max_child_age, assembly_points, included, accessibility, cancelled)
    SELECT tenant_id, uuidv7(), season_id, 'A1', '', '', '2017-07-01', '2017-07-08', 10, 6, 13, '{}', '', '', false
    FROM offered_season""",
    """referral_case (tenant_id, season_id, state, leading_id, said, late, opened_at)
    SELECT tenant_id, season_id, 'open', uuidv7(), '', false, now() FROM offered_season, generate_series(1, 2)""",
    """referral (tenant_id, season_id, case_id, service_id, state, phone, language, interpreter, why, holds, consent_on,
        consent_how, question, answer, made_at)
    SELECT c.tenant_id, c.season_id, c.id, o.id, 'sent', '1', '', false, 'x', '{}', '2017-03-01', 'spoken', '', '',
        now()
    FROM referral_case c, directory.organisation o WHERE o.tenant_id = :tenant AND o.kind = 'service'""",
    """referral_traveller (tenant_id, referral_id, place, name, name_key, birth_date)
    SELECT tenant_id, id, 1, 'Jonas Rejsende', '', '2008-05-04' FROM referral""",
    """referral_wish (tenant_id, referral_id, rank, stay_id)
    SELECT r.tenant_id, r.id, 1, s.stay_id FROM referral r JOIN offered_stay s USING (season_id)""",
    """case_verdict (tenant_id, first_id, second_id, decided_at)
    SELECT a.tenant_id, a.id, b.id, now() FROM referral_case a JOIN referral_case b USING (season_id)
    WHERE a.id < b.id""",
    """family_outcome (tenant_id, season_id, family_key, state, stay_id, deadline, by_referrer, changed_at)
    SELECT tenant_id, season_id, family_key, 'accepted', uuidv7(), now(), false, now() FROM referral_case""",
    """referral_list (tenant_id, season_id, number, families, persons, withdrawn, changes, made_at)
    SELECT tenant_id, season_id, 1, 1, 2, 0, '{}', now() FROM offered_season""",
    """referral_list_entry (tenant_id, list_id, place, case_id, content)
    SELECT l.tenant_id, l.id, row_number() OVER (PARTITION BY l.id), c.id, '{}'
    FROM referral_list l JOIN referral_case c USING (season_id)""",
)


def holidays(town: Town) -> None:
    """Seasons whose names go soon, late, or, their account not being closed, not at all."""
    tenant = town.municipality.id
    with town.owner() as session:
        session.execute(
            text(
                """INSERT INTO directory.organisation (tenant_id, kind, name, created_at)
                VALUES (:tenant, 'service', 'Skole', now())"""
            ),
            {"tenant": tenant},
        )
        for rows in _ROWS:
            session.execute(text(f"INSERT INTO {rows}"), _values(rows, tenant))
        # A case is led by a referral of its own.
        session.execute(
            text(
                """UPDATE referral_case c SET leading_id = r.id FROM referral r
                WHERE (r.tenant_id, r.case_id) = (c.tenant_id, c.id)"""
            )
        )


def _values(rows: str, tenant: object) -> dict[str, object]:
    return {"tenant": tenant} if ":tenant" in rows else {}
