"""Offers of places to families, their answers, who comes along, and what those need

Revision ID: 0016
Revises: 0015
"""

from alembic import op

from service.database.tenancy import protect

revision = "0016"
down_revision = "0015"

TABLES = """
CREATE TABLE offer (
    tenant_id UUID NOT NULL,
    id UUID DEFAULT uuidv7() NOT NULL,
    season_id UUID NOT NULL,
    municipality_id UUID NOT NULL,
    family_key VARCHAR NOT NULL,
    stay_id UUID NOT NULL,
    state VARCHAR NOT NULL,
    via VARCHAR NOT NULL,
    deadline TIMESTAMP WITH TIME ZONE NOT NULL,
    assembly_point VARCHAR,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    made_by UUID,
    sent_at TIMESTAMP WITH TIME ZONE,
    reminded_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    answered_at TIMESTAMP WITH TIME ZONE,
    answered_how VARCHAR,
    declined_because VARCHAR,
    language VARCHAR DEFAULT 'en' NOT NULL,
    waits_again BOOLEAN DEFAULT false NOT NULL,
    CONSTRAINT pk_offer PRIMARY KEY (tenant_id, id),
    CONSTRAINT fk_offer_tenant_id_season_id FOREIGN KEY(tenant_id, season_id) REFERENCES season (tenant_id, id),
    CONSTRAINT fk_offer_tenant_id_municipality_id FOREIGN KEY(tenant_id, municipality_id) REFERENCES district_municipality (tenant_id, id),
    CONSTRAINT fk_offer_tenant_id_stay_id FOREIGN KEY(tenant_id, stay_id) REFERENCES stay (tenant_id, id),
    CONSTRAINT ck_offer_state CHECK (state in ('open', 'accepted', 'declined', 'expired', 'cancelled', 'withdrawn', 'stay_cancelled')),
    CONSTRAINT ck_offer_via CHECK (via in ('letter', 'email', 'text', 'referrer')),
    CONSTRAINT ck_offer_answered_how CHECK (answered_how in ('link', 'code', 'coordinator')),
    CONSTRAINT ck_offer_declined_because CHECK (declined_because in ('time', 'place', 'travel', 'other_plans', 'illness', 'other')),
    CONSTRAINT ck_offer_language CHECK (language in ('da', 'nb', 'en')),
    CONSTRAINT ck_offer_answered CHECK ((answered_at is null) = (answered_how is null))
);

CREATE UNIQUE INDEX uq_offer_living ON offer (tenant_id, season_id, municipality_id, family_key) WHERE state in ('open', 'accepted');

CREATE INDEX ix_offer_tenant_id_stay_id ON offer (tenant_id, stay_id);

CREATE TABLE offer_traveller (
    tenant_id UUID NOT NULL,
    offer_id UUID NOT NULL,
    place INTEGER NOT NULL,
    name VARCHAR NOT NULL,
    birth_date DATE NOT NULL,
    comes BOOLEAN NOT NULL,
    CONSTRAINT pk_offer_traveller PRIMARY KEY (tenant_id, offer_id, place),
    CONSTRAINT fk_offer_traveller_tenant_id_offer_id FOREIGN KEY(tenant_id, offer_id) REFERENCES offer (tenant_id, id)
);

CREATE TABLE offer_needs (
    tenant_id UUID NOT NULL,
    offer_id UUID NOT NULL,
    content BYTEA NOT NULL,
    CONSTRAINT pk_offer_needs PRIMARY KEY (tenant_id, offer_id),
    CONSTRAINT fk_offer_needs_tenant_id_offer_id FOREIGN KEY(tenant_id, offer_id) REFERENCES offer (tenant_id, id)
);

CREATE TABLE offer_contact (
    tenant_id UUID NOT NULL,
    offer_id UUID NOT NULL,
    content BYTEA NOT NULL,
    CONSTRAINT pk_offer_contact PRIMARY KEY (tenant_id, offer_id),
    CONSTRAINT fk_offer_contact_tenant_id_offer_id FOREIGN KEY(tenant_id, offer_id) REFERENCES offer (tenant_id, id)
);

CREATE TABLE passed_over (
    tenant_id UUID NOT NULL,
    offer_id UUID NOT NULL,
    municipality_id UUID NOT NULL,
    family_key VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    family_places INTEGER NOT NULL,
    beds INTEGER NOT NULL,
    beds_left INTEGER NOT NULL,
    room INTEGER NOT NULL,
    CONSTRAINT pk_passed_over PRIMARY KEY (tenant_id, offer_id, municipality_id, family_key),
    CONSTRAINT fk_passed_over_tenant_id_offer_id FOREIGN KEY(tenant_id, offer_id) REFERENCES offer (tenant_id, id),
    CONSTRAINT fk_passed_over_tenant_id_municipality_id FOREIGN KEY(tenant_id, municipality_id) REFERENCES district_municipality (tenant_id, id),
    CONSTRAINT ck_passed_over_reason CHECK (reason in ('family_places', 'beds', 'family_places_and_beds', 'rooms', 'apart')),
    CONSTRAINT ck_passed_over_counts CHECK (family_places >= 0 and beds >= 0 and beds_left >= 0 and room >= 0)
);

CREATE INDEX ix_passed_over_tenant_id_municipality_id_family_key ON passed_over (tenant_id, municipality_id, family_key);

CREATE TABLE offer_settings (
    tenant_id UUID NOT NULL,
    season_id UUID NOT NULL,
    answer_days INTEGER NOT NULL,
    remind_days INTEGER NOT NULL,
    by_itself BOOLEAN NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    changed_by UUID,
    CONSTRAINT pk_offer_settings PRIMARY KEY (tenant_id, season_id),
    CONSTRAINT fk_offer_settings_tenant_id_season_id FOREIGN KEY(tenant_id, season_id) REFERENCES season (tenant_id, id),
    CONSTRAINT ck_offer_settings_days CHECK (answer_days between 1 and 90 and remind_days between 0 and 30)
);
"""

