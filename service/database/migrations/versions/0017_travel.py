"""How families come to a stay, who came, what it costs their municipalities, and what they say of it afterwards

Revision ID: 0017
Revises: 0016
"""

from alembic import op

from service.database.tenancy import protect

revision = "0017"
down_revision = "0016"

TABLES = """
CREATE TABLE departure (
    tenant_id UUID NOT NULL,
    id UUID DEFAULT uuidv7() NOT NULL,
    stay_id UUID NOT NULL,
    assembly_point VARCHAR NOT NULL,
    place VARCHAR NOT NULL,
    leaves_on DATE NOT NULL,
    leaves_at TIME WITHOUT TIME ZONE NOT NULL,
    carrier VARCHAR NOT NULL,
    seats INTEGER NOT NULL,
    cost_ore BIGINT,
    currency VARCHAR NOT NULL,
    note VARCHAR NOT NULL,
    fixed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_departure PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_departure_tenant_id_stay_id_assembly_point UNIQUE (tenant_id, stay_id, assembly_point),
    CONSTRAINT fk_departure_tenant_id_stay_id FOREIGN KEY(tenant_id, stay_id) REFERENCES stay (tenant_id, id),
    CONSTRAINT ck_departure_seats CHECK (seats between 1 and 2000),
    CONSTRAINT ck_departure_cost CHECK (cost_ore between 0 and 100000000000),
    CONSTRAINT ck_departure_fixed CHECK (fixed_at is null or cost_ore is not null),
    CONSTRAINT ck_departure_currency CHECK (currency in ('DKK', 'NOK'))
);

CREATE TABLE travel_charge (
    tenant_id UUID NOT NULL,
    departure_id UUID NOT NULL,
    municipality_id UUID NOT NULL,
    seats INTEGER NOT NULL,
    amount_ore BIGINT NOT NULL,
    state VARCHAR NOT NULL,
    invoiced_on DATE,
    paid_on DATE,
    CONSTRAINT pk_travel_charge PRIMARY KEY (tenant_id, departure_id, municipality_id),
    CONSTRAINT fk_travel_charge_tenant_id_departure_id FOREIGN KEY(tenant_id, departure_id) REFERENCES departure (tenant_id, id),
    CONSTRAINT fk_travel_charge_tenant_id_municipality_id FOREIGN KEY(tenant_id, municipality_id) REFERENCES district_municipality (tenant_id, id),
    CONSTRAINT ck_travel_charge_state CHECK (state in ('to_invoice', 'invoiced', 'paid')),
    CONSTRAINT ck_travel_charge_amount CHECK (seats > 0 and amount_ore >= 0),
    CONSTRAINT ck_travel_charge_invoiced CHECK ((invoiced_on is null) = (state = 'to_invoice')),
    CONSTRAINT ck_travel_charge_paid CHECK ((paid_on is null) = (state <> 'paid'))
);

CREATE INDEX ix_travel_charge_tenant_id_municipality_id ON travel_charge (tenant_id, municipality_id);

CREATE TABLE attendance (
    tenant_id UUID NOT NULL,
    offer_id UUID NOT NULL,
    place INTEGER NOT NULL,
    state VARCHAR NOT NULL,
    noted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    noted_by UUID,
    CONSTRAINT pk_attendance PRIMARY KEY (tenant_id, offer_id, place),
    CONSTRAINT fk_attendance_tenant_id_offer_id FOREIGN KEY(tenant_id, offer_id) REFERENCES offer (tenant_id, id),
    CONSTRAINT ck_attendance_state CHECK (state in ('came', 'not_come'))
);

CREATE TABLE packing_text (
    tenant_id UUID NOT NULL,
    season_id UUID NOT NULL,
    centre_id UUID NOT NULL,
    language VARCHAR NOT NULL,
    bring VARCHAR NOT NULL,
    CONSTRAINT pk_packing_text PRIMARY KEY (tenant_id, season_id, centre_id, language),
    CONSTRAINT fk_packing_text_tenant_id_season_id FOREIGN KEY(tenant_id, season_id) REFERENCES season (tenant_id, id),
    CONSTRAINT fk_packing_text_tenant_id_centre_id FOREIGN KEY(tenant_id, centre_id) REFERENCES centre (tenant_id, id),
    CONSTRAINT ck_packing_text_language CHECK (language in ('da', 'nb', 'en'))
);

CREATE TABLE travel_settings (
    tenant_id UUID NOT NULL,
    lock_days INTEGER NOT NULL,
    CONSTRAINT pk_travel_settings PRIMARY KEY (tenant_id),
    CONSTRAINT ck_travel_settings_lock_days CHECK (lock_days between 0 and 180)
);

CREATE TABLE opinion_code (
    tenant_id UUID NOT NULL,
    hash BYTEA NOT NULL,
    stay_id UUID NOT NULL,
    audience VARCHAR NOT NULL,
    used BOOLEAN NOT NULL,
    CONSTRAINT pk_opinion_code PRIMARY KEY (tenant_id, hash),
    CONSTRAINT fk_opinion_code_tenant_id_stay_id FOREIGN KEY(tenant_id, stay_id) REFERENCES stay (tenant_id, id),
    CONSTRAINT ck_opinion_code_audience CHECK (audience in ('family', 'volunteer'))
);

CREATE INDEX ix_opinion_code_tenant_id_stay_id ON opinion_code (tenant_id, stay_id);

CREATE TABLE opinion (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    stay_id UUID NOT NULL,
    audience VARCHAR NOT NULL,
    week DATE NOT NULL,
    overall INTEGER NOT NULL,
    children INTEGER,
    travel INTEGER,
    again VARCHAR NOT NULL,
    words VARCHAR NOT NULL,
    CONSTRAINT pk_opinion PRIMARY KEY (tenant_id, id),
    CONSTRAINT fk_opinion_tenant_id_stay_id FOREIGN KEY(tenant_id, stay_id) REFERENCES stay (tenant_id, id),
    CONSTRAINT ck_opinion_audience CHECK (audience in ('family', 'volunteer')),
    CONSTRAINT ck_opinion_again CHECK (again in ('yes', 'perhaps', 'no')),
    CONSTRAINT ck_opinion_marks CHECK (overall between 1 and 5 and children between 1 and 5 and travel between 1 and 5),
    CONSTRAINT ck_opinion_week CHECK (extract(isodow from week) = 1),
    CONSTRAINT ck_opinion_words CHECK (length(words) <= 500)
);

CREATE INDEX ix_opinion_tenant_id_stay_id ON opinion (tenant_id, stay_id);
"""

