"""The account of a season, how long its names are kept, and how they are erased

Revision ID: 0018
Revises: 0017
"""

from alembic import op

from service.database.tenancy import protect

revision = "0018"
down_revision = "0017"

TABLES = """
ALTER TABLE season ADD COLUMN names_kept_days INTEGER NOT NULL DEFAULT 180;
ALTER TABLE season ADD COLUMN names_erased_at TIMESTAMP WITH TIME ZONE;
ALTER TABLE season ADD CONSTRAINT ck_season_names_kept_days CHECK (names_kept_days between 30 and 730);
ALTER TABLE season ALTER COLUMN names_kept_days DROP DEFAULT;
ALTER TABLE offered_season ADD COLUMN names_kept_days INTEGER NOT NULL DEFAULT 180;
ALTER TABLE offered_season ADD COLUMN names_erased_at TIMESTAMP WITH TIME ZONE;
ALTER TABLE offered_season ALTER COLUMN names_kept_days DROP DEFAULT;

CREATE TABLE season_closing (
    tenant_id UUID NOT NULL,
    season_id UUID NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    closed_by UUID,
    CONSTRAINT pk_season_closing PRIMARY KEY (tenant_id, season_id),
    CONSTRAINT fk_season_closing_tenant_id_season_id FOREIGN KEY(tenant_id, season_id) REFERENCES season (tenant_id, id)
);

CREATE TABLE season_account (
    tenant_id UUID NOT NULL,
    id UUID DEFAULT uuidv7() NOT NULL,
    season_id UUID NOT NULL,
    municipality_id UUID,
    stay_id UUID,
    families INTEGER NOT NULL,
    persons INTEGER NOT NULL,
    children INTEGER NOT NULL,
    adults INTEGER NOT NULL,
    first_timers INTEGER NOT NULL,
    volunteers INTEGER NOT NULL,
    refused_families INTEGER NOT NULL,
    refused_persons INTEGER NOT NULL,
    declined INTEGER NOT NULL,
    no_shows INTEGER NOT NULL,
    CONSTRAINT pk_season_account PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_season_account_row UNIQUE NULLS NOT DISTINCT (tenant_id, season_id, municipality_id, stay_id),
    CONSTRAINT fk_season_account_tenant_id_season_id FOREIGN KEY(tenant_id, season_id) REFERENCES season_closing (tenant_id, season_id),
    CONSTRAINT fk_season_account_tenant_id_municipality_id FOREIGN KEY(tenant_id, municipality_id) REFERENCES district_municipality (tenant_id, id),
    CONSTRAINT fk_season_account_tenant_id_stay_id FOREIGN KEY(tenant_id, stay_id) REFERENCES stay (tenant_id, id),
    CONSTRAINT ck_season_account_row CHECK (municipality_id is not null or stay_id is not null),
    CONSTRAINT ck_season_account_persons CHECK (persons = children + adults and families <= persons and first_timers <= families),
    CONSTRAINT ck_season_account_counts CHECK (least(families, children, adults, first_timers, volunteers, refused_families, refused_persons, declined, no_shows) >= 0)
);
"""

TRIGGERS = """
CREATE TRIGGER unchanged BEFORE UPDATE ON season_closing FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER unchanged BEFORE UPDATE ON season_account FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- The rows of an account are written with its closing, and never after: the same transaction has both.
CREATE FUNCTION require_open_closing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM season_closing c WHERE c.tenant_id = new.tenant_id AND c.season_id = new.season_id
        AND c.xmin = pg_current_xact_id()::xid) THEN
        RAISE EXCEPTION 'the account of the season is closed' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER with_closing BEFORE INSERT ON season_account FOR EACH ROW EXECUTE FUNCTION require_open_closing();

-- Names are erased once, not before their day, and of an organisation's season not before its account is kept.
CREATE FUNCTION require_names_over() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF old.names_erased_at IS NOT NULL THEN
        RAISE EXCEPTION 'the names of the season are erased' USING ERRCODE = 'check_violation';
    ELSIF new.names_erased_at IS NULL OR (new.names_erased_at AT TIME ZONE 'UTC')::date + 1
        < new.last_day + new.names_kept_days THEN
        RAISE EXCEPTION 'the names of the season are kept for longer' USING ERRCODE = 'check_violation';
    ELSIF TG_TABLE_NAME = 'season' AND NOT EXISTS (SELECT FROM season_closing c
        WHERE c.tenant_id = new.tenant_id AND c.season_id = (to_jsonb(new) ->> 'id')::uuid) THEN
        RAISE EXCEPTION 'the account of the season is not closed' USING ERRCODE = 'check_violation';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER names_over BEFORE UPDATE ON season FOR EACH ROW
WHEN (old.names_erased_at IS DISTINCT FROM new.names_erased_at) EXECUTE FUNCTION require_names_over();
CREATE TRIGGER names_over BEFORE UPDATE ON offered_season FOR EACH ROW
WHEN (old.names_erased_at IS DISTINCT FROM new.names_erased_at) EXECUTE FUNCTION require_names_over();
"""

