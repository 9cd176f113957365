"""`medspiller letters`: print batches, returned mail, and a municipality's own signature and templates.

What a letter says, and what it carries, is the business of the slice that queued it; it hands these two in.
"""

from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import click
from sqlmodel import Session

from service import console
from service.audit.actions import COMMAND, Actor
from service.errors import Refused
from service.identity.actions import Municipality
from service.letters import actions, printing, queries
from service.letters.checking import check_templates, preview
from service.letters.outbox import Outbox
from service.letters.samples import KINDS
from service.letters.settings import set_signature, signature

_BATCH = click.option("--batch", type=click.IntRange(1), metavar="N", help="Only this batch.")


class SendAgain(Protocol):
    """Queues what a returned letter carried in a new one and returns its id."""

    def __call__(
        self, session: Session, municipality: Municipality, number: str, address: dict[str, str] | None, actor: Actor
    ) -> UUID: ...


def letters_group(compose: printing.Compose, send_again: SendAgain) -> click.Group:
    """The commands of letters, for what `compose` writes and `send_again` carries."""
    group = click.Group("letters", help="Letters: print batches, returned mail, templates.")

    @group.command()
    @console.MUNICIPALITY
    @click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="The folder to fill.")
    @_BATCH
    @console.command
    def render(code: str, out: Path, batch: int | None) -> Any:
        """Put what waits into print batches; write each batch not handed over yet, or one, as PDF with manifest."""
        with console.office(code) as office:
            keys, progress = console.keys(office.database), console.progress()
            if batch is None:
                printing.make_batches(office.database, office.municipality, keys, compose, progress)
            made = printing.render(office.database, office.municipality, keys, out, batch, COMMAND, progress)
        lines = [f"{made.letters:,} letters on {made.pages:,} pages in {made.batches:,} print batches: {out}"]
        if not made.letters:
            lines = ["No letter waits to be printed."]
        if made.held_back:
            lines.append(f"{made.held_back:,} letters are held back: medspiller letters held --municipality {code}")
        return made, lines

    @group.command("hand-over")
    @console.MUNICIPALITY
    @_BATCH
    @console.command
    def hand_over(code: str, batch: int | None) -> Any:
        """Give print batches to the print provider; each letter goes once. Without a provider they go to the outbox."""
        with console.office(code) as office:
            outbox = Outbox(office.settings.home / "outbox" / "print" / code)
            sent = printing.hand_over(
                office.database,
                office.municipality,
                console.keys(office.database),
                outbox,
                office.settings.home / "print" / code,
                batch,
                COMMAND,
                console.progress(),
            )
        return {"letters": sent, "outbox": str(outbox.folder)}, [f"{sent:,} letters handed over: {outbox.folder}"]

    @group.command()
    @console.MUNICIPALITY
    @console.command
    def held(code: str) -> Any:
        """List the letters that cannot be sent yet, and why."""
        with console.desk(code) as desk:
            rows = queries.held_back(desk.session)
        lines = [f"{row.number}  household {row.household_id}  {row.because}" for row in rows]
        return {"held_back": rows}, lines or ["No letter is held back."]

    @group.command()
    @console.MUNICIPALITY
    @click.argument("number", metavar="LETTER_NUMBER")
    @click.option("--because", required=True, help="What the post says, such as: moved.")
    @console.command
    def returned(code: str, number: str, because: str) -> Any:
        """Mark a letter that came back, by the number in its window."""
        with console.desk(code) as desk:
            letter_id = actions.mark_returned(desk.session, desk.municipality, number, because, COMMAND)
        said = "Marked as returned. When the address is right: medspiller letters again"
        return {"letter": letter_id, "state": "returned"}, [said]

    @group.command()
    @console.MUNICIPALITY
    @click.argument("number", metavar="LETTER_NUMBER")
    @click.option("--street", help="The corrected address; without it the register's is used.")
    @click.option("--postcode")
    @click.option("--city")
    @console.command
    def again(code: str, number: str, street: str | None, postcode: str | None, city: str | None) -> Any:
        """Send a returned letter again."""
        given = {"street": street or "", "postcode": postcode or "", "city": city or ""}
        address = given if any(given.values()) else None
        with console.desk(code) as desk:
            letter_id = send_again(desk.session, desk.municipality, number, address, COMMAND)
        return {"letter": letter_id, "state": "queued"}, ["It goes with the next print batch."]

    @group.command()
    @console.MUNICIPALITY
    @click.argument("values", nargs=-1, metavar="[KEY=VALUE ...]")
    @console.command
    def settings(code: str, values: tuple[str, ...]) -> Any:
        """Show or change how the municipality signs, its envelope's window and its own templates."""
        if any("=" not in value for value in values):
            raise click.UsageError("Settings are of the form KEY=VALUE.")
        with console.desk(code) as desk:
            written = dict(value.split("=", 1) for value in values)
            shown = set_signature(desk.session, desk.municipality, written) if written else signature(desk.session)
        fields = {name: getattr(shown, name) for name in shown.__struct_fields__}
        return fields, [f"{name:<16}{value}" for name, value in fields.items()]

    _add_template_commands(group)
    return group


def _add_template_commands(group: click.Group) -> None:
    folder = click.option(
        "--templates", type=click.Path(exists=True, file_okay=False, path_type=Path), help="A folder of own templates."
    )

    @group.command("preview")
    @click.option("--kind", type=click.Choice(KINDS), default="pass", show_default=True)
    @click.option("--language", default="da", show_default=True)
    @click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The PDF to write.")
    @folder
    @console.command
    def preview_(kind: Any, language: str, out: Path, templates: Path | None) -> Any:
        """Write a sample letter with made-up people."""
        preview(kind, language, out, templates)
        return {"out": str(out)}, [f"A sample letter: {out}"]

    @group.command()
    @folder
    @console.command
    def check(templates: Path | None) -> Any:
        """Check that templates still hold every field that a letter must have, in every language."""
        problems = check_templates(templates)
        if problems:
            raise Refused(
                "The templates have {count} problems:\n{problems}", count=len(problems), problems="\n".join(problems)
            )
        return {"problems": []}, ["The templates hold every field, in every language."]
