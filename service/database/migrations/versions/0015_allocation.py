"""The allocation of places: dated weights, the draw, the plan of every family, what volunteers settled, and the runs

Revision ID: 0015
Revises: 0014
"""

from alembic import op

from service.database.tenancy import protect

revision = "0015"
down_revision = "0014"

TABLES = """
CREATE TABLE season_weights (
    tenant_id UUID NOT NULL,
    id UUID DEFAULT uuidv7() NOT NULL,
    season_id UUID NOT NULL,
    need INTEGER NOT NULL,
    never INTEGER NOT NULL,
    refusal INTEGER NOT NULL,
    most_refusals INTEGER NOT NULL,
    recent_years INTEGER NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE NOT NULL,
    published_by UUID,
    CONSTRAINT pk_season_weights PRIMARY KEY (tenant_id, id),
    CONSTRAINT fk_season_weights_tenant_id_season_id FOREIGN KEY(tenant_id, season_id) REFERENCES season (tenant_id, id),
    CONSTRAINT ck_season_weights_points CHECK (need between 0 and 1000 and never between 0 and 1000 and refusal between 0 and 1000),
    CONSTRAINT ck_season_weights_counts CHECK (most_refusals between 0 and 20 and recent_years between 0 and 20)
);

CREATE INDEX ix_season_weights_tenant_id_season_id ON season_weights (tenant_id, season_id);

CREATE TABLE season_draw (
    tenant_id UUID NOT NULL,
    season_id UUID NOT NULL,
    commitment VARCHAR NOT NULL,
    seed BYTEA NOT NULL,
    committed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    committed_by UUID,
    in_time BOOLEAN NOT NULL,
    revealed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_season_draw PRIMARY KEY (tenant_id, season_id),
    CONSTRAINT fk_season_draw_tenant_id_season_id FOREIGN KEY(tenant_id, season_id) REFERENCES season (tenant_id, id),
    CONSTRAINT ck_season_draw_commitment CHECK (commitment ~ '^[0-9a-f]{64}$')
);

CREATE TABLE season_board (
    tenant_id UUID NOT NULL,
    season_id UUID NOT NULL,
    revision INTEGER NOT NULL,
    CONSTRAINT pk_season_board PRIMARY KEY (tenant_id, season_id),
    CONSTRAINT fk_season_board_tenant_id_season_id FOREIGN KEY(tenant_id, season_id) REFERENCES season (tenant_id, id)
);

CREATE TABLE allocation_run (
    tenant_id UUID NOT NULL,
    id UUID DEFAULT uuidv7() NOT NULL,
    season_id UUID NOT NULL,
    number INTEGER NOT NULL,
    state VARCHAR NOT NULL,
    options JSONB NOT NULL,
    digest VARCHAR NOT NULL,
    problem BYTEA NOT NULL,
    plan BYTEA NOT NULL,
    totals JSONB NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    made_by UUID,
    confirmed_at TIMESTAMP WITH TIME ZONE,
    confirmed_by UUID,
    CONSTRAINT pk_allocation_run PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_allocation_run_tenant_id_season_id_number UNIQUE (tenant_id, season_id, number),
    CONSTRAINT fk_allocation_run_tenant_id_season_id FOREIGN KEY(tenant_id, season_id) REFERENCES season (tenant_id, id),
    CONSTRAINT ck_allocation_run_state CHECK (state in ('made', 'confirmed', 'replaced')),
    CONSTRAINT ck_allocation_run_confirmed CHECK ((state = 'made') = (confirmed_at is null))
);

CREATE UNIQUE INDEX uq_allocation_run_confirmed ON allocation_run (tenant_id, season_id) WHERE state = 'confirmed';

CREATE TABLE placement (
    tenant_id UUID NOT NULL,
    season_id UUID NOT NULL,
    municipality_id UUID NOT NULL,
    family_key VARCHAR NOT NULL,
    stay_id UUID,
    persons INTEGER NOT NULL,
    beds INTEGER NOT NULL,
    beds_needed INTEGER,
    locked BOOLEAN NOT NULL,
    how VARCHAR NOT NULL,
    run_id UUID,
    revision INTEGER NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    changed_by UUID,
    CONSTRAINT pk_placement PRIMARY KEY (tenant_id, season_id, municipality_id, family_key),
    CONSTRAINT fk_placement_tenant_id_season_id FOREIGN KEY(tenant_id, season_id) REFERENCES season (tenant_id, id),
    CONSTRAINT fk_placement_tenant_id_municipality_id FOREIGN KEY(tenant_id, municipality_id) REFERENCES district_municipality (tenant_id, id),
    CONSTRAINT fk_placement_tenant_id_stay_id FOREIGN KEY(tenant_id, stay_id) REFERENCES stay (tenant_id, id),
    CONSTRAINT fk_placement_tenant_id_run_id FOREIGN KEY(tenant_id, run_id) REFERENCES allocation_run (tenant_id, id),
    CONSTRAINT ck_placement_how CHECK (how in ('run', 'hand', 'offer')),
    CONSTRAINT ck_placement_persons CHECK (persons between 1 and 100 and beds between 0 and persons),
    CONSTRAINT ck_placement_beds_needed CHECK (beds_needed between 0 and 100),
    CONSTRAINT ck_placement_locked CHECK (stay_id is not null or not locked)
);

CREATE INDEX ix_placement_tenant_id_stay_id ON placement (tenant_id, stay_id);

CREATE TABLE family_group (
    tenant_id UUID NOT NULL,
    id UUID DEFAULT uuidv7() NOT NULL,
    season_id UUID NOT NULL,
    kind VARCHAR NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    made_by UUID,
    CONSTRAINT pk_family_group PRIMARY KEY (tenant_id, id),
    CONSTRAINT fk_family_group_tenant_id_season_id FOREIGN KEY(tenant_id, season_id) REFERENCES season (tenant_id, id),
    CONSTRAINT ck_family_group_kind CHECK (kind in ('together', 'apart'))
);

CREATE TABLE family_group_member (
    tenant_id UUID NOT NULL,
    group_id UUID NOT NULL,
    municipality_id UUID NOT NULL,
    family_key VARCHAR NOT NULL,
    CONSTRAINT pk_family_group_member PRIMARY KEY (tenant_id, group_id, municipality_id, family_key),
    CONSTRAINT fk_family_group_member_tenant_id_group_id FOREIGN KEY(tenant_id, group_id) REFERENCES family_group (tenant_id, id),
    CONSTRAINT fk_family_group_member_tenant_id_municipality_id FOREIGN KEY(tenant_id, municipality_id) REFERENCES district_municipality (tenant_id, id)
);

CREATE TABLE board_change (
    tenant_id UUID NOT NULL,
    season_id UUID NOT NULL,
    revision INTEGER NOT NULL,
    municipality_id UUID NOT NULL,
    family_key VARCHAR NOT NULL,
    what VARCHAR NOT NULL,
    before JSONB NOT NULL,
    after JSONB NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    made_by UUID,
    undone BOOLEAN NOT NULL,
    CONSTRAINT pk_board_change PRIMARY KEY (tenant_id, season_id, revision),
    CONSTRAINT fk_board_change_tenant_id_season_id FOREIGN KEY(tenant_id, season_id) REFERENCES season (tenant_id, id),
    CONSTRAINT ck_board_change_what CHECK (what in ('move', 'lock', 'unlock', 'beds', 'undo'))
);

CREATE TABLE refusal_credit (
    tenant_id UUID NOT NULL,
    season_id UUID NOT NULL,
    child BYTEA NOT NULL,
    given_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_refusal_credit PRIMARY KEY (tenant_id, season_id, child),
    CONSTRAINT fk_refusal_credit_tenant_id_season_id FOREIGN KEY(tenant_id, season_id) REFERENCES season (tenant_id, id)
);

CREATE INDEX ix_refusal_credit_tenant_id_child ON refusal_credit (tenant_id, child);

CREATE INDEX ix_board_change_made_by ON board_change (tenant_id, season_id, made_by, revision);
"""