ERASING = """
-- Erases at most so many rows of a table that nobody may delete from otherwise, of seasons whose names are over. Gives
-- how many went.
CREATE FUNCTION directory.erase_season_names(a_table text, most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    acting uuid := directory.acting();
    seasons uuid[];
    gone integer;
BEGIN
    SELECT coalesce(array_agg(id), '{}') INTO seasons FROM (
        SELECT s.id FROM season s WHERE s.tenant_id = acting AND s.names_erased_at IS NOT NULL
        UNION ALL
        SELECT o.season_id FROM offered_season o WHERE o.tenant_id = acting AND o.names_erased_at IS NOT NULL
    ) AS over;
    IF a_table = 'received_wish' THEN
        DELETE FROM received_wish WHERE ctid = ANY (ARRAY(SELECT w.ctid FROM received_wish w
            JOIN received_family f ON (f.tenant_id, f.id) = (w.tenant_id, w.family_id)
            JOIN received_list l ON (l.tenant_id, l.id) = (f.tenant_id, f.list_id)
            WHERE w.tenant_id = acting AND l.season_id = ANY (seasons) LIMIT most));
    ELSIF a_table = 'received_traveller' THEN
        DELETE FROM received_traveller WHERE ctid = ANY (ARRAY(SELECT t.ctid FROM received_traveller t
            JOIN received_family f ON (f.tenant_id, f.id) = (t.tenant_id, t.family_id)
            JOIN received_list l ON (l.tenant_id, l.id) = (f.tenant_id, f.list_id)
            WHERE t.tenant_id = acting AND l.season_id = ANY (seasons) LIMIT most));
    ELSIF a_table = 'received_family' THEN
        DELETE FROM received_family WHERE ctid = ANY (ARRAY(SELECT f.ctid FROM received_family f
            JOIN received_list l ON (l.tenant_id, l.id) = (f.tenant_id, f.list_id)
            WHERE f.tenant_id = acting AND l.season_id = ANY (seasons) LIMIT most));
    ELSIF a_table = 'referral_list_entry' THEN
        DELETE FROM referral_list_entry WHERE ctid = ANY (ARRAY(SELECT e.ctid FROM referral_list_entry e
            JOIN referral_list l ON (l.tenant_id, l.id) = (e.tenant_id, e.list_id)
            WHERE e.tenant_id = acting AND l.season_id = ANY (seasons) LIMIT most));
    ELSIF a_table = 'referral_case' THEN
        DELETE FROM referral_case WHERE ctid = ANY (ARRAY(SELECT c.ctid FROM referral_case c
            WHERE c.tenant_id = acting AND c.season_id = ANY (seasons) LIMIT most));
    ELSIF a_table = 'offer' THEN
        DELETE FROM offer WHERE ctid = ANY (ARRAY(SELECT o.ctid FROM offer o
            WHERE o.tenant_id = acting AND o.season_id = ANY (seasons) LIMIT most));
    ELSIF a_table = 'board_change' THEN
        DELETE FROM board_change WHERE ctid = ANY (ARRAY(SELECT b.ctid FROM board_change b
            WHERE b.tenant_id = acting AND b.season_id = ANY (seasons) LIMIT most));
    ELSE
        RAISE EXCEPTION 'no names are erased from %', a_table;
    END IF;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $$;
REVOKE EXECUTE ON FUNCTION directory.erase_season_names FROM PUBLIC;
"""

