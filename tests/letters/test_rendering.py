"""Rendered letters, read back from the PDF: what stands on which sheet, and where."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pypdfium2
import pytest
import zxingcpp
from pypdf import PdfReader

from service.letters.batches import render_batches
from service.letters.content import C5_WINDOW, C65_WINDOW, Letter, PassSheet
from service.letters.rendering import RenderingFailed, render_batch
from service.letters.samples import sample_letter

LANGUAGES = ("da", "nb", "en", "ar")
MM = 72 / 25.4
MARKUP = '#"a" *b* _c_ $d$ `e` <script> @f \\g [h] {i} //j'

Render = Callable[..., "Printed"]


def changed(letter: Letter, **fields: object) -> Letter:
    return msgspec.structs.replace(letter, **fields)


def with_passes(letter: Letter, **fields: object) -> Letter:
    return changed(letter, passes=tuple(msgspec.structs.replace(sheet, **fields) for sheet in letter.passes))


@dataclass
class Printed:
    """A batch read back: `pdf` for places and pictures, `reader` for text in the order in which it was written."""

    pdf: pypdfium2.PdfDocument
    reader: PdfReader

    def __len__(self) -> int:
        return len(self.pdf)


@pytest.fixture
def render(tmp_path: Path) -> Render:
    def _render(*letters: Letter, templates: Path | None = None) -> Printed:
        out = tmp_path / "batch.pdf"
        pages = render_batch(letters, out, templates)
        printed = Printed(pypdfium2.PdfDocument(out.read_bytes()), PdfReader(out))
        assert sum(pages) == len(printed)
        return printed

    return _render


def text(document: Printed, page: int) -> str:
    """A page's text with every run of white space as one blank."""
    return re.sub(r"\s+", " ", document.reader.pages[page].extract_text().replace("\u200b", ""))


def all_text(document: Printed) -> str:
    return " ".join(text(document, page) for page in range(len(document)))


def boxes(document: Printed, page: int, words: str) -> list[tuple[float, float, float, float]]:
    """(left, top, right, bottom) in mm from the top left corner for each piece in which `words` stand."""
    found = []
    textpage = document.pdf[page].get_textpage()
    search = textpage.search(words)
    while hit := search.get_next():
        for at in range(textpage.count_rects(*hit)):
            left, bottom, right, top = textpage.get_rect(at)
            found.append((left / MM, 297 - top / MM, right / MM, 297 - bottom / MM))
    return found


def codes(document: Printed, page: int) -> list[str]:
    bitmap = document.pdf[page].render(scale=3, grayscale=True)
    return sorted(code.text for code in zxingcpp.read_barcodes(_rows(bitmap)))


def _rows(bitmap: pypdfium2.PdfBitmap) -> memoryview:
    """The grey pixels as a two-dimensional buffer, which is what the reader of codes takes."""
    packed = b"".join(
        bytes(bitmap.buffer[y * bitmap.stride : y * bitmap.stride + bitmap.width]) for y in range(bitmap.height)
    )
    return memoryview(packed).cast("B", (bitmap.height, bitmap.width))


@pytest.mark.parametrize("language", LANGUAGES)
def test_home_sheet_says_what_the_family_needs(render: Render, language: str) -> None:
    letter = sample_letter("pass", language, children=2)
    document = render(letter)
    home = text(document, 0)
    assert len(document) == 3
    for needed in (
        letter.private_code,
        letter.page_url,
        "89 40 20 00",
        letter.sender.email,
        "2016",
        letter.passes[0].number,
        letter.passes[1].number,
        letter.passes[1].child_name,
        "7K4M-29",
        letter.rule,
    ):
        assert needed in home


@pytest.mark.parametrize("language", LANGUAGES)
def test_pass_sheet_tells_a_club_nothing_about_the_family(render: Render, language: str) -> None:
    letter = sample_letter("pass", language, own_language=language, children=3)
    document = render(letter)
    for at, sheet in enumerate(letter.passes, start=len(document) - len(letter.passes)):
        page = text(document, at)
        assert sheet.number in page
        assert sheet.child_name in page
        assert sheet.club_contact in page
        siblings = [other.child_name.split()[0] for other in letter.passes if other is not sheet]
        secrets = [
            *letter.recipient,
            letter.number,
            letter.private_code,
            letter.page_url,
            letter.rule,
            *siblings,
        ]
        for word in (
            *secrets,
            "2016",
            "Rådhuspladsen",
            "Kultur",
            "indkomst",
            "income",
            "inntekt",
            "دخل",
            "område",
        ):
            assert word not in page
        assert codes(document, at) == [sheet.bare_number]


def test_the_pass_is_in_the_language_of_the_club(render: Render) -> None:
    document = render(sample_letter("pass", "ar", own_language="da", children=1))
    assert "Betaler op til" in text(document, 1)
    assert not re.search("[\u0600-\u06ff]", text(document, 1))
    assert re.search("[\u0600-\u06ff]", text(document, 0))


