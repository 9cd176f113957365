"""Claims of clubs, reservations, terms, payment dates and budgets

Revision ID: 0012
Revises: 0011
"""

from alembic import op

from service.database.tenancy import protect

revision = "0012"
down_revision = "0011"

CASE_DATA = ("claim_terms", "payment_date", "claim_settings", "budget", "budget_used", "reservation", "claim")

TABLES = """
CREATE TABLE claim_terms (
    tenant_id UUID NOT NULL,
    id UUID DEFAULT uuidv7() NOT NULL,
    scheme_id UUID NOT NULL,
    number INTEGER NOT NULL,
    valid_from DATE NOT NULL,
    source VARCHAR NOT NULL,
    terms JSONB NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    made_by UUID,
    CONSTRAINT pk_claim_terms PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_claim_terms_tenant_id_scheme_id_number UNIQUE (tenant_id, scheme_id, number),
    CONSTRAINT ck_claim_terms_source CHECK (source <> ''),
    CONSTRAINT fk_claim_terms_tenant_id_scheme_id FOREIGN KEY (tenant_id, scheme_id) REFERENCES scheme (tenant_id, id)
);

CREATE TABLE payment_date (
    tenant_id UUID NOT NULL,
    pays_on DATE NOT NULL,
    cutoff DATE NOT NULL,
    CONSTRAINT pk_payment_date PRIMARY KEY (tenant_id, pays_on),
    CONSTRAINT ck_payment_date_order CHECK (cutoff < pays_on)
);

CREATE TABLE claim_settings (
    tenant_id UUID NOT NULL,
    settings JSONB NOT NULL,
    CONSTRAINT pk_claim_settings PRIMARY KEY (tenant_id),
    CONSTRAINT fk_claim_settings_tenant_id FOREIGN KEY (tenant_id) REFERENCES directory.tenant (id)
);

CREATE TABLE budget (
    tenant_id UUID NOT NULL,
    scheme_id UUID NOT NULL,
    year INTEGER NOT NULL,
    appropriation_ore BIGINT NOT NULL,
    warn_percent INTEGER NOT NULL,
    hard_stop BOOLEAN NOT NULL,
    source VARCHAR NOT NULL,
    set_at TIMESTAMP WITH TIME ZONE NOT NULL,
    set_by UUID,
    lifted_at TIMESTAMP WITH TIME ZONE,
    lifted_by UUID,
    lifted_because VARCHAR,
    CONSTRAINT pk_budget PRIMARY KEY (tenant_id, scheme_id, year),
    CONSTRAINT ck_budget_appropriation CHECK (appropriation_ore >= 0),
    CONSTRAINT ck_budget_warn_percent CHECK (warn_percent BETWEEN 1 AND 100),
    CONSTRAINT ck_budget_source CHECK (source <> ''),
    CONSTRAINT ck_budget_lifted CHECK ((lifted_at IS NULL) = (lifted_because IS NULL)),
    CONSTRAINT fk_budget_tenant_id_scheme_id FOREIGN KEY (tenant_id, scheme_id) REFERENCES scheme (tenant_id, id)
);

-- What is held of a year's budget, in parts: claims of different sessions do not wait for each other's row.
CREATE TABLE budget_used (
    tenant_id UUID NOT NULL,
    scheme_id UUID NOT NULL,
    year INTEGER NOT NULL,
    part SMALLINT NOT NULL,
    held_ore BIGINT NOT NULL,
    CONSTRAINT pk_budget_used PRIMARY KEY (tenant_id, scheme_id, year, part)
) WITH (fillfactor = 50);

CREATE TABLE reservation (
    tenant_id UUID NOT NULL,
    id UUID DEFAULT uuidv7() NOT NULL,
    club_id UUID NOT NULL,
    pass_id UUID NOT NULL,
    scheme_id UUID NOT NULL,
    year INTEGER NOT NULL,
    fund VARCHAR NOT NULL,
    given_name VARCHAR NOT NULL,
    activity VARCHAR NOT NULL,
    fee_ore BIGINT NOT NULL,
    reserved_ore BIGINT NOT NULL,
    state VARCHAR NOT NULL,
    until DATE NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    made_by UUID,
    ended_at TIMESTAMP WITH TIME ZONE,
    held_ore BIGINT GENERATED ALWAYS AS (CASE WHEN state = 'held' THEN reserved_ore ELSE 0 END) STORED NOT NULL,
    CONSTRAINT pk_reservation PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_reservation_tenant_id_id_pass_id UNIQUE (tenant_id, id, pass_id),
    CONSTRAINT ck_reservation_fund CHECK (fund IN ('membership', 'equipment')),
    CONSTRAINT ck_reservation_state CHECK (state IN ('held', 'claimed', 'released', 'expired')),
    CONSTRAINT ck_reservation_ended CHECK ((state = 'held') = (ended_at IS NULL)),
    CONSTRAINT ck_reservation_amount CHECK (reserved_ore > 0 AND reserved_ore <= fee_ore),
    CONSTRAINT fk_reservation_tenant_id_club_id FOREIGN KEY (tenant_id, club_id) REFERENCES club (tenant_id, id),
    CONSTRAINT fk_reservation_tenant_id_pass_id FOREIGN KEY (tenant_id, pass_id) REFERENCES leisure_pass (tenant_id, id)
);
CREATE INDEX ix_reservation_held ON reservation (tenant_id, until) WHERE state = 'held';
CREATE INDEX ix_reservation_tenant_id_club_id_id ON reservation (tenant_id, club_id, id);
CREATE INDEX ix_reservation_tenant_id_pass_id ON reservation (tenant_id, pass_id);

CREATE TABLE claim (
    tenant_id UUID NOT NULL,
    id UUID DEFAULT uuidv7() NOT NULL,
    club_id UUID NOT NULL,
    pass_id UUID NOT NULL,
    person_id UUID NOT NULL,
    scheme_id UUID NOT NULL,
    year INTEGER GENERATED ALWAYS AS (extract(year FROM season_start)) STORED NOT NULL,
    kind VARCHAR NOT NULL,
    given_name VARCHAR NOT NULL,
    activity VARCHAR NOT NULL,
    activity_kind VARCHAR,
    season_start DATE NOT NULL,
    season_end DATE NOT NULL,
    sessions INTEGER,
    fee_ore BIGINT NOT NULL,
    covered_ore BIGINT NOT NULL,
    family_share_paid_by VARCHAR NOT NULL,
    reference VARCHAR,
    reservation_id UUID,
    state VARCHAR NOT NULL,
    reasons VARCHAR[] NOT NULL,
    note VARCHAR,
    to_tell BOOLEAN DEFAULT false NOT NULL,
    door VARCHAR NOT NULL,
    submitted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    submitted_by UUID,
    decided_at TIMESTAMP WITH TIME ZONE,
    decided_by UUID,
    expected_payment_date DATE,
    paid_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    anonymised_at TIMESTAMP WITH TIME ZONE,
    held_ore BIGINT GENERATED ALWAYS AS (
        CASE WHEN state IN ('rejected', 'withdrawn') THEN 0 ELSE covered_ore END) STORED NOT NULL,
    CONSTRAINT pk_claim PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_claim_tenant_id_id_pass_id UNIQUE (tenant_id, id, pass_id),
    CONSTRAINT ck_claim_kind CHECK (kind IN ('membership', 'equipment')),
    CONSTRAINT ck_claim_state CHECK (
        state IN ('submitted', 'approved', 'rejected', 'in_payment', 'paid', 'returned', 'withdrawn')),
    CONSTRAINT ck_claim_share_paid_by CHECK (family_share_paid_by IN ('family', 'club', 'fund')),
    CONSTRAINT ck_claim_fee CHECK (fee_ore > 0),
    CONSTRAINT ck_claim_covered CHECK (
        covered_ore >= 0 AND covered_ore <= fee_ore AND (covered_ore > 0 OR state IN ('rejected', 'withdrawn'))),
    CONSTRAINT ck_claim_season CHECK (season_end >= season_start),
    CONSTRAINT ck_claim_sessions CHECK (sessions >= 0),
    CONSTRAINT ck_claim_decided CHECK (state IN ('submitted', 'withdrawn') OR decided_at IS NOT NULL),
    CONSTRAINT ck_claim_reasons CHECK (state <> 'rejected' OR cardinality(reasons) > 0),
    CONSTRAINT ck_claim_paid CHECK (state <> 'paid' OR paid_at IS NOT NULL),
    CONSTRAINT fk_claim_tenant_id_club_id FOREIGN KEY (tenant_id, club_id) REFERENCES club (tenant_id, id),
    CONSTRAINT fk_claim_tenant_id_pass_id FOREIGN KEY (tenant_id, pass_id) REFERENCES leisure_pass (tenant_id, id),
    CONSTRAINT fk_claim_tenant_id_reservation_id FOREIGN KEY (tenant_id, reservation_id)
        REFERENCES reservation (tenant_id, id)
);
CREATE INDEX ix_claim_tenant_id_club_id_id ON claim (tenant_id, club_id, id);
CREATE INDEX ix_claim_tenant_id_pass_id ON claim (tenant_id, pass_id);
CREATE INDEX ix_claim_waiting ON claim (tenant_id, id) WHERE state = 'submitted';
CREATE INDEX ix_claim_to_tell ON claim (tenant_id, club_id) WHERE to_tell;
CREATE INDEX ix_claim_payable ON claim (tenant_id, decided_at) WHERE state = 'approved';
CREATE UNIQUE INDEX uq_claim_reservation ON claim (tenant_id, reservation_id) WHERE state NOT IN ('rejected', 'withdrawn');
-- A file that is sent twice, or a call repeated without its key, makes no second claim.
CREATE UNIQUE INDEX uq_claim_reference ON claim (tenant_id, club_id, reference, pass_id, kind, season_start)
    WHERE reference IS NOT NULL AND state NOT IN ('rejected', 'withdrawn');

ALTER TABLE pass_entry ADD COLUMN claim_id UUID, ADD COLUMN reservation_id UUID,
    ADD CONSTRAINT ck_pass_entry_of CHECK (claim_id IS NULL OR reservation_id IS NULL),
    ADD CONSTRAINT ck_pass_entry_reason CHECK (
        kind = 'adjust'
        OR (kind IN ('reserve', 'settle', 'release', 'reverse')) = (claim_id IS NOT NULL OR reservation_id IS NOT NULL)),
    ADD CONSTRAINT ck_pass_entry_sign CHECK (CASE kind
        WHEN 'grant' THEN amount_ore > 0 WHEN 'release' THEN amount_ore > 0 WHEN 'reverse' THEN amount_ore > 0
        WHEN 'reserve' THEN amount_ore < 0 WHEN 'settle' THEN amount_ore < 0 ELSE true END),
    ADD CONSTRAINT fk_pass_entry_tenant_id_claim_id_pass_id FOREIGN KEY (tenant_id, claim_id, pass_id)
        REFERENCES claim (tenant_id, id, pass_id),
    ADD CONSTRAINT fk_pass_entry_tenant_id_reservation_id_pass_id FOREIGN KEY (tenant_id, reservation_id, pass_id)
        REFERENCES reservation (tenant_id, id, pass_id);
CREATE INDEX ix_pass_entry_tenant_id_claim_id ON pass_entry (tenant_id, claim_id) WHERE claim_id IS NOT NULL;
CREATE INDEX ix_pass_entry_tenant_id_reservation_id ON pass_entry (tenant_id, reservation_id)
    WHERE reservation_id IS NOT NULL;
"""

