"""Every text of the program can be said in every language, and values are written as its readers write them."""

import string
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from service.errors import Count
from service.values import clock
from service.web import formats, texts
from service.web.texts import TRANSLATED, TRANSLATIONS, Message, Translator, is_said, read_catalogue, texts_of_program

PROGRAM = texts_of_program()
TEMPLATES = sorted((Path(texts.__file__).parents[1]).glob("*/templates/**/*.html"))


def catalogues(language: str) -> dict[str, dict[Message, Message]]:
    return {path.stem: read_catalogue(path) for path in (TRANSLATIONS / language).glob("*.po")}


@pytest.mark.parametrize("language", TRANSLATED)
def test_the_catalogues_hold_the_texts_of_the_program(language: str) -> None:
    found = {slice_: set(said) for slice_, said in catalogues(language).items()}
    assert found == PROGRAM, "run `make texts`"


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_is_translated_with_the_same_values(language: str) -> None:
    for slice_, said in catalogues(language).items():
        for message, translation in said.items():
            assert is_said(translation), (slice_, message)
            assert values_of(translation) == values_of(message), (slice_, message)


def values_of(message: Message) -> list[set[str]]:
    forms = message if isinstance(message, tuple) else (message,)
    return [{name for _, name, _, _ in string.Formatter().parse(form) if name} for form in forms]


@pytest.mark.parametrize("language", TRANSLATED)
def test_one_text_is_translated_in_one_way(language: str) -> None:
    seen: dict[Message, Message] = {}
    for said in catalogues(language).values():
        for message, translation in said.items():
            assert seen.setdefault(message, translation) == translation, message


@pytest.mark.parametrize("language", TRANSLATED)
def test_the_catalogues_are_written_as_update_writes_them(language: str, tmp_path: Path) -> None:
    for path in (TRANSLATIONS / language).glob("*.po"):
        texts.write_catalogue(tmp_path / path.name, language, read_catalogue(path))
        assert (tmp_path / path.name).read_text() == path.read_text(), "run `make texts`"


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.just("\n"), min_size=1)


@given(st.dictionaries(TEXT, TEXT), st.dictionaries(st.tuples(TEXT, TEXT), st.tuples(TEXT, TEXT)))
def test_a_catalogue_gives_back_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, single: dict[str, str], plural: dict[tuple[str, str], tuple[str, str]]
) -> None:
    # A catalogue knows a plural by its first form.
    several = {pair: forms for pair, forms in plural.items() if pair[0] not in single}
    firsts = {pair[0]: pair for pair in several}
    written: dict[Message, Message] = {pair: several[pair] for pair in firsts.values()}
    written.update(single)
    path = tmp_path_factory.mktemp("catalogue") / "slice.po"
    texts.write_catalogue(path, "da", written)
    assert read_catalogue(path) == written


def test_a_fuzzy_translation_counts_as_none(tmp_path: Path) -> None:
    path = tmp_path / "slice.po"
    path.write_text('#, fuzzy\nmsgid "Save"\nmsgstr "Gem"\n')
    assert read_catalogue(path) == {"Save": ""}


def test_texts_are_found_in_code() -> None:
    code = """
raise Refused("one " "sentence", errors=[FieldError("field", "two {x}", {"x": 1})])
Entry("/path", N_("three"), errors.NotFound("four" if x else N_("five")))
Refused(f"not {this}"), other("not this")
"""
    assert set(texts.texts_of_code(code)) == {"one sentence", "two {x}", "three", "four", "five"}


def test_texts_are_found_in_templates(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(
        '{{ _("one {x}", x=1) }}{{ ui.field(form, "x", _("two")) }}{{ ngettext("{n} a", "{n} b", n) }}'
        "{{ _(entry.label) }}"
    )
    assert set(texts._texts_of_template(path)) == {"one {x}", "two", ("{n} a", "{n} b")}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_templates_say_texts_in_one_way(template: Path) -> None:
    assert "{% trans" not in template.read_text()
    assert "|safe" not in template.read_text().replace(" ", "")


def test_values_are_filled_in_and_markup_escapes_the_rest() -> None:
    danish = Translator("da", {"{a} & {b}": "{b} og < {a}", ("{n} child", "{n} children"): ("{n} barn", "{n} børn")})
    assert danish.gettext("{a} & {b}", a="<1>", b="2") == "2 og < <1>"
    linked = danish.gettext("{a} & {b}", a=Markup("<a>x</a>"), b="<2>")
    assert isinstance(linked, Markup)
    assert linked == "&lt;2&gt; og &lt; <a>x</a>"
    assert danish.gettext("never {translated}") == "never {translated}"
    assert [danish.ngettext("{n} child", "{n} children", n) for n in (0, 1, 2)] == ["0 børn", "1 barn", "2 børn"]


def spoken(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u202f", " ").replace("\u2212", "-")


NOON = datetime(2026, 7, 4, 12, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("da", "1.000,00 kr.|-12,50 kr.|1.204|13 %|12,5 %|4. jul. 2026|4. juli 2026|4. jul. 2026 14.05"),
        ("nb", "1 000,00 kr|-12,50 kr|1 204|13 %|12,5 %|4. juli 2026|4. juli 2026|4. juli 2026 14:05"),
        ("en", "1,000.00 kr|-12.50 kr|1,204|13%|12.5%|4 Jul 2026|4 July 2026|4 Jul 2026 14:05"),
    ],
)
def test_values_are_written_as_readers_do(language: str, expected: str) -> None:
    written = [
        formats.money(100_000, language),
        formats.money(-1_250, language),
        formats.number(1_204, language),
        formats.percent(0.125, language),
        formats.percent(Decimal("0.125"), language, 1),
        formats.day(NOON.date(), language),
        formats.day(NOON.date(), language, "long"),
        formats.instant(NOON, language, "Europe/Copenhagen"),
    ]
    assert [spoken(text) for text in written] == expected.split("|")


def test_how_long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_pinned", NOON)
    assert formats.ago(NOON - timedelta(minutes=3), "nb") == "for 3 minutter siden"
    assert formats.ago(NOON + timedelta(days=2), "en") == "in 2 days"


def test_what_is_not_there_is_a_dash() -> None:
    for write in (formats.money, formats.number, formats.percent, formats.day, formats.ago):
        assert write(None, "da") == "–"
    assert formats.instant(None, "da", "Europe/Oslo") == "–"


def test_values_inside_a_sentence() -> None:
    shown = [Count(1204), formats.Amount(120_450), date(2026, 7, 4), NOON, "name", 2026]
    assert [spoken(formats.show(value, "da", "Europe/Oslo")) for value in shown] == [
        "1.204",
        "1.204,50 kr",
        "4. juli 2026",
        "4. jul. 2026 14.05",
        "name",
        "2026",
    ]


@given(st.integers(-(10**13), 10**13))
def test_no_øre_is_lost(ore: int) -> None:
    digits = "".join(sign for sign in formats.money(ore, "da") if sign.isdigit())
    assert int(digits) == abs(ore)
