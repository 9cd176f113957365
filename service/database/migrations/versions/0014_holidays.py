"""Free family holidays: what an organisation offers, whom services refer, and the lists that municipalities hand over

Revision ID: 0014
Revises: 0013
"""

from alembic import op

from service.database.tenancy import protect

revision = "0014"
down_revision = "0013"

TABLES = """
CREATE TABLE district (
    tenant_id UUID NOT NULL,
    id UUID DEFAULT uuidv7() NOT NULL,
    name VARCHAR NOT NULL,
    contact_name VARCHAR NOT NULL,
    contact_phone VARCHAR NOT NULL,
    contact_email VARCHAR NOT NULL,
    criteria JSONB NOT NULL,
    CONSTRAINT pk_district PRIMARY KEY (tenant_id, id),
    CONSTRAINT fk_district_tenant_id FOREIGN KEY(tenant_id) REFERENCES directory.tenant (id)
);

CREATE UNIQUE INDEX uq_district_name ON district (tenant_id, lower(name));

CREATE TABLE district_municipality (
    tenant_id UUID NOT NULL,
    id UUID DEFAULT uuidv7() NOT NULL,
    district_id UUID NOT NULL,
    name VARCHAR NOT NULL,
    code VARCHAR,
    CONSTRAINT pk_district_municipality PRIMARY KEY (tenant_id, id),
    CONSTRAINT fk_district_municipality_tenant_id_district_id FOREIGN KEY(tenant_id, district_id) REFERENCES district (tenant_id, id)
);

CREATE UNIQUE INDEX uq_district_municipality_code ON district_municipality (tenant_id, district_id, code) WHERE code is not null;

CREATE UNIQUE INDEX uq_district_municipality_name ON district_municipality (tenant_id, district_id, lower(name));

CREATE TABLE centre (
    tenant_id UUID NOT NULL,
    id UUID DEFAULT uuidv7() NOT NULL,
    name VARCHAR NOT NULL,
    region VARCHAR NOT NULL,
    address VARCHAR NOT NULL,
    accessibility VARCHAR NOT NULL,
    CONSTRAINT pk_centre PRIMARY KEY (tenant_id, id),
    CONSTRAINT fk_centre_tenant_id FOREIGN KEY(tenant_id) REFERENCES directory.tenant (id)
);

CREATE UNIQUE INDEX uq_centre_name ON centre (tenant_id, lower(name));

CREATE TABLE centre_room (
    tenant_id UUID NOT NULL,
    id UUID DEFAULT uuidv7() NOT NULL,
    centre_id UUID NOT NULL,
    name VARCHAR NOT NULL,
    beds INTEGER NOT NULL,
    CONSTRAINT pk_centre_room PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_centre_room_tenant_id_centre_id_name UNIQUE (tenant_id, centre_id, name),
    CONSTRAINT ck_centre_room_beds CHECK (beds between 1 and 20),
    CONSTRAINT fk_centre_room_tenant_id_centre_id FOREIGN KEY(tenant_id, centre_id) REFERENCES centre (tenant_id, id)
);

CREATE TABLE season (
    tenant_id UUID NOT NULL,
    id UUID DEFAULT uuidv7() NOT NULL,
    district_id UUID NOT NULL,
    name VARCHAR NOT NULL,
    first_day DATE NOT NULL,
    last_day DATE NOT NULL,
    referral_deadline DATE NOT NULL,
    list_deadline DATE NOT NULL,
    planned_on DATE NOT NULL,
    state VARCHAR NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE,
    copied_from UUID,
    CONSTRAINT pk_season PRIMARY KEY (tenant_id, id),
    CONSTRAINT ck_season_state CHECK (state in ('draft', 'published', 'closed')),
    CONSTRAINT ck_season_days CHECK (last_day >= first_day),
    CONSTRAINT ck_season_deadlines CHECK (list_deadline >= referral_deadline and planned_on >= list_deadline and first_day >= planned_on),
    CONSTRAINT fk_season_tenant_id_district_id FOREIGN KEY(tenant_id, district_id) REFERENCES district (tenant_id, id)
);

CREATE UNIQUE INDEX uq_season_name ON season (tenant_id, district_id, lower(name));

CREATE TABLE season_municipality (
    tenant_id UUID NOT NULL,
    season_id UUID NOT NULL,
    municipality_id UUID NOT NULL,
    quota INTEGER,
    CONSTRAINT pk_season_municipality PRIMARY KEY (tenant_id, season_id, municipality_id),
    CONSTRAINT fk_season_municipality_tenant_id_season_id FOREIGN KEY(tenant_id, season_id) REFERENCES season (tenant_id, id),
    CONSTRAINT fk_season_municipality_tenant_id_municipality_id FOREIGN KEY(tenant_id, municipality_id) REFERENCES district_municipality (tenant_id, id),
    CONSTRAINT ck_season_municipality_quota CHECK (quota >= 0)
);

CREATE TABLE stay (
    tenant_id UUID NOT NULL,
    id UUID DEFAULT uuidv7() NOT NULL,
    season_id UUID NOT NULL,
    centre_id UUID NOT NULL,
    code VARCHAR NOT NULL,
    region VARCHAR NOT NULL,
    starts_on DATE NOT NULL,
    ends_on DATE NOT NULL,
    family_places INTEGER NOT NULL,
    person_places INTEGER NOT NULL,
    volunteers INTEGER NOT NULL,
    min_child_age INTEGER NOT NULL,
    max_child_age INTEGER NOT NULL,
    min_families INTEGER NOT NULL,
    assembly_points VARCHAR[] NOT NULL,
    included VARCHAR NOT NULL,
    accessibility VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    cancelled_at TIMESTAMP WITH TIME ZONE,
    cancelled_because VARCHAR,
    CONSTRAINT pk_stay PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_stay_tenant_id_season_id_code UNIQUE (tenant_id, season_id, code),
    CONSTRAINT fk_stay_tenant_id_season_id FOREIGN KEY(tenant_id, season_id) REFERENCES season (tenant_id, id),
    CONSTRAINT fk_stay_tenant_id_centre_id FOREIGN KEY(tenant_id, centre_id) REFERENCES centre (tenant_id, id),
    CONSTRAINT ck_stay_state CHECK (state in ('planned', 'cancelled')),
    CONSTRAINT ck_stay_days CHECK (ends_on > starts_on),
    CONSTRAINT ck_stay_ages CHECK (min_child_age between 0 and 17 and max_child_age between min_child_age and 17),
    CONSTRAINT ck_stay_places CHECK (family_places between 1 and 200 and volunteers >= 0 and person_places > volunteers and person_places <= 2000 and min_families between 0 and family_places),
    CONSTRAINT ck_stay_cancelled CHECK ((state = 'cancelled') = (cancelled_at is not null))
);

CREATE TABLE fallback_offer (
    tenant_id UUID NOT NULL,
    id UUID DEFAULT uuidv7() NOT NULL,
    season_id UUID NOT NULL,
    kind VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    starts_on DATE NOT NULL,
    ends_on DATE NOT NULL,
    places INTEGER NOT NULL,
    min_age INTEGER NOT NULL,
    max_age INTEGER NOT NULL,
    description VARCHAR NOT NULL,
    CONSTRAINT pk_fallback_offer PRIMARY KEY (tenant_id, id),
    CONSTRAINT fk_fallback_offer_tenant_id_season_id FOREIGN KEY(tenant_id, season_id) REFERENCES season (tenant_id, id),
    CONSTRAINT ck_fallback_offer_kind CHECK (kind in ('day_trip', 'children_alone')),
    CONSTRAINT ck_fallback_offer_days CHECK (ends_on >= starts_on),
    CONSTRAINT ck_fallback_offer_places CHECK (places between 1 and 2000),
    CONSTRAINT ck_fallback_offer_ages CHECK (min_age between 0 and 17 and max_age between min_age and 17)
);

CREATE TABLE volunteer (
    tenant_id UUID NOT NULL,
    id UUID DEFAULT uuidv7() NOT NULL,
    name VARCHAR NOT NULL,
    phone VARCHAR NOT NULL,
    email VARCHAR NOT NULL,
    certificate_seen_on DATE,
    certificate_seen_by UUID,
    CONSTRAINT pk_volunteer PRIMARY KEY (tenant_id, id),
    CONSTRAINT ck_volunteer_email_lower CHECK (email = lower(email)),
    CONSTRAINT ck_volunteer_certificate CHECK (certificate_seen_by is null or certificate_seen_on is not null),
    CONSTRAINT fk_volunteer_tenant_id FOREIGN KEY(tenant_id) REFERENCES directory.tenant (id)
);

CREATE UNIQUE INDEX uq_volunteer_email ON volunteer (tenant_id, email) WHERE email <> '';

CREATE TABLE stay_role (
    tenant_id UUID NOT NULL,
    id UUID DEFAULT uuidv7() NOT NULL,
    stay_id UUID NOT NULL,
    role VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    volunteer_id UUID,
    CONSTRAINT pk_stay_role PRIMARY KEY (tenant_id, id),
    CONSTRAINT fk_stay_role_tenant_id_stay_id FOREIGN KEY(tenant_id, stay_id) REFERENCES stay (tenant_id, id),
    CONSTRAINT fk_stay_role_tenant_id_volunteer_id FOREIGN KEY(tenant_id, volunteer_id) REFERENCES volunteer (tenant_id, id),
    CONSTRAINT ck_stay_role_role CHECK (role in ('leader', 'deputy', 'cook', 'activities', 'first_aid', 'transport', 'helper')),
    CONSTRAINT ck_stay_role_state CHECK (state in ('needed', 'asked', 'confirmed')),
    CONSTRAINT ck_stay_role_volunteer CHECK ((state = 'needed') = (volunteer_id is null))
);

CREATE UNIQUE INDEX uq_stay_role_volunteer ON stay_role (tenant_id, stay_id, volunteer_id) WHERE volunteer_id is not null;

CREATE TABLE received_list (
    tenant_id UUID NOT NULL,
    id UUID DEFAULT uuidv7() NOT NULL,
    season_id UUID NOT NULL,
    municipality_id UUID NOT NULL,
    number INTEGER NOT NULL,
    source VARCHAR NOT NULL,
    sender_id UUID,
    sender_list_id UUID,
    families INTEGER NOT NULL,
    persons INTEGER NOT NULL,
    withdrawn INTEGER NOT NULL,
    changes JSONB NOT NULL,
    rejected JSONB NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    confirmed_at TIMESTAMP WITH TIME ZONE,
    confirmed_by UUID,
    CONSTRAINT pk_received_list PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_received_list_tenant_id_season_id_municipality_id_number UNIQUE (tenant_id, season_id, municipality_id, number),
    CONSTRAINT fk_received_list_tenant_id_season_id FOREIGN KEY(tenant_id, season_id) REFERENCES season (tenant_id, id),
    CONSTRAINT fk_received_list_tenant_id_municipality_id FOREIGN KEY(tenant_id, municipality_id) REFERENCES district_municipality (tenant_id, id),
    CONSTRAINT ck_received_list_source CHECK (source in ('handed_over', 'spreadsheet')),
    CONSTRAINT ck_received_list_counts CHECK (number > 0 and families >= 0 and persons >= 0 and withdrawn >= 0),
    CONSTRAINT ck_received_list_sender CHECK ((source = 'handed_over') = (sender_id is not null and sender_list_id is not null))
);

CREATE TABLE received_family (
    tenant_id UUID NOT NULL,
    id UUID DEFAULT uuidv7() NOT NULL,
    list_id UUID NOT NULL,
    place INTEGER NOT NULL,
    key VARCHAR NOT NULL,
    need INTEGER NOT NULL,
    contact_name VARCHAR NOT NULL,
    phone VARCHAR NOT NULL,
    language VARCHAR NOT NULL,
    interpreter BOOLEAN NOT NULL,
    last_participation INTEGER,
    late BOOLEAN NOT NULL,
    digest VARCHAR NOT NULL,
    CONSTRAINT pk_received_family PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_received_family_tenant_id_list_id_key UNIQUE (tenant_id, list_id, key),
    CONSTRAINT uq_received_family_tenant_id_list_id_place UNIQUE (tenant_id, list_id, place),
    CONSTRAINT fk_received_family_tenant_id_list_id FOREIGN KEY(tenant_id, list_id) REFERENCES received_list (tenant_id, id),
    CONSTRAINT ck_received_family_need CHECK (need between 1 and 5)
);

CREATE TABLE received_traveller (
    tenant_id UUID NOT NULL,
    family_id UUID NOT NULL,
    place INTEGER NOT NULL,
    name VARCHAR NOT NULL,
    birth_date DATE NOT NULL,
    CONSTRAINT pk_received_traveller PRIMARY KEY (tenant_id, family_id, place),
    CONSTRAINT fk_received_traveller_tenant_id_family_id FOREIGN KEY(tenant_id, family_id) REFERENCES received_family (tenant_id, id)
);

CREATE INDEX ix_received_traveller_tenant_id_birth_date ON received_traveller (tenant_id, birth_date);

CREATE TABLE received_wish (
    tenant_id UUID NOT NULL,
    family_id UUID NOT NULL,
    rank INTEGER NOT NULL,
    stay_id UUID NOT NULL,
    CONSTRAINT pk_received_wish PRIMARY KEY (tenant_id, family_id, rank),
    CONSTRAINT fk_received_wish_tenant_id_family_id FOREIGN KEY(tenant_id, family_id) REFERENCES received_family (tenant_id, id),
    CONSTRAINT fk_received_wish_tenant_id_stay_id FOREIGN KEY(tenant_id, stay_id) REFERENCES stay (tenant_id, id)
);

CREATE TABLE same_child (
    tenant_id UUID NOT NULL,
    season_id UUID NOT NULL,
    first_municipality_id UUID NOT NULL,
    first_key VARCHAR NOT NULL,
    second_municipality_id UUID NOT NULL,
    second_key VARCHAR NOT NULL,
    verdict VARCHAR NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE NOT NULL,
    decided_by UUID,
    CONSTRAINT pk_same_child PRIMARY KEY (tenant_id, season_id, first_municipality_id, first_key, second_municipality_id, second_key),
    CONSTRAINT fk_same_child_tenant_id_season_id FOREIGN KEY(tenant_id, season_id) REFERENCES season (tenant_id, id),
    CONSTRAINT fk_same_child_tenant_id_first_municipality_id FOREIGN KEY(tenant_id, first_municipality_id) REFERENCES district_municipality (tenant_id, id),
    CONSTRAINT fk_same_child_tenant_id_second_municipality_id FOREIGN KEY(tenant_id, second_municipality_id) REFERENCES district_municipality (tenant_id, id),
    CONSTRAINT ck_same_child_verdict CHECK (verdict in ('same', 'different'))
);

CREATE TABLE offered_season (
    tenant_id UUID NOT NULL,
    season_id UUID NOT NULL,
    organisation_id UUID NOT NULL,
    organisation_name VARCHAR NOT NULL,
    district_name VARCHAR NOT NULL,
    contact_name VARCHAR NOT NULL,
    contact_phone VARCHAR NOT NULL,
    contact_email VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    first_day DATE NOT NULL,
    last_day DATE NOT NULL,
    referral_deadline DATE NOT NULL,
    list_deadline DATE NOT NULL,
    planned_on DATE NOT NULL,
    criteria JSONB NOT NULL,
    quota INTEGER,
    state VARCHAR NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_offered_season PRIMARY KEY (tenant_id, season_id),
    CONSTRAINT ck_offered_season_state CHECK (state in ('published', 'closed')),
    CONSTRAINT fk_offered_season_tenant_id FOREIGN KEY(tenant_id) REFERENCES directory.tenant (id)
);

CREATE TABLE offered_stay (
    tenant_id UUID NOT NULL,
    stay_id UUID NOT NULL,
    season_id UUID NOT NULL,
    code VARCHAR NOT NULL,
    centre_name VARCHAR NOT NULL,
    region VARCHAR NOT NULL,
    starts_on DATE NOT NULL,
    ends_on DATE NOT NULL,
    family_places INTEGER NOT NULL,
    min_child_age INTEGER NOT NULL,
    max_child_age INTEGER NOT NULL,
    assembly_points VARCHAR[] NOT NULL,
    included VARCHAR NOT NULL,
    accessibility VARCHAR NOT NULL,
    cancelled BOOLEAN NOT NULL,
    CONSTRAINT pk_offered_stay PRIMARY KEY (tenant_id, stay_id),
    CONSTRAINT fk_offered_stay_tenant_id_season_id FOREIGN KEY(tenant_id, season_id) REFERENCES offered_season (tenant_id, season_id),
    CONSTRAINT uq_offered_stay_tenant_id_season_id_code UNIQUE (tenant_id, season_id, code)
);

CREATE TABLE referral_case (
    tenant_id UUID NOT NULL,
    id UUID DEFAULT uuidv7() NOT NULL,
    season_id UUID NOT NULL,
    family_key UUID DEFAULT gen_random_uuid() NOT NULL,
    state VARCHAR NOT NULL,
    leading_id UUID,
    need INTEGER,
    said VARCHAR NOT NULL,
    late BOOLEAN NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE,
    decided_by UUID,
    withdrawn_at TIMESTAMP WITH TIME ZONE,
    merged_into UUID,
    CONSTRAINT pk_referral_case PRIMARY KEY (tenant_id, id),
    CONSTRAINT fk_referral_case_tenant_id_season_id FOREIGN KEY(tenant_id, season_id) REFERENCES offered_season (tenant_id, season_id),
    CONSTRAINT uq_referral_case_tenant_id_family_key UNIQUE (tenant_id, family_key),
    CONSTRAINT ck_referral_case_state CHECK (state in ('open', 'sent_back', 'approved', 'rejected', 'withdrawn', 'merged')),
    CONSTRAINT ck_referral_case_need CHECK (need between 1 and 5),
    CONSTRAINT ck_referral_case_approved CHECK (state <> 'approved' or need is not null),
    CONSTRAINT ck_referral_case_said CHECK (state not in ('rejected', 'sent_back') or said <> ''),
    CONSTRAINT ck_referral_case_merged CHECK ((state = 'merged') = (merged_into is not null)),
    CONSTRAINT ck_referral_case_leading CHECK ((state in ('withdrawn', 'merged')) = (leading_id is null))
);

CREATE INDEX ix_referral_case_tenant_id_season_id_state ON referral_case (tenant_id, season_id, state);

CREATE TABLE referral (
    tenant_id UUID NOT NULL,
    id UUID DEFAULT uuidv7() NOT NULL,
    season_id UUID NOT NULL,
    case_id UUID,
    service_id UUID NOT NULL,
    state VARCHAR NOT NULL,
    person_id UUID,
    household_id UUID,
    phone VARCHAR NOT NULL,
    language VARCHAR NOT NULL,
    interpreter BOOLEAN NOT NULL,
    last_participation INTEGER,
    why VARCHAR NOT NULL,
    holds VARCHAR[] NOT NULL,
    consent_on DATE,
    consent_how VARCHAR,
    question VARCHAR NOT NULL,
    answer VARCHAR NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    made_by UUID,
    sent_at TIMESTAMP WITH TIME ZONE,
    changed_at TIMESTAMP WITH TIME ZONE,
    seen_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_referral PRIMARY KEY (tenant_id, id),
    CONSTRAINT fk_referral_tenant_id_season_id FOREIGN KEY(tenant_id, season_id) REFERENCES offered_season (tenant_id, season_id),
    CONSTRAINT fk_referral_tenant_id_case_id FOREIGN KEY(tenant_id, case_id) REFERENCES referral_case (tenant_id, id),
    CONSTRAINT fk_referral_tenant_id_service_id FOREIGN KEY(tenant_id, service_id) REFERENCES directory.organisation (tenant_id, id),
    CONSTRAINT ck_referral_state CHECK (state in ('draft', 'sent', 'sent_back', 'approved', 'rejected', 'withdrawn')),
    CONSTRAINT ck_referral_consent_how CHECK (consent_how in ('spoken', 'written', 'through_interpreter')),
    CONSTRAINT ck_referral_case CHECK ((state = 'draft') = (case_id is null)),
    CONSTRAINT ck_referral_consent CHECK (state in ('draft', 'withdrawn') or (consent_on is not null and consent_how is not null)),
    CONSTRAINT ck_referral_why CHECK (length(why) <= 300),
    CONSTRAINT ck_referral_withdrawn CHECK (state <> 'withdrawn' or (why = '' and phone = '' and language = '' and question = '' and answer = ''))
);

CREATE INDEX ix_referral_tenant_id_case_id ON referral (tenant_id, case_id);

CREATE INDEX ix_referral_tenant_id_service_id_state ON referral (tenant_id, service_id, state);

CREATE TABLE referral_traveller (
    tenant_id UUID NOT NULL,
    referral_id UUID NOT NULL,
    place INTEGER NOT NULL,
    name VARCHAR NOT NULL,
    name_key VARCHAR NOT NULL,
    birth_date DATE NOT NULL,
    person_id UUID,
    CONSTRAINT pk_referral_traveller PRIMARY KEY (tenant_id, referral_id, place),
    CONSTRAINT fk_referral_traveller_tenant_id_referral_id FOREIGN KEY(tenant_id, referral_id) REFERENCES referral (tenant_id, id)
);

CREATE INDEX ix_referral_traveller_tenant_id_birth_date ON referral_traveller (tenant_id, birth_date);

CREATE INDEX ix_referral_traveller_tenant_id_person_id ON referral_traveller (tenant_id, person_id);

CREATE TABLE referral_wish (
    tenant_id UUID NOT NULL,
    referral_id UUID NOT NULL,
    rank INTEGER NOT NULL,
    stay_id UUID NOT NULL,
    CONSTRAINT pk_referral_wish PRIMARY KEY (tenant_id, referral_id, rank),
    CONSTRAINT fk_referral_wish_tenant_id_referral_id FOREIGN KEY(tenant_id, referral_id) REFERENCES referral (tenant_id, id),
    CONSTRAINT fk_referral_wish_tenant_id_stay_id FOREIGN KEY(tenant_id, stay_id) REFERENCES offered_stay (tenant_id, stay_id)
);

CREATE TABLE case_verdict (
    tenant_id UUID NOT NULL,
    first_id UUID NOT NULL,
    second_id UUID NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE NOT NULL,
    decided_by UUID,
    CONSTRAINT pk_case_verdict PRIMARY KEY (tenant_id, first_id, second_id),
    CONSTRAINT fk_case_verdict_tenant_id_first_id FOREIGN KEY(tenant_id, first_id) REFERENCES referral_case (tenant_id, id),
    CONSTRAINT fk_case_verdict_tenant_id_second_id FOREIGN KEY(tenant_id, second_id) REFERENCES referral_case (tenant_id, id)
);

CREATE TABLE referral_list (
    tenant_id UUID NOT NULL,
    id UUID DEFAULT uuidv7() NOT NULL,
    season_id UUID NOT NULL,
    number INTEGER NOT NULL,
    families INTEGER NOT NULL,
    persons INTEGER NOT NULL,
    withdrawn INTEGER NOT NULL,
    changes JSONB NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    made_by UUID,
    handed_over_at TIMESTAMP WITH TIME ZONE,
    confirmed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_referral_list PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_referral_list_tenant_id_season_id_number UNIQUE (tenant_id, season_id, number),
    CONSTRAINT fk_referral_list_tenant_id_season_id FOREIGN KEY(tenant_id, season_id) REFERENCES offered_season (tenant_id, season_id),
    CONSTRAINT ck_referral_list_counts CHECK (number > 0 and families >= 0 and persons >= 0 and withdrawn >= 0)
);

CREATE TABLE referral_list_entry (
    tenant_id UUID NOT NULL,
    list_id UUID NOT NULL,
    place INTEGER NOT NULL,
    case_id UUID NOT NULL,
    content JSONB NOT NULL,
    CONSTRAINT pk_referral_list_entry PRIMARY KEY (tenant_id, list_id, place),
    CONSTRAINT fk_referral_list_entry_tenant_id_list_id FOREIGN KEY(tenant_id, list_id) REFERENCES referral_list (tenant_id, id),
    CONSTRAINT fk_referral_list_entry_tenant_id_case_id FOREIGN KEY(tenant_id, case_id) REFERENCES referral_case (tenant_id, id)
);
"""

