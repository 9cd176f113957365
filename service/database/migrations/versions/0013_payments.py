"""Payment runs, what the bank says of them, recoveries of over-payments, sample checks

Revision ID: 0013
Revises: 0012
"""

from alembic import op

from service.database.tenancy import protect

revision = "0013"
down_revision = "0012"

CASE_DATA = (
    "payment_settings",
    "payee_reference",
    "recovery",
    "payment_run",
    "payment",
    "payment_claim",
    "recovery_use",
    "run_waiting",
    "status_file",
    "status_entry",
    "sample_check",
)

TABLES = """
CREATE TABLE payment_settings (
    tenant_id UUID NOT NULL,
    settings JSONB NOT NULL,
    CONSTRAINT pk_payment_settings PRIMARY KEY (tenant_id),
    CONSTRAINT fk_payment_settings_tenant_id FOREIGN KEY (tenant_id) REFERENCES directory.tenant (id)
);

CREATE TABLE payee_reference (
    tenant_id UUID NOT NULL,
    club_id UUID NOT NULL,
    kind VARCHAR NOT NULL,
    reference VARCHAR NOT NULL,
    creditor VARCHAR,
    set_at TIMESTAMP WITH TIME ZONE NOT NULL,
    set_by UUID,
    CONSTRAINT pk_payee_reference PRIMARY KEY (tenant_id, club_id),
    CONSTRAINT ck_payee_reference_kind CHECK (kind IN ('kid', 'fik', 'free')),
    CONSTRAINT ck_payee_reference_creditor CHECK ((kind = 'fik') = (creditor IS NOT NULL)),
    CONSTRAINT fk_payee_reference_tenant_id_club_id FOREIGN KEY (tenant_id, club_id) REFERENCES club (tenant_id, id)
);

CREATE TABLE recovery (
    tenant_id UUID NOT NULL,
    id UUID DEFAULT uuidv7() NOT NULL,
    club_id UUID NOT NULL,
    claim_id UUID,
    amount_ore BIGINT NOT NULL,
    reason VARCHAR NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    made_by UUID,
    CONSTRAINT pk_recovery PRIMARY KEY (tenant_id, id),
    CONSTRAINT ck_recovery_amount CHECK (amount_ore > 0),
    CONSTRAINT ck_recovery_reason CHECK (reason <> ''),
    CONSTRAINT fk_recovery_tenant_id_club_id FOREIGN KEY (tenant_id, club_id) REFERENCES club (tenant_id, id),
    CONSTRAINT fk_recovery_tenant_id_claim_id FOREIGN KEY (tenant_id, claim_id) REFERENCES claim (tenant_id, id)
);
CREATE INDEX ix_recovery_tenant_id_club_id ON recovery (tenant_id, club_id);
CREATE INDEX ix_recovery_tenant_id_claim_id ON recovery (tenant_id, claim_id);

CREATE TABLE payment_run (
    tenant_id UUID NOT NULL,
    id UUID DEFAULT uuidv7() NOT NULL,
    number INTEGER NOT NULL,
    state VARCHAR NOT NULL,
    until DATE NOT NULL,
    pays_on DATE NOT NULL,
    as_of TIMESTAMP WITH TIME ZONE NOT NULL,
    currency VARCHAR NOT NULL,
    content VARCHAR NOT NULL,
    payments INTEGER NOT NULL,
    claims INTEGER NOT NULL,
    total_ore BIGINT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID,
    approved_at TIMESTAMP WITH TIME ZONE,
    approved_by UUID,
    released_at TIMESTAMP WITH TIME ZONE,
    released_by UUID,
    voided_because VARCHAR,
    message_id VARCHAR,
    file_format VARCHAR,
    debtor JSONB,
    file_sha256 VARCHAR,
    told BOOLEAN DEFAULT false NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_payment_run PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_payment_run_tenant_id_number UNIQUE (tenant_id, number),
    CONSTRAINT uq_payment_run_tenant_id_message_id UNIQUE (tenant_id, message_id),
    CONSTRAINT ck_payment_run_state CHECK (state IN ('created', 'approved', 'released', 'closed', 'cancelled')),
    CONSTRAINT ck_payment_run_approved CHECK (
        (approved_at IS NULL) = (approved_by IS NULL) AND (state IN ('created', 'cancelled') OR approved_at IS NOT NULL)),
    CONSTRAINT ck_payment_run_released CHECK (
        (released_at IS NULL) = (released_by IS NULL) AND (state IN ('released', 'closed')) = (released_at IS NOT NULL)),
    CONSTRAINT ck_payment_run_approver CHECK (approved_by IS NULL OR approved_by IS DISTINCT FROM created_by),
    CONSTRAINT ck_payment_run_releaser CHECK (
        released_by IS NULL OR (released_by <> approved_by AND released_by IS DISTINCT FROM created_by)),
    CONSTRAINT ck_payment_run_file CHECK ((message_id IS NULL) = (released_at IS NULL))
);
CREATE UNIQUE INDEX uq_payment_run_open ON payment_run (tenant_id) WHERE state IN ('created', 'approved');

CREATE TABLE payment (
    tenant_id UUID NOT NULL,
    id UUID DEFAULT uuidv7() NOT NULL,
    run_id UUID NOT NULL,
    place INTEGER NOT NULL,
    club_id UUID NOT NULL,
    club_name VARCHAR NOT NULL,
    club_number VARCHAR NOT NULL,
    payee_id UUID NOT NULL,
    payee_kind VARCHAR NOT NULL,
    account VARCHAR,
    cost_centre VARCHAR,
    reference_kind VARCHAR,
    reference VARCHAR,
    creditor VARCHAR,
    gross_ore BIGINT NOT NULL,
    recovered_ore BIGINT NOT NULL,
    amount_ore BIGINT GENERATED ALWAYS AS (gross_ore - recovered_ore) STORED NOT NULL,
    state VARCHAR NOT NULL,
    end_to_end_id VARCHAR NOT NULL,
    settled_at TIMESTAMP WITH TIME ZONE,
    rejected_at TIMESTAMP WITH TIME ZONE,
    rejected_because VARCHAR,
    retry_at TIMESTAMP WITH TIME ZONE,
    retry_by UUID,
    CONSTRAINT pk_payment PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_payment_tenant_id_run_id_club_id UNIQUE (tenant_id, run_id, club_id),
    CONSTRAINT uq_payment_tenant_id_end_to_end_id UNIQUE (tenant_id, end_to_end_id),
    CONSTRAINT ck_payment_payee_kind CHECK (payee_kind IN ('account', 'nemkonto', 'cost_centre')),
    CONSTRAINT ck_payment_account CHECK ((payee_kind = 'account') = (account IS NOT NULL)),
    CONSTRAINT ck_payment_cost_centre CHECK ((payee_kind = 'cost_centre') = (cost_centre IS NOT NULL)),
    CONSTRAINT ck_payment_amounts CHECK (gross_ore > 0 AND recovered_ore >= 0 AND recovered_ore <= gross_ore),
    CONSTRAINT ck_payment_state CHECK (state IN ('planned', 'sent', 'settled', 'rejected', 'cancelled')),
    CONSTRAINT ck_payment_settled CHECK (state <> 'settled' OR settled_at IS NOT NULL),
    CONSTRAINT ck_payment_rejected CHECK (state <> 'rejected' OR rejected_at IS NOT NULL AND rejected_because IS NOT NULL),
    CONSTRAINT fk_payment_tenant_id_run_id FOREIGN KEY (tenant_id, run_id) REFERENCES payment_run (tenant_id, id),
    CONSTRAINT fk_payment_tenant_id_club_id FOREIGN KEY (tenant_id, club_id) REFERENCES club (tenant_id, id),
    CONSTRAINT fk_payment_tenant_id_payee_id FOREIGN KEY (tenant_id, payee_id) REFERENCES club_payee (tenant_id, id)
);
CREATE INDEX ix_payment_tenant_id_club_id ON payment (tenant_id, club_id);
CREATE INDEX ix_payment_tenant_id_payee_id ON payment (tenant_id, payee_id);

CREATE TABLE payment_claim (
    tenant_id UUID NOT NULL,
    payment_id UUID NOT NULL,
    claim_id UUID NOT NULL,
    amount_ore BIGINT NOT NULL,
    live BOOLEAN NOT NULL,
    CONSTRAINT pk_payment_claim PRIMARY KEY (tenant_id, payment_id, claim_id),
    CONSTRAINT ck_payment_claim_amount CHECK (amount_ore > 0),
    CONSTRAINT fk_payment_claim_tenant_id_payment_id FOREIGN KEY (tenant_id, payment_id) REFERENCES payment (tenant_id, id),
    CONSTRAINT fk_payment_claim_tenant_id_claim_id FOREIGN KEY (tenant_id, claim_id) REFERENCES claim (tenant_id, id)
);
-- A claim is in one payment at a time, whoever makes runs.
CREATE UNIQUE INDEX uq_payment_claim_live ON payment_claim (tenant_id, claim_id) WHERE live;
CREATE INDEX ix_payment_claim_tenant_id_claim_id ON payment_claim (tenant_id, claim_id);

CREATE TABLE recovery_use (
    tenant_id UUID NOT NULL,
    payment_id UUID NOT NULL,
    recovery_id UUID NOT NULL,
    amount_ore BIGINT NOT NULL,
    live BOOLEAN NOT NULL,
    CONSTRAINT pk_recovery_use PRIMARY KEY (tenant_id, payment_id, recovery_id),
    CONSTRAINT ck_recovery_use_amount CHECK (amount_ore > 0),
    CONSTRAINT fk_recovery_use_tenant_id_payment_id FOREIGN KEY (tenant_id, payment_id) REFERENCES payment (tenant_id, id),
    CONSTRAINT fk_recovery_use_tenant_id_recovery_id FOREIGN KEY (tenant_id, recovery_id)
        REFERENCES recovery (tenant_id, id)
);
CREATE INDEX ix_recovery_use_tenant_id_recovery_id ON recovery_use (tenant_id, recovery_id) WHERE live;

CREATE TABLE run_waiting (
    tenant_id UUID NOT NULL,
    run_id UUID NOT NULL,
    club_id UUID NOT NULL,
    reason VARCHAR NOT NULL,
    claims INTEGER NOT NULL,
    amount_ore BIGINT NOT NULL,
    CONSTRAINT pk_run_waiting PRIMARY KEY (tenant_id, run_id, club_id, reason),
    CONSTRAINT ck_run_waiting_reason CHECK (reason IN ('no_account', 'suspended', 'account_to_mend')),
    CONSTRAINT fk_run_waiting_tenant_id_run_id FOREIGN KEY (tenant_id, run_id) REFERENCES payment_run (tenant_id, id),
    CONSTRAINT fk_run_waiting_tenant_id_club_id FOREIGN KEY (tenant_id, club_id) REFERENCES club (tenant_id, id)
);
CREATE INDEX ix_run_waiting_tenant_id_club_id ON run_waiting (tenant_id, club_id);

CREATE TABLE status_file (
    tenant_id UUID NOT NULL,
    id UUID DEFAULT uuidv7() NOT NULL,
    sha256 VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    message_id VARCHAR NOT NULL,
    run_id UUID,
    read_at TIMESTAMP WITH TIME ZONE NOT NULL,
    read_by UUID,
    CONSTRAINT pk_status_file PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_status_file_tenant_id_sha256 UNIQUE (tenant_id, sha256),
    CONSTRAINT fk_status_file_tenant_id_run_id FOREIGN KEY (tenant_id, run_id) REFERENCES payment_run (tenant_id, id)
);

CREATE TABLE status_entry (
    tenant_id UUID NOT NULL,
    file_id UUID NOT NULL,
    place INTEGER NOT NULL,
    end_to_end_id VARCHAR,
    status VARCHAR NOT NULL,
    code VARCHAR,
    amount_ore BIGINT,
    payment_id UUID,
    outcome VARCHAR NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE,
    seen_by UUID,
    CONSTRAINT pk_status_entry PRIMARY KEY (tenant_id, file_id, place),
    CONSTRAINT ck_status_entry_outcome CHECK (
        outcome IN ('settled', 'rejected', 'pending', 'known', 'unknown', 'differs', 'conflict')),
    CONSTRAINT fk_status_entry_tenant_id_file_id FOREIGN KEY (tenant_id, file_id) REFERENCES status_file (tenant_id, id),
    CONSTRAINT fk_status_entry_tenant_id_payment_id FOREIGN KEY (tenant_id, payment_id) REFERENCES payment (tenant_id, id)
);
CREATE INDEX ix_status_entry_tenant_id_payment_id ON status_entry (tenant_id, payment_id);
CREATE INDEX ix_status_entry_odd ON status_entry (tenant_id)
    WHERE outcome IN ('unknown', 'differs', 'conflict') AND seen_at IS NULL;

CREATE TABLE sample_check (
    tenant_id UUID NOT NULL,
    id UUID DEFAULT uuidv7() NOT NULL,
    claim_id UUID NOT NULL,
    club_id UUID NOT NULL,
    state VARCHAR NOT NULL,
    asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    due_on DATE NOT NULL,
    reminded_at TIMESTAMP WITH TIME ZONE,
    answered_at TIMESTAMP WITH TIME ZONE,
    answered_by UUID,
    answer VARCHAR,
    closed_at TIMESTAMP WITH TIME ZONE,
    closed_by UUID,
    closed_because VARCHAR,
    CONSTRAINT pk_sample_check PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_sample_check_tenant_id_claim_id UNIQUE (tenant_id, claim_id),
    CONSTRAINT ck_sample_check_state CHECK (state IN ('asked', 'answered', 'accepted', 'failed')),
    CONSTRAINT ck_sample_check_answered CHECK (state <> 'answered' OR answer <> ''),
    CONSTRAINT ck_sample_check_closed CHECK ((state IN ('accepted', 'failed')) = (closed_at IS NOT NULL)),
    CONSTRAINT ck_sample_check_because CHECK (state <> 'failed' OR closed_because <> ''),
    CONSTRAINT fk_sample_check_tenant_id_claim_id FOREIGN KEY (tenant_id, claim_id) REFERENCES claim (tenant_id, id),
    CONSTRAINT fk_sample_check_tenant_id_club_id FOREIGN KEY (tenant_id, club_id) REFERENCES club (tenant_id, id)
);
CREATE INDEX ix_sample_check_open ON sample_check (tenant_id, due_on) WHERE state IN ('asked', 'answered');
CREATE INDEX ix_sample_check_tenant_id_club_id ON sample_check (tenant_id, club_id);
"""