TRIGGERS = """
-- A stay is never over-full by a placement: whoever takes a place there waits for whoever does so at the same time.
-- Rooms of a centre are the program's to fit in, under the same lock.
CREATE FUNCTION require_room_at_stay() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    there public.stay;
    families integer;
    taken integer;
BEGIN
    SELECT * INTO there FROM stay s WHERE s.tenant_id = new.tenant_id AND s.id = new.stay_id FOR UPDATE;
    IF there.season_id IS DISTINCT FROM new.season_id OR there.state <> 'planned' THEN
        RAISE EXCEPTION 'nobody is placed at a stay of another season, or a cancelled one' USING ERRCODE = 'check_violation';
    END IF;
    SELECT count(*), coalesce(sum(p.beds), 0) INTO families, taken FROM placement p
    WHERE p.tenant_id = new.tenant_id AND p.stay_id = new.stay_id
        AND (p.municipality_id, p.family_key) <> (new.municipality_id, new.family_key);
    IF families + 1 > there.family_places OR taken + new.beds > there.person_places - there.volunteers THEN
        RAISE EXCEPTION 'the stay has no room for the family' USING ERRCODE = 'check_violation';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER room_on_insert BEFORE INSERT ON placement FOR EACH ROW WHEN (new.stay_id IS NOT NULL)
EXECUTE FUNCTION require_room_at_stay();
CREATE TRIGGER room_on_update BEFORE UPDATE ON placement FOR EACH ROW
WHEN (new.stay_id IS NOT NULL AND (new.stay_id IS DISTINCT FROM old.stay_id OR new.beds > old.beds))
EXECUTE FUNCTION require_room_at_stay();

CREATE TRIGGER unchanged BEFORE UPDATE ON season_weights FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER transitions BEFORE UPDATE OF state ON allocation_run FOR EACH ROW
EXECUTE FUNCTION refuse_other_transitions('made confirmed', 'confirmed replaced', 'replaced confirmed');

-- A seed stays what was committed to; it is revealed once.
CREATE FUNCTION refuse_all_but_reveal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(old) - 'revealed_at' - 'seed' <> to_jsonb(new) - 'revealed_at' - 'seed' OR old.revealed_at IS NOT NULL
        AND new.revealed_at IS DISTINCT FROM old.revealed_at THEN
        RAISE EXCEPTION 'a draw is never changed' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER unchanged BEFORE UPDATE ON season_draw FOR EACH ROW EXECUTE FUNCTION refuse_all_but_reveal();
"""

ADDED = ("season_weights",)
CHANGED = ("season_draw", "season_board", "allocation_run", "board_change")
REPLACED = ("placement", "family_group", "family_group_member", "refusal_credit")


def upgrade() -> None:
    for statements in (TABLES, TRIGGERS):
        op.get_bind().exec_driver_sql(statements.replace("%", "%%"))
    for table in (*ADDED, *CHANGED, *REPLACED):
        for statement in protect(table):
            op.execute(statement)
    app = op.get_context().config.attributes["app_role"]
    op.execute(f'GRANT SELECT, INSERT ON {", ".join(ADDED)} TO "{app}"')
    op.execute(f'GRANT SELECT, INSERT, UPDATE ON {", ".join(CHANGED)} TO "{app}"')
    op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON {", ".join(REPLACED)} TO "{app}"')