TRIGGERS = """
CREATE TRIGGER transitions BEFORE UPDATE OF state ON season FOR EACH ROW EXECUTE FUNCTION refuse_other_transitions(
    'draft published', 'published closed', 'closed published'
);
CREATE TRIGGER transitions BEFORE UPDATE OF state ON stay FOR EACH ROW
EXECUTE FUNCTION refuse_other_transitions('planned cancelled');
CREATE TRIGGER transitions BEFORE UPDATE OF state ON referral_case FOR EACH ROW
EXECUTE FUNCTION refuse_other_transitions(
    'open sent_back', 'open approved', 'open rejected', 'open merged', 'open withdrawn',
    'sent_back open', 'sent_back approved', 'sent_back rejected', 'sent_back merged', 'sent_back withdrawn',
    'approved open', 'approved sent_back', 'approved rejected', 'approved merged', 'approved withdrawn',
    'rejected open', 'rejected approved', 'rejected sent_back', 'rejected withdrawn'
);
CREATE TRIGGER transitions BEFORE UPDATE OF state ON referral FOR EACH ROW EXECUTE FUNCTION refuse_other_transitions(
    'draft sent', 'sent sent_back', 'sent approved', 'sent rejected', 'sent withdrawn',
    'sent_back sent', 'sent_back approved', 'sent_back rejected', 'sent_back withdrawn',
    'approved sent', 'approved sent_back', 'approved rejected', 'approved withdrawn',
    'rejected sent', 'rejected sent_back', 'rejected approved', 'rejected withdrawn'
);

CREATE TRIGGER unchanged BEFORE UPDATE ON received_family FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER unchanged BEFORE UPDATE ON received_traveller FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER unchanged BEFORE UPDATE ON received_wish FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER unchanged BEFORE UPDATE ON referral_list_entry FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Of a version that was handed over only the receipt is added.
CREATE FUNCTION refuse_all_but_receipt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(old) - '{confirmed_at,confirmed_by}'::text[] <> to_jsonb(new) - '{confirmed_at,confirmed_by}'::text[]
        OR old.confirmed_at IS NOT NULL THEN
        RAISE EXCEPTION 'a version of a list is never changed' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER unchanged BEFORE UPDATE ON received_list FOR EACH ROW EXECUTE FUNCTION refuse_all_but_receipt();
CREATE TRIGGER unchanged BEFORE UPDATE ON referral_list FOR EACH ROW WHEN (old.handed_over_at IS NOT NULL)
EXECUTE FUNCTION refuse_all_but_receipt();

CREATE FUNCTION refuse_later_entries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM referral_list l WHERE l.tenant_id = new.tenant_id AND l.id = new.list_id
        AND l.handed_over_at IS NOT NULL) THEN
        RAISE EXCEPTION 'a version of a list is never changed' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER before_hand_over BEFORE INSERT ON referral_list_entry FOR EACH ROW
EXECUTE FUNCTION refuse_later_entries();
"""

