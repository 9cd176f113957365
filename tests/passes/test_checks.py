"""What `database check` says of passes and letters: nothing while all is well, a sentence for each damage."""

from sqlalchemy import NullPool, create_engine, text
from sqlmodel import Session

from service.passes.checks import CHECKS
from tests.passes.town import Town

ONE = "(SELECT id FROM {} ORDER BY id LIMIT 1)"
ENTRY = "INSERT INTO pass_entry (tenant_id, pass_id, kind, fund, amount_ore, entered_at) SELECT tenant_id"
GUARDED = ("leisure_pass", "pass_entry", "letter")
DAMAGES = (
    ("UPDATE leisure_pass SET remaining_ore = 99999", "pass ledgers: 3 passes have another balance than their ledger"),
    ("DELETE FROM pass_entry WHERE id = " + ONE.format("pass_entry"), "pass ledgers: 1 passes have another balance"),
    ("UPDATE leisure_pass SET amount_ore = 5", "pass ledgers: 3 passes were granted another amount"),
    (
        "ALTER TABLE pass_entry DROP CONSTRAINT fk_pass_entry_tenant_id_pass_id;"
        f"{ENTRY}, uuidv7(), 'adjust', 'membership', 1, now() FROM leisure_pass LIMIT 1",
        "pass ledgers: 1 ledger entries belong to no pass",
    ),
    (
        "DROP INDEX uq_leisure_pass_live; INSERT INTO leisure_pass SELECT tenant_id, uuidv7(), '\\x01', number_cipher,"
        " person_id, scheme_id, determination_id, valid_from, valid_to, 0, 0, 0, 0, state, issued_at, issued_because"
        " FROM leisure_pass LIMIT 1",
        "live passes: 1 children have several live passes",
    ),
    ("DROP INDEX uq_leisure_pass_live", "live passes: The index uq_leisure_pass_live that lets one pass be live"),
    ("DELETE FROM directory.secret WHERE kind = 'pass'", "live passes: 3 pass numbers lead nowhere"),
    ("UPDATE directory.secret SET subject_id = uuidv7()", "live passes: 2 private codes lead nowhere"),
    ("DELETE FROM pass_letter WHERE pass_id = " + ONE.format("leisure_pass"), "1 live passes are in no letter"),
    (
        "INSERT INTO pass_letter SELECT p.tenant_id, l.id, p.id FROM leisure_pass p, letter l ON CONFLICT DO NOTHING",
        "passes and letters: 3 live passes are in several letters",
    ),
    ("UPDATE letter SET state = 'cancelled', batch_id = NULL, content = NULL", "3 live passes are in no letter"),
    ("DELETE FROM pass_letter", "passes and letters: 2 letters carry nothing"),
    ("UPDATE letter SET state = 'handed_over'", "The print batch 1 is not handed over, but letters of it are"),
    ("UPDATE print_batch SET handed_over_at = now()", "The print batch 1 is handed over, but not all of its letters"),
    ("UPDATE letter SET place = 1", "print batches: The print batch 1 does not hold the letters"),
    ("UPDATE print_batch SET letters = 7", "print batches: The print batch 1 does not hold the letters"),
    ("DROP TRIGGER balance ON pass_entry", "pass guards: The trigger balance of pass_entry is gone."),
    (
        "ALTER TABLE pass_entry DISABLE TRIGGER append_only",
        "pass guards: The trigger append_only of pass_entry is switched off.",
    ),
    ("DROP TRIGGER transitions ON letter", "pass guards: The trigger transitions of letter is gone."),
    ("GRANT UPDATE ON pass_entry TO APP", "may update entries of the ledger"),
    ("GRANT UPDATE (remaining_ore) ON leisure_pass TO APP", "may update what remains on a pass"),
)


def test_each_damage_is_found(town: Town) -> None:
    town.family("H1", "Ada", "Bo")
    town.family("H2", "Carl")
    town.load()
    town.commit()
    town.batch()
    assert town.sound()
    app = town.database.engine.url.username
    engine = create_engine(town.database.owner_url, poolclass=NullPool)
    for damage, sentence in DAMAGES:
        with Session(engine) as session:
            for table in () if sentence.startswith("pass guards") else GUARDED:
                session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
            session.connection().exec_driver_sql(damage.replace("APP", f'"{app}"'))
            found = [f"{check.name}: {line}" for check in CHECKS for line in check.run(session)]
        assert any(sentence in line for line in found), (damage, found)