TRIGGERS = """
-- A place that fell free cannot revive: what has ended stays so.
CREATE TRIGGER transitions BEFORE UPDATE OF state ON offer FOR EACH ROW EXECUTE FUNCTION refuse_other_transitions(
    'open accepted', 'open declined', 'open expired', 'open withdrawn', 'open stay_cancelled',
    'accepted cancelled', 'accepted withdrawn', 'accepted stay_cancelled'
);

-- What is offered is held: nobody takes it from the family while the offer lives.
CREATE FUNCTION refuse_loss_of_offered_place() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM offer o WHERE o.tenant_id = old.tenant_id AND o.season_id = old.season_id
        AND o.municipality_id = old.municipality_id AND o.family_key = old.family_key
        AND o.state IN ('open', 'accepted')) THEN
        RAISE EXCEPTION 'the place is offered to the family' USING ERRCODE = 'check_violation';
    END IF;
    RETURN coalesce(new, old);
END $$;
CREATE TRIGGER offered BEFORE UPDATE ON placement FOR EACH ROW WHEN (old.stay_id IS DISTINCT FROM new.stay_id)
EXECUTE FUNCTION refuse_loss_of_offered_place();
CREATE TRIGGER offered_gone BEFORE DELETE ON placement FOR EACH ROW EXECUTE FUNCTION refuse_loss_of_offered_place();

-- An offer is of the place that the family holds.
CREATE FUNCTION require_placement_of_offer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM placement p WHERE p.tenant_id = new.tenant_id AND p.season_id = new.season_id
        AND p.municipality_id = new.municipality_id AND p.family_key = new.family_key AND p.stay_id = new.stay_id
        FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the family holds no place at the stay' USING ERRCODE = 'check_violation';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER placed BEFORE INSERT ON offer FOR EACH ROW EXECUTE FUNCTION require_placement_of_offer();
"""

CHANGED = ("offer", "offer_settings")
REPLACED = ("offer_traveller", "offer_needs", "offer_contact", "passed_over")


def upgrade() -> None:
    for statements in (TABLES, TRIGGERS):
        op.get_bind().exec_driver_sql(statements.replace("%", "%%"))
    for table in (*CHANGED, *REPLACED):
        for statement in protect(table):
            op.execute(statement)
    app = op.get_context().config.attributes["app_role"]
    op.execute(f'GRANT SELECT, INSERT, UPDATE ON {", ".join(CHANGED)} TO "{app}"')
    op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON {", ".join(REPLACED)} TO "{app}"')