FUNCTIONS = """
-- Copies a season with its stays to every municipality of it that has a Medspiller; gives how many those are.
CREATE FUNCTION directory.publish_season(a_season uuid, at timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE reached integer;
BEGIN
    INSERT INTO offered_season (
        tenant_id, season_id, organisation_id, organisation_name, district_name, contact_name, contact_phone,
        contact_email, name, first_day, last_day, referral_deadline, list_deadline, planned_on, criteria, quota, state,
        published_at
    )
    SELECT t.id, s.id, s.tenant_id, o.name, d.name, d.contact_name, d.contact_phone, d.contact_email, s.name,
        s.first_day, s.last_day, s.referral_deadline, s.list_deadline, s.planned_on, d.criteria, sm.quota, s.state, at
    FROM season s
    JOIN directory.tenant o ON o.id = s.tenant_id
    JOIN district d ON (d.tenant_id, d.id) = (s.tenant_id, s.district_id)
    JOIN season_municipality sm ON (sm.tenant_id, sm.season_id) = (s.tenant_id, s.id)
    JOIN district_municipality m ON (m.tenant_id, m.id) = (sm.tenant_id, sm.municipality_id)
    JOIN directory.tenant t ON t.kind = 'municipality' AND t.code = m.code AND t.country = o.country
    WHERE s.tenant_id = directory.acting() AND s.id = a_season AND s.state <> 'draft'
    ON CONFLICT (tenant_id, season_id) DO UPDATE SET (
        organisation_name, district_name, contact_name, contact_phone, contact_email, name, first_day, last_day,
        referral_deadline, list_deadline, planned_on, criteria, quota, state, published_at
    ) = (
        excluded.organisation_name, excluded.district_name, excluded.contact_name, excluded.contact_phone,
        excluded.contact_email, excluded.name, excluded.first_day, excluded.last_day, excluded.referral_deadline,
        excluded.list_deadline, excluded.planned_on, excluded.criteria, excluded.quota, excluded.state,
        excluded.published_at
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

-- Keeps the next version of a list. Only what is named here is copied, whatever else the families may hold. Families
-- whose keys are withdrawn go from all versions, and are counted.
CREATE FUNCTION directory.keep_received_list(
    an_organisation uuid, a_season uuid, a_municipality uuid, a_source text, a_sender uuid, a_sender_list uuid,
    families jsonb, rejected_lines jsonb, withdrawn_keys text[], at timestamptz
) RETURNS uuid LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    made uuid := uuidv7();
    last public.received_list;
    gone integer;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('received_list ' || an_organisation || a_season || a_municipality, 0));
    SELECT * INTO last FROM received_list l WHERE l.tenant_id = an_organisation AND l.season_id = a_season
        AND l.municipality_id = a_municipality ORDER BY l.number DESC LIMIT 1;
    CREATE TEMPORARY TABLE coming ON COMMIT DROP AS
    SELECT uuidv7() AS id, ordinality::integer AS place, value ->> 'key' AS key, value AS content
    FROM jsonb_array_elements(families) WITH ORDINALITY
    WHERE NOT value ->> 'key' = ANY (withdrawn_keys);
    CREATE TEMPORARY TABLE leaving ON COMMIT DROP AS
    SELECT f.id, f.key FROM received_family f JOIN received_list l ON (l.tenant_id, l.id) = (f.tenant_id, f.list_id)
    WHERE l.tenant_id = an_organisation AND l.season_id = a_season AND l.municipality_id = a_municipality
        AND f.key = ANY (withdrawn_keys);
    SELECT count(DISTINCT key) INTO gone FROM leaving;
    INSERT INTO received_list (
        tenant_id, id, season_id, municipality_id, number, source, sender_id, sender_list_id, families, persons,
        withdrawn, changes, rejected, received_at
    )
    SELECT an_organisation, made, a_season, a_municipality, coalesce(last.number, 0) + 1, a_source, a_sender,
        a_sender_list, (SELECT count(*) FROM coming),
        (SELECT coalesce(sum(jsonb_array_length(content -> 'travellers')), 0) FROM coming), gone,
        jsonb_build_object(
            'added', (SELECT coalesce(jsonb_agg(c.key ORDER BY c.place), '[]') FROM coming c WHERE NOT EXISTS (
                SELECT FROM received_family f WHERE f.tenant_id = an_organisation AND f.list_id = last.id
                    AND f.key = c.key)),
            'changed', (SELECT coalesce(jsonb_agg(c.key ORDER BY c.place), '[]') FROM coming c
                JOIN received_family f ON f.tenant_id = an_organisation AND f.list_id = last.id AND f.key = c.key
                WHERE f.digest <> md5(c.content::text)),
            'removed', (SELECT count(*) FROM received_family f WHERE f.tenant_id = an_organisation
                AND f.list_id = last.id AND NOT f.key = ANY (withdrawn_keys)
                AND NOT EXISTS (SELECT FROM coming c WHERE c.key = f.key))
        ), rejected_lines, at;
    DELETE FROM received_wish w USING leaving g WHERE (w.tenant_id, w.family_id) = (an_organisation, g.id);
    DELETE FROM received_traveller t USING leaving g WHERE (t.tenant_id, t.family_id) = (an_organisation, g.id);
    DELETE FROM received_family f USING leaving g WHERE (f.tenant_id, f.id) = (an_organisation, g.id);
    DELETE FROM same_child s WHERE s.tenant_id = an_organisation AND s.season_id = a_season AND (
        (s.first_municipality_id = a_municipality AND s.first_key = ANY (withdrawn_keys))
        OR (s.second_municipality_id = a_municipality AND s.second_key = ANY (withdrawn_keys)));
    INSERT INTO received_family (
        tenant_id, id, list_id, place, key, need, contact_name, phone, language, interpreter, last_participation, late,
        digest
    )
    SELECT an_organisation, c.id, made, c.place, c.key, r.need, r.contact_name, r.phone, r.language, r.interpreter,
        r.last_participation, r.late, md5(c.content::text)
    FROM coming c, jsonb_to_record(c.content) AS r (
        need integer, contact_name text, phone text, language text, interpreter boolean, last_participation integer,
        late boolean);
    INSERT INTO received_traveller (tenant_id, family_id, place, name, birth_date)
    SELECT an_organisation, c.id, t.ordinality, t.value ->> 'name', (t.value ->> 'birth_date')::date
    FROM coming c, jsonb_array_elements(c.content -> 'travellers') WITH ORDINALITY AS t (value, ordinality);
    INSERT INTO received_wish (tenant_id, family_id, rank, stay_id)
    SELECT an_organisation, c.id, w.ordinality, w.value::uuid
    FROM coming c, jsonb_array_elements_text(c.content -> 'wishes') WITH ORDINALITY AS w (value, ordinality);
    DROP TABLE coming, leaving;
    RETURN made;
END $$;

-- Copies a version that the municipality has put together to the organisation that offered the season to it.
CREATE FUNCTION directory.hand_over_list(a_list uuid, at timestamptz) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    acting uuid := directory.acting();
    version public.referral_list;
    organisation uuid;
    municipality uuid;
    kept uuid;
    gone text[];
BEGIN
    SELECT * INTO version FROM referral_list l WHERE l.tenant_id = acting AND l.id = a_list
        AND l.handed_over_at IS NULL FOR UPDATE;
    IF version.id IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT o.organisation_id, sm.municipality_id INTO organisation, municipality
    FROM offered_season o JOIN directory.tenant t ON t.id = o.tenant_id
    JOIN season_municipality sm ON (sm.tenant_id, sm.season_id) = (o.organisation_id, o.season_id)
    JOIN district_municipality m ON (m.tenant_id, m.id) = (sm.tenant_id, sm.municipality_id) AND m.code = t.code
    WHERE o.tenant_id = acting AND o.season_id = version.season_id;
    IF municipality IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT coalesce(array_agg(c.family_key::text), '{}') INTO gone FROM referral_case c
    WHERE c.tenant_id = acting AND c.season_id = version.season_id AND c.state = 'withdrawn';
    kept := directory.keep_received_list(
        organisation, version.season_id, municipality, 'handed_over', acting, version.id,
        (SELECT coalesce(jsonb_agg(e.content ORDER BY e.place), '[]') FROM referral_list_entry e
            WHERE e.tenant_id = acting AND e.list_id = version.id), '[]', gone, at);
    DELETE FROM referral_list_entry e USING referral_case c, referral_list l
    WHERE e.tenant_id = acting AND (c.tenant_id, c.id) = (acting, e.case_id) AND c.state = 'withdrawn'
        AND (l.tenant_id, l.id) = (acting, e.list_id) AND l.season_id = version.season_id;
    UPDATE referral_list l SET handed_over_at = at, withdrawn = r.withdrawn, changes = r.changes
    FROM received_list r WHERE (l.tenant_id, l.id) = (acting, version.id) AND (r.tenant_id, r.id) = (organisation, kept);
    RETURN kept;
END $$;

-- Takes over a list that a municipality without Medspiller has sent as a spreadsheet.
CREATE FUNCTION directory.take_over_list(
    a_season uuid, a_municipality uuid, families jsonb, rejected_lines jsonb, withdrawn_keys text[], at timestamptz
) RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM season_municipality sm WHERE sm.tenant_id = directory.acting()
        AND sm.season_id = a_season AND sm.municipality_id = a_municipality) THEN
        RETURN NULL;
    END IF;
    RETURN directory.keep_received_list(directory.acting(), a_season, a_municipality, 'spreadsheet', NULL, NULL,
        families, rejected_lines, withdrawn_keys, at);
END $$;

-- The organisation confirms that a version has come; whoever handed it over sees it.
CREATE FUNCTION directory.confirm_list(a_list uuid, by_account uuid, at timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE confirmed public.received_list;
BEGIN
    UPDATE received_list SET confirmed_at = at, confirmed_by = by_account
    WHERE tenant_id = directory.acting() AND id = a_list AND confirmed_at IS NULL RETURNING * INTO confirmed;
    UPDATE referral_list SET confirmed_at = at
    WHERE tenant_id = confirmed.sender_id AND id = confirmed.sender_list_id;
    RETURN confirmed.id IS NOT NULL;
END $$;

REVOKE EXECUTE ON FUNCTION directory.publish_season, directory.keep_received_list, directory.hand_over_list,
    directory.take_over_list, directory.confirm_list FROM PUBLIC;
"""

