"""The words of people's names, by which they are found; a household's notes and the colleague who follows it

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

from service.database.tenancy import protect

revision = "0010"
down_revision = "0009"

# The one place that says how names are compared: the import, the search and this migration call it. In lower case,
# without accents and apostrophes, and with the ways to write a letter as one: æ, ä, å, aa and ae as a, ø, ö and oe as
# o. As every letter is read from the left, the beginning of a name stays the beginning.
NAME_TOKENS = r"""
CREATE FUNCTION name_tokens(name text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(array_agg(DISTINCT word COLLATE "C"), '{}')
    FROM regexp_split_to_table(
        replace(replace(replace(replace(replace(translate(
            casefold(
                regexp_replace(normalize(translate(name, '''’‘ʼ`´', ''), NFKD), '[\u0300-\u036f]', '', 'g')
                COLLATE "pg_unicode_fast"
            ),
            'øđðłıħ', 'oddlih'), 'æ', 'ae'), 'œ', 'oe'), 'aa', 'a'), 'ae', 'a'), 'oe', 'o') COLLATE "pg_unicode_fast",
        '[^[:alnum:]]+') AS word
    WHERE word <> '';
END
"""

FILL = """
INSERT INTO name_token (tenant_id, token, person_id)
SELECT DISTINCT p.tenant_id, token COLLATE "C", p.id
FROM person p, unnest(name_tokens(p.given_name || ' ' || p.family_name)) AS token
ORDER BY 1, 2, 3
"""


def upgrade() -> None:
    op.execute(NAME_TOKENS)
    op.create_table(
        "name_token",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("token", sa.String(collation="C"), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "token", "person_id", name=op.f("pk_name_token")),
    )
    op.execute(FILL)
    op.create_index(
        op.f("ix_household_member_past_tenant_id_household_id"), "household_member_past", ["tenant_id", "household_id"]
    )
    op.create_table(
        "household_contact",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "household_id"],
            ["household.tenant_id", "household.id"],
            name=op.f("fk_household_contact_tenant_id_household_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "household_id", name=op.f("pk_household_contact")),
    )
    op.create_table(
        "household_note",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.Column("corrects_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("text <> ''", name=op.f("ck_household_note_text")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "household_id"],
            ["household.tenant_id", "household.id"],
            name=op.f("fk_household_note_tenant_id_household_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_household_note")),
    )
    op.create_index(op.f("ix_household_note_tenant_id_household_id"), "household_note", ["tenant_id", "household_id"])
    for table in ("name_token", "household_contact", "household_note"):
        for statement in protect(table):
            op.execute(statement)
    app = op.get_context().config.attributes["app_role"]
    op.execute(f'GRANT SELECT, INSERT, DELETE, MAINTAIN ON name_token TO "{app}"')
    op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON household_contact TO "{app}"')
    # Nobody changes what a note says: what was wrong in it another one corrects. Retention alone takes notes away.
    op.execute(f'GRANT SELECT, INSERT, DELETE ON household_note TO "{app}"')