TRIGGERS = """
-- What a municipality was sent its part of is not shared anew.
CREATE FUNCTION refuse_change_of_fixed_cost() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (old.stay_id, old.assembly_point, old.cost_ore, old.currency, old.fixed_at)
        IS DISTINCT FROM (new.stay_id, new.assembly_point, new.cost_ore, new.currency, new.fixed_at) THEN
        RAISE EXCEPTION 'the cost of the departure was invoiced' USING ERRCODE = 'check_violation';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER fixed BEFORE UPDATE ON departure FOR EACH ROW WHEN (old.fixed_at IS NOT NULL)
EXECUTE FUNCTION refuse_change_of_fixed_cost();

CREATE FUNCTION refuse_change_of_charge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(old) - '{state,invoiced_on,paid_on}'::text[] <> to_jsonb(new) - '{state,invoiced_on,paid_on}'::text[] THEN
        RAISE EXCEPTION 'the amount of a charge is never changed' USING ERRCODE = 'check_violation';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER unchanged BEFORE UPDATE ON travel_charge FOR EACH ROW EXECUTE FUNCTION refuse_change_of_charge();
-- A step back is for who pressed the wrong button.
CREATE TRIGGER transitions BEFORE UPDATE OF state ON travel_charge FOR EACH ROW EXECUTE FUNCTION refuse_other_transitions(
    'to_invoice invoiced', 'invoiced paid', 'invoiced to_invoice', 'paid invoiced'
);

-- The parts of a departure's cost are the whole of it, to the øre.
CREATE FUNCTION require_whole_cost() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    the_id uuid := CASE tg_table_name WHEN 'departure' THEN to_jsonb(new)->>'id' ELSE to_jsonb(new)->>'departure_id' END;
    whole bigint;
    parts bigint;
BEGIN
    SELECT d.cost_ore INTO whole FROM departure d
    WHERE d.tenant_id = new.tenant_id AND d.id = the_id AND d.fixed_at IS NOT NULL;
    SELECT sum(c.amount_ore) INTO parts FROM travel_charge c
    WHERE c.tenant_id = new.tenant_id AND c.departure_id = the_id;
    IF whole IS DISTINCT FROM parts THEN
        RAISE EXCEPTION 'the parts of a departure are not its cost' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER whole AFTER UPDATE ON departure DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (new.fixed_at IS NOT NULL) EXECUTE FUNCTION require_whole_cost();
CREATE CONSTRAINT TRIGGER whole AFTER INSERT ON travel_charge DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION require_whole_cost();

-- Who is seen or missed is somebody who accepted to come.
CREATE FUNCTION require_traveller() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM offer o JOIN offer_traveller t ON t.tenant_id = o.tenant_id AND t.offer_id = o.id
    WHERE o.tenant_id = new.tenant_id AND o.id = new.offer_id AND o.state = 'accepted'
        AND t.place = new.place AND t.comes;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'nobody of this offer comes' USING ERRCODE = 'check_violation';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER traveller BEFORE INSERT ON attendance FOR EACH ROW EXECUTE FUNCTION require_traveller();
"""

REPLACED = ("departure", "attendance", "packing_text", "opinion_code")
CHANGED = ("travel_charge", "travel_settings", "opinion")


def upgrade() -> None:
    for statements in (TABLES, TRIGGERS):
        op.get_bind().exec_driver_sql(statements.replace("%", "%%"))
    for table in (*REPLACED, *CHANGED):
        for statement in protect(table):
            op.execute(statement)
    app = op.get_context().config.attributes["app_role"]
    op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON {", ".join(REPLACED)} TO "{app}"')
    op.execute(f'GRANT SELECT, INSERT, UPDATE ON {", ".join(CHANGED)} TO "{app}"')