CHANGED = (
    "district",
    "district_municipality",
    "centre",
    "season",
    "stay",
    "volunteer",
    "referral_case",
)
REPLACED = (
    "centre_room",
    "season_municipality",
    "fallback_offer",
    "stay_role",
    "same_child",
    "case_verdict",
    "referral",
    "referral_traveller",
    "referral_wish",
)
COPIED = (
    "offered_season",
    "offered_stay",
    "received_list",
    "received_family",
    "received_traveller",
    "received_wish",
)
"""What functions alone write: nobody changes what was offered or handed over."""
VERSIONS = ("referral_list", "referral_list_entry")


def upgrade() -> None:
    # Here a colon is no bind parameter, but a lone percent sign would be a placeholder.
    for statements in (TABLES, TRIGGERS, FUNCTIONS):
        op.get_bind().exec_driver_sql(statements.replace("%", "%%"))
    for table in (*CHANGED, *REPLACED, *COPIED, *VERSIONS):
        for statement in protect(table):
            op.execute(statement)
    app = op.get_context().config.attributes["app_role"]
    op.execute(f'GRANT SELECT, INSERT, UPDATE ON {", ".join(CHANGED)} TO "{app}"')
    op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON {", ".join(REPLACED)} TO "{app}"')
    op.execute(f'GRANT SELECT ON {", ".join(COPIED)} TO "{app}"')
    op.execute(f'GRANT SELECT, INSERT ON {", ".join(VERSIONS)} TO "{app}"')
    for function in ("publish_season", "hand_over_list", "take_over_list", "confirm_list"):
        op.execute(f'GRANT EXECUTE ON FUNCTION directory.{function} TO "{app}"')
