"""What becomes of a family at the organisation, told to the municipality that listed it

Revision ID: 0019
Revises: 0018
"""

from alembic import op

from service.database.tenancy import protect

revision = "0019"
down_revision = "0018"

TABLES = """
CREATE TABLE family_outcome (
    tenant_id UUID NOT NULL,
    season_id UUID NOT NULL,
    family_key UUID NOT NULL,
    state VARCHAR NOT NULL,
    stay_id UUID NOT NULL,
    deadline TIMESTAMP WITH TIME ZONE NOT NULL,
    by_referrer BOOLEAN NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_family_outcome PRIMARY KEY (tenant_id, season_id, family_key),
    CONSTRAINT fk_family_outcome_tenant_id_season_id FOREIGN KEY(tenant_id, season_id) REFERENCES offered_season (tenant_id, season_id),
    CONSTRAINT ck_family_outcome_state CHECK (state in ('open', 'accepted', 'declined', 'expired', 'cancelled', 'withdrawn', 'stay_cancelled'))
);
"""

FUNCTIONS = """
-- The newest offer of a family stands in the tenant of the municipality that listed it, from the same commit on; of a
-- family whose consent is withdrawn, or whose case was joined to another, nothing does.
CREATE FUNCTION tell_outcome() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO family_outcome (tenant_id, season_id, family_key, state, stay_id, deadline, by_referrer, changed_at)
    SELECT c.tenant_id, c.season_id, c.family_key, new.state, new.stay_id, new.deadline, new.via = 'referrer',
        coalesce(new.ended_at, new.answered_at, new.made_at)
    FROM district_municipality m
    JOIN directory.tenant o ON o.id = m.tenant_id
    JOIN directory.tenant t ON t.kind = 'municipality' AND t.code = m.code AND t.country = o.country
    JOIN offered_season s ON (s.tenant_id, s.season_id, s.organisation_id) = (t.id, new.season_id, new.tenant_id)
    JOIN referral_case c ON (c.tenant_id, c.season_id) = (s.tenant_id, s.season_id)
        AND c.family_key::text = new.family_key AND c.state NOT IN ('withdrawn', 'merged')
    WHERE (m.tenant_id, m.id) = (new.tenant_id, new.municipality_id)
    ON CONFLICT (tenant_id, season_id, family_key) DO UPDATE SET (state, stay_id, deadline, by_referrer, changed_at) =
        (excluded.state, excluded.stay_id, excluded.deadline, excluded.by_referrer, excluded.changed_at);
    RETURN NULL;
END $$;
CREATE TRIGGER told AFTER INSERT OR UPDATE OF state, deadline ON offer FOR EACH ROW EXECUTE FUNCTION tell_outcome();

-- In which municipality's tenant the referrals stand of the family that an offer of the acting organisation is for.
CREATE FUNCTION directory.told_of_offer(an_offer uuid) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT f.tenant_id FROM offer o
    JOIN family_outcome f ON f.season_id = o.season_id AND f.family_key::text = o.family_key AND f.stay_id = o.stay_id
    JOIN offered_season s ON (s.tenant_id, s.season_id, s.organisation_id) = (f.tenant_id, f.season_id, o.tenant_id)
    WHERE o.tenant_id = directory.acting() AND o.id = an_offer
$$;

-- Lets another link lead to the open offer of a family that the acting municipality listed; false where there is none.
CREATE FUNCTION directory.keep_offer_link(a_season uuid, a_key uuid, a_hash bytea, at timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO directory.secret (hash, kind, tenant_id, subject_id)
    SELECT a_hash, 'offer link', o.tenant_id, o.id
    FROM family_outcome f
    JOIN offered_season s ON (s.tenant_id, s.season_id) = (f.tenant_id, f.season_id)
    JOIN directory.tenant t ON t.id = f.tenant_id
    JOIN offer o ON (o.tenant_id, o.season_id) = (s.organisation_id, s.season_id) AND o.family_key = f.family_key::text
    JOIN district_municipality m ON (m.tenant_id, m.id) = (o.tenant_id, o.municipality_id) AND m.code = t.code
    WHERE f.tenant_id = directory.acting() AND f.season_id = a_season AND f.family_key = a_key
        AND o.state = 'open' AND o.deadline >= at;
    RETURN FOUND;
END $$;
REVOKE EXECUTE ON FUNCTION tell_outcome, directory.told_of_offer, directory.keep_offer_link FROM PUBLIC;
"""


def upgrade() -> None:
    for statements in (TABLES, FUNCTIONS):
        op.get_bind().exec_driver_sql(statements)
    for statement in protect("family_outcome"):
        op.execute(statement)
    app = op.get_context().config.attributes["app_role"]
    # A trigger alone writes it; it goes with the consent and with the season's names.
    op.execute(f'GRANT SELECT, DELETE ON family_outcome TO "{app}"')
    op.execute(f'GRANT EXECUTE ON FUNCTION directory.told_of_offer, directory.keep_offer_link TO "{app}"')
