"""The files of a report, read back; and the command that writes them."""

import csv
from datetime import UTC, date, datetime
from pathlib import Path
from xml.etree import ElementTree

import openpyxl
import pytest
from matplotlib.image import imread

from service.reporting.disclosure import Table
from service.reporting.exports import HIDDEN, write_csv, write_workbook
from service.reporting.picture import write_pictures
from service.reporting.queries import Figures
from service.reporting.report import Report, lines_of, shown
from service.values.periods import Period
from tests.conftest import Medspiller

GROUPS = ((3, 9), (10, 17))
AGES = ("3–9", "10–17")
PERIOD, BEFORE = (Period(date(year, 1, 1), date(year, 12, 31)) for year in (2017, 2016))


def _report(threshold: int = 5) -> Report:
    entitled = [[40, 3], [60, 70], [20, 25]]
    used = [[12, 0], [30, 22], [5, 9]]
    values = {
        "entitled": entitled,
        "issued": entitled,
        "posted": entitled,
        "returned": [[0, 0], [0, 0], [0, 0]],
        "used": used,
        "spent": [[count * 75_050 for count in row] for row in used],
    }
    table = Table(values=values, largest=[[75_050 if count else 0 for count in row] for row in used], worth=100_000)
    districts = ("=Gellerup", "Tilst", "Århus Nord")
    now = shown(Figures(districts=districts, table=table), GROUPS, threshold)
    return Report(
        municipality="Aarhus",
        scheme="fritidspas",
        period=PERIOD,
        before=BEFORE,
        threshold=threshold,
        made_at=datetime(2017, 4, 1, 4, tzinfo=UTC),
        districts=districts,
        age_groups=AGES,
        lines=lines_of(now, {}, districts, AGES),
    )


def test_the_csv_has_every_figure(tmp_path: Path) -> None:
    report = _report()
    with write_csv(report, tmp_path / "report").open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert len(found) == len(report.lines) == 4 * 3 * 6
    by_place = {(row["district"], row["age_group"], row["measure"]): row for row in found}
    assert by_place["Tilst", "all", "used"] | {"period": ""} == {
        "period": "",
        "district": "Tilst",
        "age_group": "all",
        "measure": "used",
        "value": "52",
        "suppressed": "0",
        "value_before": "",
        "suppressed_before": "0",
    }
    small = by_place["'=Gellerup", "10–17", "entitled"]
    assert (small["period"], small["value"], small["suppressed"]) == ("2017-01-01/2017-12-31", "", "1")
    assert all((row["value"] == "") == (row["suppressed"] == "1") for row in found)


def test_the_workbook_has_numbers_and_says_what_they_mean(tmp_path: Path) -> None:
    report = _report()
    book = openpyxl.load_workbook(write_workbook(report, tmp_path / "report"))
    assert book.sheetnames == ["Overview", "Entitled and issued", "Posted and returned", "Used and spent", "About"]
    sheet = book["Used and spent"]
    assert sheet.freeze_panes == "C2"
    assert [cell.value for cell in sheet[1]][:5] == [
        "District",
        "Age",
        "Used",
        "Used, period before",
        "Spent, kr",
    ]
    rows = {(row[0], row[1]): row for row in sheet.iter_rows(min_row=2, values_only=True)}
    assert rows["Tilst", "3–9"][2] == 30
    assert rows["Tilst", "3–9"][4] == pytest.approx(22_515.00)
    assert book["Entitled and issued"]["A2"].data_type == "s"
    entitled = {(row[0], row[1]): row[2] for row in book["Entitled and issued"].iter_rows(values_only=True)}
    assert entitled["=Gellerup", "10–17"] == HIDDEN
    about = dict(book["About"].iter_rows(values_only=True))
    assert about["Threshold"] == "5"
    assert about["Made at"] == "2017-04-01T04:00:00+00:00"
    assert about["Period"] == "2017-01-01 to 2017-12-31"
    assert {"Entitled", "Issued", "Posted", "Returned", "Used", "Spent", "Age", "District"} <= set(about)


def test_the_same_report_gives_the_same_bytes(tmp_path: Path) -> None:
    made = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        stem = tmp_path / folder / "report"
        made.append([path.read_bytes() for path in (write_workbook(_report(), stem), *write_pictures(_report(), stem))])
    assert made[0] == made[1]


def test_the_picture_is_a_picture(tmp_path: Path) -> None:
    svg, png = write_pictures(_report(), tmp_path / "report")
    assert ElementTree.parse(svg).getroot().tag == "{http://www.w3.org/2000/svg}svg"
    pixels = imread(png)
    assert pixels.shape[1] > 1000
    assert pixels[..., :3].min() < 0.1


def test_without_determinations_it_says_what_to_do(medspiller: Medspiller, tmp_path: Path) -> None:
    medspiller("municipality", "add", "0751", "Aarhus", "--country", "dk")
    make = ("report", "make", "--municipality", "0751", "--scheme", "fritidspas", "--out", tmp_path / "out")
    said = medspiller.fails(*make, "--period-of", "2017-03-01")
    assert "eligibility refresh --municipality 0751" in said
    assert not (tmp_path / "out").exists()


def test_the_threshold_is_the_municipality_s(medspiller: Medspiller) -> None:
    medspiller("municipality", "add", "0751", "Aarhus", "--country", "dk")
    settings = ("report", "settings", "--municipality", "0751")
    assert medspiller(*settings) == {"threshold": 5}
    assert medspiller(*settings, "--threshold", 10) == {"threshold": 10}
    assert medspiller(*settings) == {"threshold": 10}
    medspiller.fails(*settings, "--threshold", 1, code=2)
