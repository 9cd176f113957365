"""Print batches through the command line: what is printed, held back, handed over and sent again."""

import csv
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pypdfium2
import pytest
import zxingcpp

from service.database.engine import Database
from service.letters import printing
from tests.conftest import Medspiller
from tests.passes.town import CODE, Town


@pytest.fixture
def town(
    medspiller: Medspiller,
    database: Database,
    tmp_path: Path,
    at: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> Town:
    """A town with three children in two households, one of them at a protected address, and small batches."""
    at("2017-01-15T08:00Z")
    monkeypatch.setattr(printing, "LETTERS_PER_BATCH", 3)
    made = Town(medspiller, database, tmp_path)
    made.family("H1", "Ada", "Bo")
    made.family("SECRET", "Carl", address_protected=1, street="Skjulvej 9")
    return made


def manifest(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def printed(folder: Path) -> list[str]:
    """The pass numbers in the codes of all batches; each letter's codes are held against its row of the manifest."""
    numbers: list[str] = []
    for path in sorted(folder.glob("batch-*.pdf")):
        with pypdfium2.PdfDocument(path) as document:
            codes = [
                [code.text for code in zxingcpp.read_barcodes(page.render(scale=3, grayscale=True).to_numpy())]
                for page in document
            ]
        start = 0
        for row in manifest(path.with_suffix(".csv")):
            end = start + int(row["pages"])
            passes = row["passes"].split("|")
            assert sorted(code for page in codes[start:end] for code in page) == sorted([row["letter_number"], *passes])
            numbers, start = numbers + passes, end
        assert start == len(codes)
    return numbers


def test_what_is_printed_is_what_is_listed(town: Town, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    town.load()
    town.commit()
    out = tmp_path / "print"
    made = town.say("letters", "render", "--out", out)
    assert (made["letters"], made["batches"], made["held_back"]) == (2, 2, 0)
    names = ["batch-00001.csv", "batch-00001.pdf", "batch-00002-protected.csv", "batch-00002-protected.pdf"]
    assert sorted(path.name for path in out.iterdir()) == names
    assert sorted(printed(out)) == sorted(row["pass_number"] for row in town.listed())
    row = manifest(out / "batch-00002-protected.csv")[0]
    assert (row["recipient"], row["passes"]) == ("SECRETs mor Prøvesen", town.number("Carl"))
    assert made["pages"] == sum(int(row["pages"]) for path in out.glob("*.csv") for row in manifest(path))

    first = {path.name: path.read_bytes() for path in out.iterdir()}
    assert town.say("letters", "render", "--out", out) == made
    one = town.say("letters", "render", "--batch", 2, "--out", tmp_path / "one")
    assert (one["letters"], one["batches"], len(list((tmp_path / "one").iterdir()))) == (1, 1, 2)
    assert {path.name: path.read_bytes() for path in (*out.iterdir(), *(tmp_path / "one").iterdir())} == first
    assert "no batch 7" in town.refused("letters", "render", "--batch", 7, "--out", out)
    reads = town.rows("SELECT count(*) FROM audit_entry WHERE action = 'letters.render'")
    assert reads == [(5,)]
    assert "Prøvesen" not in capfd.readouterr().err
    assert town.sound()


def test_a_municipality_without_letters(town: Town, tmp_path: Path) -> None:
    made = town.say("letters", "render", "--out", tmp_path / "print")
    assert (made["letters"], made["batches"], made["files"]) == (0, 0, [])
    assert town.say("letters", "hand-over")["letters"] == 0
    assert town.say("letters", "held") == {"held_back": []}


def test_a_folder_that_cannot_be_written(town: Town, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for out in (tmp_path / "file" / "print", Path("/proc/print"), Path("/proc")):
        assert (said := town.refused("letters", "render", "--out", out)).startswith("Letters cannot be written to")
        assert said.count("\n") == 1


def test_without_an_address_a_letter_waits_for_the_next_import(town: Town) -> None:
    town.family("H3", "Dora", street="")
    town.family("H4", "Eva", postcode="")
    town.load()
    town.commit()
    for _ in range(2):
        town.batch()
        held = town.say("letters", "held")["held_back"]
        assert [(letter["household_id"], letter["because"]) for letter in held] == [
            ("H3", "The register has no full address."),
            ("H4", "The register has no full address."),
        ]
    for name in ("H3s mor", "Dora"):
        town.of(name)["street"] = "Nyvej 2"
    town.load()
    assert town.batch() == 1
    assert [letter["household_id"] for letter in town.say("letters", "held")["held_back"]] == ["H4"]
    assert "Nyvej 2" in [letter.recipient[1] for letter in town.letters().values()]
    assert town.sound()


def test_an_address_that_becomes_protected_while_a_batch_is_made(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    town.load()
    town.commit()
    choose = printing._next_letters

    def then_import(*asked: object) -> object:
        chosen = choose(*asked)  # type: ignore[arg-type]
        if town.of("Ada")["address_protected"] == 0:
            for row in town.people:
                row["address_protected"] = 1
            town.load()
        return chosen

    monkeypatch.setattr(printing, "_next_letters", then_import)
    assert town.batch() == 1
    assert [(letter.protected) for letter in town.letters().values()] == [True, True]
    assert town.rows("SELECT protected, letters FROM print_batch") == [(True, 2)]
    assert town.sound()


def test_a_letter_is_handed_over_once(town: Town, tmp_path: Path, installation: Path) -> None:
    town.load()
    town.commit()
    town.batch()
    program = "from service.cli import main; main()"
    command = [sys.executable, "-c", program, "letters", "hand-over", "--municipality", CODE]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = sorted(process.communicate(timeout=120)[0].split()[0] for process in both)
    assert said == ["0", "2"]
    outbox = installation / "outbox" / "print" / CODE
    names = sorted(path.name for path in outbox.glob("batch-*"))
    assert names == ["batch-00001.csv", "batch-00001.pdf", "batch-00002-protected.csv", "batch-00002-protected.pdf"]
    assert list((installation / "print" / CODE).iterdir()) == []
    assert town.say("letters", "hand-over")["letters"] == 0
    assert "handed over already" in town.refused("letters", "hand-over", "--batch", 1)
    assert town.rows("SELECT count(*) FROM audit_entry WHERE action = 'letters.hand_over'") == [(2,)]
    assert town.rows("SELECT DISTINCT state FROM letter") == [("handed_over",)]

    sent = (outbox / "batch-00001.pdf").read_bytes()
    town.say("letters", "render", "--batch", 1, "--out", tmp_path / "again")
    assert (tmp_path / "again" / "batch-00001.pdf").read_bytes() == sent
    own = tmp_path / "own"
    own.mkdir()
    template = Path(printing.__file__).parent / "templates" / "home.typ"
    (own / "home.typ").write_text(template.read_text().replace("size: 15pt", "size: 14pt"))
    town.say("letters", "settings", f"templates={own}")
    refusal = town.refused("letters", "render", "--batch", 1, "--out", tmp_path / "again")
    assert "no longer renders as it was sent" in refusal
    assert (tmp_path / "again" / "batch-00001.pdf").read_bytes() == sent
    assert town.sound()


def test_returned_mail(town: Town) -> None:
    town.load()
    town.commit()
    town.batch()
    number = town.rows("SELECT number FROM letter ORDER BY number LIMIT 1")[0][0]
    back = ("letters", "returned", number, "--because", "moved")
    assert "not on its way" in town.refused(*back)
    town.send()
    assert "not marked as returned" in town.refused("letters", "again", number)
    assert "mistyped" in town.refused("letters", "returned", f"{number[:-1]}{(int(number[-1]) + 1) % 10}", *back[3:])
    assert "no letter" in town.refused("letters", "returned", "000009931", *back[3:])
    spaced = f"{number[:3]} {number[3:6]} {number[6:]}"
    assert town.say("letters", "returned", spaced, *back[3:])["state"] == "returned"
    assert "was noted as returned before" in town.refused(*back)
    ended = "SELECT c.ended_at IS NOT NULL FROM private_code c JOIN letter l ON l.id = c.letter_id WHERE l.number = :n"
    assert town.rows(ended, n=number) == [(True,)]

    assert "street" in town.refused("letters", "again", number, "--city", "Aarhus C")
    corrected = ("--street", "Nyvej 2", "--postcode", "8200", "--city", "Aarhus N")
    assert town.say("letters", "again", number, *corrected)["state"] == "queued"
    assert "sent again already" in town.refused("letters", "again", number)
    town.batch()
    old, new = town.letters()[number], list(town.letters().values())[-1]
    assert (new.recipient[1:], new.passes) == (("Nyvej 2", "8200 Aarhus N"), old.passes)
    assert new.private_code != old.private_code
    assert town.sound()

    town.send()
    town.say("letters", "returned", new.number, "--because", "unknown there")
    town.say("letters", "again", new.number)
    town.batch()
    third = list(town.letters().values())[-1]
    assert (third.recipient, third.passes) == (old.recipient, old.passes)
    actions = town.rows("SELECT action, count(*) FROM audit_entry WHERE action LIKE 'letters.%' GROUP BY 1 ORDER BY 1")
    assert actions == [("letters.again", 2), ("letters.returned", 2)]
    assert town.sound()


def test_a_returned_letter_whose_pass_is_gone_is_not_sent_again(town: Town) -> None:
    town.load()
    town.commit()
    town.batch()
    town.send()
    number = next(number for number, letter in town.letters().items() if letter.protected)
    town.say("passes", "revoke", town.number("Carl"), "--reason", "no")
    town.say("letters", "returned", number, "--because", "moved")
    town.say("letters", "again", number)
    assert town.batch() == 0
    assert town.rows("SELECT state FROM letter ORDER BY number")[-1:] == [("cancelled",)]
    assert town.sound()


def test_the_window_is_that_of_the_print_provider(town: Town) -> None:
    town.load()
    town.commit()
    for wrong in ("c4", "1,2,3", "a,b,c,d"):
        assert "window" in town.refused("letters", "settings", f"window={wrong}")
    assert "colour" in town.refused("letters", "settings", "colour=red")
    assert town.say("letters", "settings", "window=40,20,90,40", "phone=89 00 00 00")["window"] == "40,20,90,40"
    assert town.say("letters", "settings", "web=aarhus.example")["phone"] == "89 00 00 00"
    town.batch()
    letter = next(iter(town.letters().values()))
    window = letter.window
    assert (window.top, window.left, window.width, window.height) == (40, 20, 90, 40)
    assert letter.passes[0].club_contact == "89 00 00 00"