@pytest.mark.parametrize("window", [C5_WINDOW, C65_WINDOW], ids=["C5", "C65"])
@pytest.mark.parametrize("language", ["da", "ar"])
@pytest.mark.parametrize(
    "recipient",
    [
        ("Fatima Solberg", "Prøvevej 12, 3. th.", "8999 Prøveby"),
        ("Wilhelmina Wolfgangine Maximiliane af Württemberg-Hohenlohe-Langenburg und Waldenburg",) * 2
        + (
            "c/o Bo- og Omsorgsfællesskabet Mellemwestergaardsvænget",
            "Wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww 12",
        )
        + ("lejlighed 1234, opgang F, dør 56", "8999 Prøveby"),
    ],
    ids=["usual", "long"],
)
def test_address_and_letter_number_lie_inside_the_window(
    render: Render, window: object, language: str, recipient: tuple[str, ...]
) -> None:
    letter = changed(sample_letter("pass", language, children=1), window=window, recipient=recipient)
    document = render(letter)
    seen = [box for line in recipient for word in line.split()[:2] for box in boxes(document, 0, word[:12])]
    seen += [boxes(document, 0, letter.number)[0], boxes(document, 0, "Rådhuspladsen 2, 8999")[0]]
    frame = letter.window
    inside = [box for box in seen if box[0] < 130 and 30 < box[1] < frame.top + frame.height + 6]
    assert len(inside) >= len(recipient)
    for left, top, right, bottom in inside:
        assert left >= frame.left + 3.5
        assert top >= frame.top + 3.5
        assert right <= frame.left + frame.width - 3.5
        assert bottom <= frame.top + frame.height - 3.5
    assert codes(document, 0) == [letter.number]


@pytest.mark.parametrize("window", [C5_WINDOW, C65_WINDOW], ids=["C5", "C65"])
def test_nothing_else_shows_through_the_window(render: Render, window: object) -> None:
    letter = changed(sample_letter("pass", "da"), window=window)
    page = render(letter).pdf[0].get_textpage()
    frame = letter.window
    seen = page.get_text_bounded(
        left=(frame.left - 8) * MM,
        right=(frame.left + frame.width + 8) * MM,
        top=(297 - frame.top + 8) * MM,
        bottom=(297 - frame.top - frame.height - 8) * MM,
    )
    assert seen.split("\r\n") == [
        "Prøveby Kommune, Rådhuspladsen 2, 8999 Prøveby",
        "Brev 7K4M-29",
        *letter.recipient,
    ]


def test_a_full_letter_grows_and_drops_nothing(render: Render) -> None:
    letter = sample_letter("pass", None, children=6)
    letter = changed(letter, sender=msgspec.structs.replace(letter.sender, complaint="Klag til os. " * 120 + "Slut."))
    document = render(letter)
    assert len(document) == 2 + 6
    home = text(document, 0) + text(document, 1)
    for needed in (*(sheet.number for sheet in letter.passes), letter.private_code, "Slut.", "Türkçe"):
        assert needed in home


def test_a_very_long_name_stays_on_the_paper(render: Render) -> None:
    name = "Abdulrahmanmuhammadibrahimalhusseini" * 3
    document = render(with_passes(sample_letter("pass", "da", children=1), child_name=name))
    for page in range(len(document)):
        for box in boxes(document, page, "Abdulrahm") + boxes(document, page, "husseini"):
            assert box[2] <= 200
    assert text(document, len(document) - 1).replace(" ", "").count("Abdulrahm") == 3


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_ended_pass_is_told_with_reason_and_the_way_back(render: Render, language: str) -> None:
    letter = sample_letter("ended", language, children=2)
    document = render(letter)
    assert len(document) == 1
    for needed in (
        letter.apply_url,
        letter.ended[1].child_name,
        letter.private_code,
        letter.sender.complaint,
        "2016",
    ):
        assert needed in text(document, 0)
    assert codes(document, 0) == [letter.number]


def test_markup_in_names_is_printed_as_it_stands(render: Render) -> None:
    letter = with_passes(sample_letter("pass", "da", children=1), child_name=MARKUP)
    letter = changed(letter, recipient=(MARKUP, "Prøvevej 1"), private_code="#x*y*")
    document = render(letter)
    assert text(document, 0).count(MARKUP) == 4
    assert MARKUP in text(document, 1)
    assert "#x*y*" in text(document, 0)


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("漢字 Li", "?? Li"),
        ("Ａｎｎａ", "Anna"),
        ("Eva\u202eavE \x00\u200d", "EvaavE"),
        ("Zoe\u0308 \U0001f600", "Zoë ?"),
        ("\u0627\u0645\u064a\u0631\u0629 \u0652", None),
        ("e\u0489\u20dd \u0f40\u0f71\u0f72", None),
    ],
)
def test_characters_without_a_glyph_do_not_stop_a_batch(render: Render, name: str, printed: str | None) -> None:
    page = text(render(with_passes(sample_letter("pass", "ar", children=1), child_name=name)), 1)
    assert printed is None or printed in page


