"""The commands of seasons and lists, and what `database check` says of them."""

import csv
from pathlib import Path

import openpyxl

from service.care.checks import CHECKS, unsealed
from service.database.checks import run_checks
from tests.conftest import Medspiller
from tests.referrals.office import Office
from tests.stays.camp import Camp
from tests.stays.test_seasons import HEADING

OF = ("--organisation", "ferie", "--season", "Sommer 2026")


def test_stays_and_lists_come_from_files(camp: Camp, medspiller: Medspiller, tmp_path: Path) -> None:
    camp.plan("A1")
    stays, families = tmp_path / "stays.csv", tmp_path / "families.xlsx"
    stays.write_text(f"{HEADING}\nB1,Sjø,2026-07-04,2026-07-11,12,50,8,6,13,6,\nB2,Sjø,x,2026-07-11,12,50,8,6,13,6,\n")
    lines = medspiller("season", "import", *OF, stays)["lines"]
    assert [(one["line"], one["outcome"]) for one in lines] == [(2, "added"), (3, "rejected")]
    assert lines[1]["errors"] == [{"field": "start", "message": "must be a date such as 2026-07-04"}]
    [season] = medspiller("season", "list", "--organisation", "ferie")["seasons"]
    assert (season["season"], season["stays"]) == ("Sommer 2026", ["A1", "B1"])
    medspiller("season", "template", "--out", families)
    assert "no part in this season" in medspiller.fails("season", "take-list", *OF, "--from", "Nowhere", families)
    # The example wishes for A2, which this season does not have.
    said = medspiller.fails("season", "take-list", *OF, "--from", "Uvik", families)
    assert "line 2, wishes" in said
    book = openpyxl.load_workbook(families)
    assert book.active is not None
    book.active["H2"] = "A1"
    book.save(families)
    done = medspiller("season", "take-list", *OF, "--from", "uvik", families)
    assert (done["version"], done["families"], done["persons"], done["rejected"]) == (1, 1, 2, [])
    assert "no season" in medspiller.fails("season", "take-list", *OF[:3], "Vinter", "--from", "Uvik", families)


def test_a_list_is_exported_and_what_both_sides_hold_is_compared(
    camp: Camp, medspiller: Medspiller, tmp_path: Path
) -> None:
    camp.plan("A1", "A2")
    office = Office(camp)
    first = office.refer(wishes=("A2",))
    office.approve(first, need=5)
    office.hand_over()
    out = tmp_path / "list.csv"
    asked = ("referral-list", "export", "--municipality", "4601", "--season", "sommer 2026", "--out", out)
    assert medspiller(*asked)["families"] == 1
    with out.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    assert next((one["name"], one["need"], one["wishes"]) for one in rows) == ("Amina Yusuf Ali", "5", "A2")
    assert "no such list" in medspiller.fails(*asked, "--number", "9")
    [version] = medspiller("referral-list", "list", "--municipality", "4601")["lists"]
    assert (version["number"], version["confirmed_at"]) == (1, None)

    assert medspiller("database", "check")["checks"]
    office.withdraw("nurse", first)
    office.hand_over()
    assert medspiller("database", "check")["checks"]
    # Somebody who gets past the guards is found out.
    camp.as_owner("ALTER TABLE received_list DISABLE TRIGGER unchanged")
    camp.as_owner("UPDATE received_list SET families = 7 WHERE number = 2")
    camp.as_owner("DROP TRIGGER before_hand_over ON referral_list_entry")
    said = [line for one in run_checks(camp.database.owner_url, CHECKS, unsealed)[0] for line in one.found]
    assert any("holds 0 families and not the 7" in line for line in said)
    assert "The trigger before_hand_over of referral_list_entry is gone." in said