TRIGGERS = """
CREATE TRIGGER transitions BEFORE UPDATE OF state ON claim FOR EACH ROW EXECUTE FUNCTION refuse_other_transitions(
    'submitted approved', 'submitted rejected', 'submitted withdrawn',
    'approved in_payment', 'approved withdrawn', 'approved rejected',
    'in_payment approved', 'in_payment paid', 'in_payment returned',
    'paid returned', 'returned approved', 'returned withdrawn'
);
CREATE TRIGGER transitions BEFORE UPDATE OF state ON reservation FOR EACH ROW
EXECUTE FUNCTION refuse_other_transitions('held claimed', 'held released', 'held expired');

-- What a claim or a reservation holds stands in the ledger of its pass, no more and no less, when a transaction ends.
CREATE FUNCTION require_ledger_of_claim() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE held bigint; fund_of text; entered bigint; elsewhere bigint; the_id uuid;
BEGIN
    the_id := CASE WHEN TG_TABLE_NAME = 'claim' THEN NEW.id ELSE (to_jsonb(NEW) ->> 'claim_id')::uuid END;
    SELECT c.held_ore, c.kind INTO held, fund_of FROM claim c WHERE c.tenant_id = NEW.tenant_id AND c.id = the_id;
    SELECT coalesce(sum(e.amount_ore) FILTER (WHERE e.fund = fund_of), 0),
        count(*) FILTER (WHERE e.fund <> fund_of) INTO entered, elsewhere
    FROM pass_entry e WHERE e.tenant_id = NEW.tenant_id AND e.claim_id = the_id;
    IF entered <> -held OR elsewhere > 0 THEN
        RAISE EXCEPTION 'the ledger does not hold what claim % holds', the_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ledger_made AFTER INSERT ON claim DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION require_ledger_of_claim();
CREATE CONSTRAINT TRIGGER ledger AFTER UPDATE ON claim DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.held_ore IS DISTINCT FROM NEW.held_ore OR OLD.pass_id <> NEW.pass_id OR OLD.kind <> NEW.kind)
    EXECUTE FUNCTION require_ledger_of_claim();
CREATE CONSTRAINT TRIGGER claim_holds AFTER INSERT ON pass_entry DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.claim_id IS NOT NULL) EXECUTE FUNCTION require_ledger_of_claim();

CREATE FUNCTION require_ledger_of_reservation() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE held bigint; fund_of text; entered bigint; elsewhere bigint; the_id uuid;
BEGIN
    the_id := CASE WHEN TG_TABLE_NAME = 'reservation' THEN NEW.id ELSE (to_jsonb(NEW) ->> 'reservation_id')::uuid END;
    SELECT r.held_ore, r.fund INTO held, fund_of FROM reservation r WHERE r.tenant_id = NEW.tenant_id AND r.id = the_id;
    SELECT coalesce(sum(e.amount_ore) FILTER (WHERE e.fund = fund_of), 0),
        count(*) FILTER (WHERE e.fund <> fund_of) INTO entered, elsewhere
    FROM pass_entry e WHERE e.tenant_id = NEW.tenant_id AND e.reservation_id = the_id;
    IF entered <> -held OR elsewhere > 0 THEN
        RAISE EXCEPTION 'the ledger does not hold what reservation % holds', the_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ledger_made AFTER INSERT ON reservation DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION require_ledger_of_reservation();
CREATE CONSTRAINT TRIGGER ledger AFTER UPDATE ON reservation DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.held_ore IS DISTINCT FROM NEW.held_ore) EXECUTE FUNCTION require_ledger_of_reservation();
CREATE CONSTRAINT TRIGGER reservation_holds AFTER INSERT ON pass_entry DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.reservation_id IS NOT NULL) EXECUTE FUNCTION require_ledger_of_reservation();

CREATE FUNCTION count_budget() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_catalog, pg_temp AS $$
DECLARE change bigint := NEW.held_ore - CASE WHEN TG_OP = 'UPDATE' THEN OLD.held_ore ELSE 0 END;
BEGIN
    IF change <> 0 THEN
        INSERT INTO budget_used AS used (tenant_id, scheme_id, year, part, held_ore)
        VALUES (NEW.tenant_id, NEW.scheme_id, NEW.year, pg_backend_pid() % 64, change)
        ON CONFLICT (tenant_id, scheme_id, year, part) DO UPDATE SET held_ore = used.held_ore + excluded.held_ore;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER budget AFTER INSERT OR UPDATE OF state, covered_ore ON claim FOR EACH ROW EXECUTE FUNCTION count_budget();
CREATE TRIGGER budget AFTER INSERT OR UPDATE OF state ON reservation FOR EACH ROW EXECUTE FUNCTION count_budget();
"""