TRIGGERS = """
CREATE TRIGGER transitions BEFORE UPDATE OF state ON payment_run FOR EACH ROW EXECUTE FUNCTION refuse_other_transitions(
    'created approved', 'created cancelled', 'approved created', 'approved cancelled', 'approved released',
    'released closed', 'closed released'
);
CREATE TRIGGER transitions BEFORE UPDATE OF state ON payment FOR EACH ROW EXECUTE FUNCTION refuse_other_transitions(
    'planned sent', 'planned settled', 'planned cancelled', 'sent settled', 'sent rejected', 'settled rejected'
);
CREATE TRIGGER transitions BEFORE UPDATE OF state ON sample_check FOR EACH ROW EXECUTE FUNCTION refuse_other_transitions(
    'asked answered', 'asked accepted', 'asked failed', 'answered accepted', 'answered failed', 'answered asked'
);

-- What was released stands: neither is it taken away nor does it say anything else.
CREATE FUNCTION refuse_change_of_released() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE the_run uuid; run_state text;
BEGIN
    IF TG_TABLE_NAME = 'payment' THEN the_run := OLD.run_id;
    ELSE SELECT p.run_id INTO the_run FROM payment p
        WHERE p.tenant_id = OLD.tenant_id AND p.id = (to_jsonb(OLD) ->> 'payment_id')::uuid;
    END IF;
    SELECT r.state INTO run_state FROM payment_run r WHERE r.tenant_id = OLD.tenant_id AND r.id = the_run;
    IF run_state IN ('released', 'closed') THEN
        RAISE EXCEPTION 'a payment that was released is not taken away' USING ERRCODE = 'check_violation';
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER released BEFORE DELETE ON payment FOR EACH ROW EXECUTE FUNCTION refuse_change_of_released();
CREATE TRIGGER released BEFORE DELETE ON payment_claim FOR EACH ROW EXECUTE FUNCTION refuse_change_of_released();
CREATE TRIGGER released BEFORE DELETE ON recovery_use FOR EACH ROW EXECUTE FUNCTION refuse_change_of_released();

-- No more is recovered than was over-paid.
CREATE FUNCTION require_recovery_left() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_catalog, pg_temp AS $$
DECLARE owed bigint; used bigint;
BEGIN
    SELECT r.amount_ore INTO owed FROM recovery r WHERE r.tenant_id = NEW.tenant_id AND r.id = NEW.recovery_id FOR UPDATE;
    SELECT coalesce(sum(u.amount_ore), 0) INTO used FROM recovery_use u
    WHERE u.tenant_id = NEW.tenant_id AND u.recovery_id = NEW.recovery_id AND u.live;
    IF used > owed THEN
        RAISE EXCEPTION 'more is recovered than was over-paid' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER recovery_left AFTER INSERT OR UPDATE OF live, amount_ore ON recovery_use FOR EACH ROW
WHEN (NEW.live) EXECUTE FUNCTION require_recovery_left();
"""