def test_namesakes_are_told_apart_with_as_little_as_possible(render: Render) -> None:
    first, second = sample_letter("pass", "en", own_language="en", children=2).passes

    def lines(one: PassSheet, other: PassSheet) -> str:
        letter = changed(sample_letter("pass", "en", own_language="en"), passes=(one, other))
        return all_text(render(letter))

    assert "born" not in lines(first, second)
    same = msgspec.structs.replace(second, child_name=first.child_name.upper())
    assert lines(first, same).count("born 2 March") == 2
    assert "2010" not in lines(first, same)
    older = msgspec.structs.replace(same, birth_date=date(2007, 3, 2))
    assert lines(first, older).count("born in 2007") == 2


def test_language_unknown_or_without_wording(render: Render) -> None:
    unknown = text(render(sample_letter("pass", None)), 0)
    assert "Fritidspas til dine børn" in unknown
    assert "English: read this letter at fritid.example/min-side" in unknown
    somali = text(render(sample_letter("pass", "so")), 0)
    assert "Fritidspas til dine børn" in somali
    assert "Soomaali" in somali
    assert "English" not in somali
    assert "English" not in text(render(sample_letter("pass", "da")), 0)


def test_numbers_keep_their_order_in_a_right_to_left_letter(render: Render) -> None:
    document = render(sample_letter("pass", "ar", children=1))
    page = document.pdf[0].get_textpage()
    places = [(page.get_charbox(at), page.get_text_range(at, 1)) for at in range(page.count_chars())]
    beside = sorted(
        (box[0], char) for box, char in places if box[0] > 140 * MM and char.isdigit() and _on_phone_line(box)
    )
    assert "".join(char for _, char in beside) == "89402000"


def _on_phone_line(box: tuple[float, float, float, float]) -> bool:
    return 47 < 297 - box[3] / MM < 51


def test_the_same_letters_give_the_same_bytes(tmp_path: Path) -> None:
    letters = [sample_letter(kind, language) for kind in ("pass", "ended") for language in (*LANGUAGES, None)]
    first, second = tmp_path / "first.pdf", tmp_path / "second.pdf"
    pages = render_batch(letters, first)
    assert list(render_batches([(letters, second)])) == [pages]
    assert first.read_bytes() == second.read_bytes()
    assert pages == [3, 3, 3, 3, 3, 1, 1, 1, 1, 1]


def test_the_pdf_is_tagged_and_dated_with_the_letter(tmp_path: Path) -> None:
    out = tmp_path / "batch.pdf"
    render_batch([sample_letter("pass", "en", own_language="en")], out)
    reader = PdfReader(out)
    root: Any = reader.root_object
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "en"
    assert reader.metadata is not None
    assert reader.metadata.title == "Letter about a leisure pass"
    assert reader.metadata.creation_date is not None
    assert reader.metadata.creation_date.date() == date(2017, 1, 15)
    assert b"pdfuaid:part" in reader.xmp_metadata.stream.get_data()  # type: ignore[union-attr]
    assert b"QR code with the pass number ABCD-EFG-HJK2" in _decoded(reader)


def _decoded(reader: PdfReader) -> bytes:
    texts: Iterator[Any] = (reader.get_object(number) for number in range(1, len(reader.xref[0]) + 1))
    alts = [str(node["/Alt"]) for node in texts if isinstance(node, dict) and "/Alt" in node]
    return " ".join(alts).encode()


def test_refused_batches_leave_the_file_as_it_was(tmp_path: Path) -> None:
    out = tmp_path / "batch.pdf"
    out.write_bytes(b"before")
    open_letter = sample_letter("pass", "da")
    with pytest.raises(RenderingFailed, match="at least one"):
        render_batch([], out)
    with pytest.raises(RenderingFailed, match="protected"):
        render_batch([open_letter, changed(open_letter, protected=True)], out)
    assert out.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [out]


def test_a_protected_family_is_told_so(render: Render) -> None:
    letter = sample_letter("pass", "en", own_language="en", children=1)
    assert "Your address is protected." in text(render(changed(letter, protected=True)), 0)
    assert "protected" not in all_text(render(letter))


def test_many_batches_in_order_and_one_clear_sentence_for_a_failure(tmp_path: Path) -> None:
    batches = [([sample_letter("ended", "da")] * count, tmp_path / f"batch-{count}.pdf") for count in (1, 2, 3)]
    assert list(render_batches(batches)) == [[1], [1, 1], [1, 1, 1]]
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "home.typ").write_text("#let home-sheet(letter) = page(nothing-of-that-name)")
    with pytest.raises(RenderingFailed, match=r"could not be rendered: unknown variable: nothing-of-that-name") as e:
        list(render_batches(batches, templates=tmp_path / "own"))
    assert "Solberg" not in e.value.message