FUNCTIONS = """
CREATE FUNCTION directory.attempts(a_kind text, a_key bytea, at timestamptz, span interval) RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT coalesce((SELECT t.count FROM directory.attempt t
        WHERE t.kind = a_kind AND t.key = a_key AND t.since > at - span), 0);
END;

-- Everything that a claim, a reservation or a coverage check is decided by, read with the lock on the pass. In a
-- function, for each of its statements sees what committed while the lock was waited for: one statement would not.
CREATE FUNCTION read_for_claim(
    a_club uuid, a_hash bytea, a_fund text, a_name text, an_activity text, a_start date, an_end date,
    a_reservation uuid, a_reference text, miss_key bytea, at timestamptz, lock_pass boolean
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    named leisure_pass; found leisure_pass; held reservation; the_club record; the_child record; before record;
    answer jsonb; locked uuid[]; children bigint := 0;
BEGIN
    SELECT c.state, c.members, c.agreement_accepted_at IS NOT NULL AS agreed,
        (SELECT a.kind FROM club_activity a WHERE a.club_id = c.id AND a.ended_at IS NULL
            AND lower(a.name) = lower(an_activity) ORDER BY a.id LIMIT 1) AS activity_kind,
        (SELECT s.settings FROM claim_settings s) AS habits,
        (SELECT jsonb_agg(jsonb_build_object('pays_on', d.pays_on, 'cutoff', d.cutoff)) FROM payment_date d
            WHERE d.pays_on >= at::date - 1) AS dates
    INTO the_club FROM club c WHERE c.id = a_club;
    answer := jsonb_build_object(
        'club_state', the_club.state, 'agreed', coalesce(the_club.agreed, false), 'members', the_club.members,
        'activity_kind', the_club.activity_kind, 'habits', the_club.habits, 'dates', the_club.dates,
        'misses', directory.attempts('pass number', miss_key, at, '15 minutes'));
    IF a_reservation IS NOT NULL THEN
        SELECT * INTO held FROM reservation r WHERE r.id = a_reservation AND r.club_id = a_club;
    END IF;
    LOOP
        SELECT * INTO named FROM leisure_pass p WHERE p.number_hash = a_hash;
        IF named.id IS NULL OR (named.state <> 'live' AND held.pass_id IS DISTINCT FROM named.id) THEN
            RETURN answer;
        END IF;
        IF named.state = 'live' AND a_start BETWEEN named.valid_from AND named.valid_to THEN
            found := named;
        ELSE
            -- A later pass of the child is not reached by an earlier one's number, which clubs may still have.
            SELECT * INTO found FROM leisure_pass p
            WHERE p.person_id = named.person_id AND p.scheme_id = named.scheme_id AND p.valid_from <= named.valid_from
                AND a_start BETWEEN p.valid_from AND p.valid_to AND (p.state = 'live' OR p.id = held.pass_id)
            ORDER BY p.state = 'live' DESC, p.id DESC LIMIT 1;
        END IF;
        EXIT WHEN NOT lock_pass OR locked = ARRAY[named.id, found.id, held.pass_id];
        -- In the order of their ids, as everywhere. Whoever had the lock before may have replaced or revoked a pass, so
        -- all of it is looked up again until it stands as it was locked.
        locked := ARRAY[named.id, found.id, held.pass_id];
        PERFORM FROM leisure_pass p WHERE p.id = ANY (locked) ORDER BY p.id FOR UPDATE;
        IF held.id IS NOT NULL THEN
            SELECT * INTO held FROM reservation r WHERE r.id = held.id;
        END IF;
    END LOOP;
    SELECT name_tokens(p.given_name) AS given, name_tokens(p.family_name) AS family, name_tokens(a_name) AS written,
        (SELECT t.terms FROM claim_terms t WHERE t.scheme_id = named.scheme_id AND t.valid_from <= a_start
            ORDER BY t.valid_from DESC, t.number DESC LIMIT 1) AS terms,
        (SELECT (v.parameters ->> 'one_club')::boolean FROM determination d JOIN refresh_run r ON r.id = d.run_id
            JOIN parameter_version v ON v.id = r.parameter_version_id WHERE d.id = found.determination_id) AS one_club
    INTO the_child FROM person p WHERE p.id = named.person_id;
    answer := answer || jsonb_build_object(
        'given', the_child.given, 'family', the_child.family, 'written', the_child.written,
        'named_pass_id', named.id, 'scheme_id', named.scheme_id, 'person_id', named.person_id,
        'terms', the_child.terms);
    IF found.id IS NULL THEN
        RETURN answer;
    END IF;
    -- By the passes alone, of which a child has few: a club has thousands of claims.
    SELECT coalesce(bool_or(c.club_id <> a_club), false) AS other_club,
        min(c.id::text) FILTER (WHERE c.club_id = a_club AND c.kind = a_fund AND lower(c.activity) = lower(an_activity)
            AND c.season_start <= an_end AND c.season_end >= a_start) AS duplicate_of,
        min(c.id::text) FILTER (WHERE c.club_id = a_club AND c.kind = a_fund AND c.reference = a_reference
            AND c.season_start = a_start) AS same_reference
    INTO before FROM claim c WHERE c.held_ore > 0 AND c.pass_id = ANY (ARRAY(
        SELECT p.id FROM leisure_pass p WHERE p.person_id = found.person_id AND p.scheme_id = found.scheme_id
            AND p.valid_from = found.valid_from));
    -- Counted where there is a limit to hold it against.
    IF the_club.members IS NOT NULL AND (the_child.terms ->> 'most_pass_percent')::int < 100 THEN
        SELECT count(DISTINCT c.person_id) + 1 INTO children FROM claim c WHERE c.club_id = a_club
            AND c.year = extract(year FROM a_start) AND c.held_ore > 0 AND c.person_id <> found.person_id;
    END IF;
    IF held.id IS NOT NULL THEN
        answer := answer || jsonb_build_object('reservation', jsonb_build_object(
            'id', held.id, 'pass_id', held.pass_id, 'fund', held.fund, 'state', held.state, 'until', held.until,
            'reserved_ore', held.reserved_ore,
            'same_child', EXISTS (SELECT FROM leisure_pass p WHERE p.id = held.pass_id
                AND p.person_id = found.person_id AND p.scheme_id = found.scheme_id)));
    END IF;
    RETURN answer || jsonb_build_object(
        'pass_id', found.id, 'state', found.state, 'valid_from', found.valid_from, 'valid_to', found.valid_to,
        'worth_ore', CASE a_fund WHEN 'equipment' THEN found.equipment_ore ELSE found.amount_ore END,
        -- Of a pass that has ended only what was reserved before can be claimed.
        'remaining_ore', CASE WHEN found.state <> 'live' THEN 0
            WHEN a_fund = 'equipment' THEN found.equipment_remaining_ore ELSE found.remaining_ore END,
        'one_club', coalesce(the_child.one_club, false), 'other_club', before.other_club,
        'duplicate_of', before.duplicate_of, 'same_reference', before.same_reference, 'children', children)
        || coalesce(budget_left(found.scheme_id, extract(year FROM a_start)::int, lock_pass), '{}');
END $$;

-- What is left of a year's budget. Near its end whoever reads waits for the others, so that it is not overdrawn.
CREATE FUNCTION budget_left(a_scheme uuid, a_year int, exactly boolean) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE set_to budget; used bigint;
BEGIN
    SELECT * INTO set_to FROM budget b WHERE b.scheme_id = a_scheme AND b.year = a_year;
    IF set_to.year IS NULL OR NOT set_to.hard_stop OR set_to.lifted_at IS NOT NULL THEN
        RETURN NULL;
    END IF;
    SELECT coalesce(sum(u.held_ore), 0) INTO used FROM budget_used u WHERE u.scheme_id = a_scheme AND u.year = a_year;
    IF exactly AND set_to.appropriation_ore - used < greatest(set_to.appropriation_ore / 10, 10000000) THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('budget ' || a_scheme || ' ' || a_year, 0));
        SELECT coalesce(sum(u.held_ore), 0) INTO used
        FROM budget_used u WHERE u.scheme_id = a_scheme AND u.year = a_year;
    END IF;
    RETURN jsonb_build_object('budget_left_ore', set_to.appropriation_ore - used);
END $$;
"""