PUBLISHING = """
-- Copies a season with its stays to every municipality of it that has a Medspiller; gives how many those are.
CREATE OR REPLACE FUNCTION directory.publish_season(a_season uuid, at timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE reached integer;
BEGIN
    INSERT INTO offered_season (
        tenant_id, season_id, organisation_id, organisation_name, district_name, contact_name, contact_phone,
        contact_email, name, first_day, last_day, referral_deadline, list_deadline, planned_on, criteria, quota, state,
        names_kept_days, published_at
    )
    SELECT t.id, s.id, s.tenant_id, o.name, d.name, d.contact_name, d.contact_phone, d.contact_email, s.name,
        s.first_day, s.last_day, s.referral_deadline, s.list_deadline, s.planned_on, d.criteria, sm.quota, s.state,
        s.names_kept_days, at
    FROM season s
    JOIN directory.tenant o ON o.id = s.tenant_id
    JOIN district d ON (d.tenant_id, d.id) = (s.tenant_id, s.district_id)
    JOIN season_municipality sm ON (sm.tenant_id, sm.season_id) = (s.tenant_id, s.id)
    JOIN district_municipality m ON (m.tenant_id, m.id) = (sm.tenant_id, sm.municipality_id)
    JOIN directory.tenant t ON t.kind = 'municipality' AND t.code = m.code AND t.country = o.country
    WHERE s.tenant_id = directory.acting() AND s.id = a_season AND s.state <> 'draft'
    ON CONFLICT (tenant_id, season_id) DO UPDATE SET (
        organisation_name, district_name, contact_name, contact_phone, contact_email, name, first_day, last_day,
        referral_deadline, list_deadline, planned_on, criteria, quota, state, names_kept_days, published_at
    ) = (
        excluded.organisation_name, excluded.district_name, excluded.contact_name, excluded.contact_phone,
        excluded.contact_email, excluded.name, excluded.first_day, excluded.last_day, excluded.referral_deadline,
        excluded.list_deadline, excluded.planned_on, excluded.criteria, excluded.quota, excluded.state,
        excluded.names_kept_days, excluded.published_at
    ) WHERE offered_season.organisation_id = excluded.organisation_id;
    GET DIAGNOSTICS reached = ROW_COUNT;
    INSERT INTO offered_stay (
        tenant_id, stay_id, season_id, code, centre_name, region, starts_on, ends_on, family_places, min_child_age,
        max_child_age, assembly_points, included, accessibility, cancelled
    )
    SELECT f.tenant_id, s.id, s.season_id, s.code, c.name, s.region, s.starts_on, s.ends_on, s.family_places,
        s.min_child_age, s.max_child_age, s.assembly_points, s.included, s.accessibility, s.state = 'cancelled'
    FROM stay s JOIN centre c ON (c.tenant_id, c.id) = (s.tenant_id, s.centre_id)
    JOIN offered_season f ON f.season_id = s.season_id AND f.organisation_id = s.tenant_id
    WHERE s.tenant_id = directory.acting() AND s.season_id = a_season
    ON CONFLICT (tenant_id, stay_id) DO UPDATE SET (
        code, centre_name, region, starts_on, ends_on, family_places, min_child_age, max_child_age, assembly_points,
        included, accessibility, cancelled
    ) = (
        excluded.code, excluded.centre_name, excluded.region, excluded.starts_on, excluded.ends_on,
        excluded.family_places, excluded.min_child_age, excluded.max_child_age, excluded.assembly_points,
        excluded.included, excluded.accessibility, excluded.cancelled
    ) WHERE offered_stay.season_id = excluded.season_id;
    RETURN reached;
END $$;
"""

ADDED = ("season_closing", "season_account")


def upgrade() -> None:
    for statements in (TABLES, TRIGGERS, ERASING, PUBLISHING):
        op.get_bind().exec_driver_sql(statements.replace("%", "%%"))
    for table in ADDED:
        for statement in protect(table):
            op.execute(statement)
    app = op.get_context().config.attributes["app_role"]
    op.execute(f'GRANT SELECT, INSERT ON {", ".join(ADDED)} TO "{app}"')
    op.execute(f'GRANT UPDATE (names_erased_at) ON offered_season TO "{app}"')
    op.execute(f'GRANT EXECUTE ON FUNCTION directory.erase_season_names TO "{app}"')
