"""A municipality's own templates and wording: laid over ours, and checked before use."""

from pathlib import Path

import pypdfium2
import pytest

from service.errors import Refused
from service.letters.checking import check_templates, preview
from service.letters.rendering import RenderingFailed
from service.letters.texts import TEMPLATES


def own(folder: Path, name: str, *changes: tuple[str, str]) -> Path:
    """A folder with one of our files changed."""
    text = (TEMPLATES / name).read_text(encoding="utf-8")
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_our_own_templates_pass(tmp_path: Path) -> None:
    assert check_templates(tmp_path, only=["ar"]) == []


def test_a_file_replaces_ours_and_the_others_stay(tmp_path: Path) -> None:
    folder = own(tmp_path / "own", "texts/en.toml", ('"Leisure pass"', '"Sports ticket"'))
    preview("pass", "en", tmp_path / "out.pdf", folder)
    document = pypdfium2.PdfDocument((tmp_path / "out.pdf").read_bytes())
    assert "Sports ticket" in document[1].get_textpage().get_text_range()
    assert "ABCD-EFG-HJK2" in document[1].get_textpage().get_text_range()


@pytest.mark.parametrize(
    ("name", "before", "after", "problem"),
    [
        (
            "pass.typ",
            "qr(sheet.code, code-size)",
            "[]",
            "en, pass: the pass sheet does not show the QR code.",
        ),
        (
            "pass.typ",
            "fact(sheet.amount_label, sheet.amount)",
            "",
            "en, pass: the pass sheet does not show the amount.",
        ),
        (
            "home.typ",
            "  titled(t.rights_title, t.rights)\n  private",
            "  private",
            "the right to object and to say no.",
        ),
        (
            "home.typ",
            "weight: 700, t.private_code",
            "fill: white, t.private_code",
            "does not show the private code.",
        ),
        (
            "home.typ",
            "dx: x, dy: y, block",
            "dx: x, dy: y + 45mm, block",
            "inside the window of the envelope.",
        ),
    ],
)
def test_a_missing_field_is_found(tmp_path: Path, name: str, before: str, after: str, problem: str) -> None:
    problems = check_templates(own(tmp_path, name, (before, after)), only=["en"])
    assert any(problem in found for found in problems)


def test_a_pass_sheet_that_tells_of_the_family_is_found(tmp_path: Path) -> None:
    own(
        tmp_path,
        "pass.typ",
        ("pass-sheet(sheet) = page(margin: 25mm, {", "pass-sheet(sheet, code) = page({ code"),
    )
    own(tmp_path, "letters.typ", ("pass-sheet(sheet)", "pass-sheet(sheet, letter.text.private_code)"))
    problems = check_templates(tmp_path, only=["en"])
    assert "en, pass: the pass sheet must not show the private code." in problems


def test_wording_is_compared_with_the_reference(tmp_path: Path) -> None:
    own(
        tmp_path,
        "texts/nb.toml",
        ('keep = "', 'kept = "'),
        ("I folkeregisteret så vi hvem", "Vi så på {income_ore} og hvem"),
        ("{phone}, eller skriv", "oss, eller skriv"),
    )
    own(tmp_path, "texts/other_languages.toml", ("Wac {phone}", "Wac {number}"))
    assert check_templates(tmp_path) == [
        "texts/nb.toml lacks home.keep.",
        "texts/nb.toml: grounds.income_above_limit uses {income_ore}, which nothing fills in.",
        "texts/nb.toml: grounds.income_within_limit uses {income_ore}, which nothing fills in.",
        "texts/nb.toml: home.ask lacks {phone}.",
        "texts/other_languages.toml: the line 'so' may only use {page_url} and {phone}.",
    ]


def test_faults_are_named(tmp_path: Path) -> None:
    own(tmp_path / "a", "pass.typ", ("sheet.number_label", "sheet.no_such_label"))
    assert "no_such_label" in check_templates(tmp_path / "a", only=["en"])[0]
    own(tmp_path / "b", "texts/da.toml", ("[pass]", "[pass"))
    with pytest.raises(Refused, match=r"texts/da\.toml cannot be read"):
        preview("pass", "da", tmp_path / "out.pdf", tmp_path / "b")
    with pytest.raises(RenderingFailed, match="does not exist"):
        preview("pass", "da", tmp_path / "out.pdf", tmp_path / "nowhere")
    with pytest.raises(Refused, match="no letter of the kind"):
        preview("invoice", "da", tmp_path / "out.pdf")