def upgrade() -> None:
    op.execute(TABLES)
    for table in CASE_DATA:
        for statement in protect(table):
            op.execute(statement)
    op.execute(TRIGGERS)
    op.execute(FUNCTIONS)
    app = op.get_context().config.attributes["app_role"]
    op.execute("REVOKE EXECUTE ON FUNCTION directory.attempts FROM PUBLIC")
    op.execute(f'GRANT EXECUTE ON FUNCTION directory.attempts TO "{app}"')
    op.execute(f'GRANT SELECT, INSERT, MAINTAIN ON {", ".join(CASE_DATA)} TO "{app}"')
    op.execute(f'REVOKE INSERT ON budget_used FROM "{app}"')
    op.execute(f'GRANT UPDATE, DELETE ON payment_date, claim_settings TO "{app}"')
    op.execute(f'GRANT UPDATE ON budget TO "{app}"')
    op.execute(f'GRANT UPDATE (state, ended_at, given_name) ON reservation TO "{app}"')
    changed = (
        "state, covered_ore, reasons, note, decided_at, decided_by, expected_payment_date, paid_at, ended_at, "
        "given_name, activity_kind, family_share_paid_by, reference, to_tell, anonymised_at"
    )
    op.execute(f'GRANT UPDATE ({changed}) ON claim TO "{app}"')