def upgrade() -> None:
    connection = op.get_bind()
    connection.exec_driver_sql(TABLES)
    for table in CASE_DATA:
        for statement in protect(table):
            op.execute(statement)
    connection.exec_driver_sql(TRIGGERS.replace("%", "%%"))
    app = op.get_context().config.attributes["app_role"]
    op.execute(f'GRANT SELECT, INSERT, MAINTAIN ON {", ".join(CASE_DATA)} TO "{app}"')
    op.execute(f'GRANT UPDATE, DELETE ON payment_settings, payee_reference TO "{app}"')
    op.execute(f'GRANT DELETE ON payment, payment_claim, recovery_use, run_waiting TO "{app}"')
    op.execute(f'GRANT UPDATE ON payment_run TO "{app}"')
    op.execute(
        f'GRANT UPDATE (state, settled_at, rejected_at, rejected_because, retry_at, retry_by) ON payment TO "{app}"'
    )
    op.execute(f'GRANT UPDATE (live) ON payment_claim, recovery_use TO "{app}"')
    op.execute(f'GRANT UPDATE (seen_at, seen_by) ON status_entry TO "{app}"')
    changed = "state, reminded_at, answered_at, answered_by, answer, closed_at, closed_by, closed_because, due_on"
    op.execute(f'GRANT UPDATE ({changed}) ON sample_check TO "{app}"')
