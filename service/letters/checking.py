"""Whether a municipality's own templates and wording still say what a letter must say.

A field counts as printed when another value for it changes the picture of the sheet; so no template can pass
by naming a field it hides, and a pass sheet that changes with the family's data is found as well.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple, get_args

import msgspec
import typst

from service.errors import N_
from service.letters.content import Ground, Letter
from service.letters.pixels import changed_area
from service.letters.rendering import STARTS, RenderingFailed, compiler, render_batch, template_root
from service.letters.samples import KINDS, sample_letter
from service.letters.texts import PLACEHOLDER, REFERENCE, Texts, languages, load_texts, read_toml, text_file
from service.letters.view import batch_view, letter_view

_PPI = 40
_COARSE_PPI = 10
_MM = 25.4 / _COARSE_PPI
_OTHER_PLACEHOLDERS = {"page_url", "phone"}


class _Variant(NamedTuple):
    """A letter that differs from the sample in one thing, and the sheets that must, or must not, show it."""

    thing: str
    letter: Letter
    texts: Texts
    on_home: bool
    on_pass: bool | None


def preview(kind: str, language: str, out: Path, templates: Path | None = None) -> None:
    """Print one letter to made-up people: `kind` is `pass` or `ended`. Raises Refused for an unknown kind."""
    load_texts(templates).wording(language)
    render_batch([_sample(kind, language)], out, templates)


def check_templates(folder: Path | None = None, only: Sequence[str] | None = None) -> list[str]:
    """What is wrong with the templates and wording in `folder`, one sentence each; empty where all is well.

    Without a folder our own are checked. Takes a second or two for each language; `only` names the languages
    whose sheets are looked at.
    """
    try:
        problems = _wording_problems(folder)
        if problems:
            return problems
        texts = load_texts(folder)
        with template_root(folder) as root:
            for language in only or texts.wordings:
                for kind in KINDS:
                    problems += [f"{language}, {kind}: {p}" for p in _sheet_problems(kind, language, texts, root)]
    except RenderingFailed as failed:
        return [failed.message]
    except typst.TypstError as error:
        return [f"The letter templates could not be rendered: {error.message}."]
    return problems


def _sample(kind: str, language: str) -> Letter:
    return sample_letter(kind, language, own_language=language)


def _wording_problems(folder: Path | None) -> list[str]:
    reference = _leaves(read_toml(text_file(f"{REFERENCE}.toml", None)))
    problems = []
    for language in languages(folder):
        name = f"texts/{language}.toml"
        own = _leaves(read_toml(text_file(f"{language}.toml", folder)))
        problems += [f"{name} lacks {key}." for key in reference if key not in own]
        for key in reference.keys() & own.keys():
            problems += _leaf_problems(name, key, reference[key], own[key])
    others = read_toml(text_file("other_languages.toml", folder))
    for code in others.get("order", []):
        line = others.get("lines", {}).get(code)
        if line is None:
            problems.append(f"texts/other_languages.toml orders {code!r} but has no line for it.")
        elif set(PLACEHOLDER.findall(line)) - _OTHER_PLACEHOLDERS:
            problems.append(f"texts/other_languages.toml: the line {code!r} may only use {{page_url}} and {{phone}}.")
    return sorted(problems)


def _leaves(table: dict[str, Any], before: str = "") -> dict[str, Any]:
    leaves: dict[str, Any] = {}
    for key, value in table.items():
        leaves |= _leaves(value, f"{before}{key}.") if isinstance(value, dict) else {before + key: value}
    return leaves


def _leaf_problems(name: str, key: str, reference: object, own: object) -> list[str]:
    if isinstance(reference, list):
        enough = isinstance(own, list) and own and all(isinstance(item, str) and item for item in own)
        if not enough or (key == "months" and isinstance(own, list) and len(own) != 12):
            return [f"{name}: {key} must be a list of texts{' of 12 months' if key == 'months' else ''}."]
        return []
    if not isinstance(own, str) or not own:
        return [f"{name}: {key} must be a text."]
    wanted, found = set(PLACEHOLDER.findall(str(reference))), set(PLACEHOLDER.findall(own))
    return [f"{name}: {key} lacks {{{p}}}." for p in sorted(wanted - found)] + [
        f"{name}: {key} uses {{{p}}}, which nothing fills in." for p in sorted(found - wanted)
    ]


def _sheet_problems(kind: str, language: str, texts: Texts, root: Path) -> Iterator[str]:
    sample = _sample(kind, language)
    variants = list(_variants(sample, texts))
    everything = [_Variant("", sample, texts, True, None), *variants]
    view = batch_view([sample], texts)
    view["letters"] = [letter_view(variant.letter, variant.texts) for variant in everything]
    machine = compiler(view, root)
    base, *others = _pictures(machine, everything, _PPI)
    for variant, pages in zip(variants, others, strict=True):
        home, first_pass = pages[0], pages[1:2]
        if variant.on_home and home == base[0]:
            yield f"the home sheet does not show {variant.thing}."
        if variant.on_pass and first_pass == base[1:2]:
            yield f"the pass sheet does not show {variant.thing}."
        if variant.on_pass is False and first_pass != base[1:2]:
            yield f"the pass sheet must not show {variant.thing}."
    coarse = _pictures(machine, everything, _COARSE_PPI)
    if others[0][0] != base[0] and not _inside_window(coarse[0][0], coarse[1][0], sample):
        yield "the address does not lie inside the window of the envelope."


def _pictures(machine: typst.Compiler, variants: list[_Variant], ppi: float) -> list[list[bytes]]:
    """For each variant the first page of its home sheet and the pages of its passes, as PNG."""
    pages = machine.compile(format="png", ppi=ppi)
    marks = msgspec.json.decode(machine.eval(STARTS), type=list[int])
    if not isinstance(pages, list) or len(marks) != len(variants):
        raise RenderingFailed(N_("The letter templates must mark the start of every letter with the label <letter>."))
    ends = [*(mark - 1 for mark in marks[1:]), len(pages)]
    sheets = [len(variant.letter.passes) for variant in variants]
    return [
        [pages[start - 1], *pages[end - count : end]] for start, end, count in zip(marks, ends, sheets, strict=True)
    ]


def _inside_window(before: bytes, after: bytes, letter: Letter) -> bool:
    area = changed_area(before, after)
    if area is None:
        return False
    left, top, right, bottom = (side * _MM for side in area)
    window = letter.window
    return (
        left >= window.left
        and top >= window.top
        and right <= window.left + window.width
        and bottom <= window.top + window.height
    )


def _variants(sample: Letter, texts: Texts) -> Iterator[_Variant]:
    change = msgspec.structs.replace
    never = False if sample.passes else None
    for thing, field, value in _LETTER_FIELDS:
        yield _Variant(thing, change(sample, **{field: value}), texts, True, never)
    ground = next(g for g in get_args(Ground) if g not in sample.grounds)
    yield _Variant("the grounds", change(sample, grounds=(ground,)), texts, True, never)
    for thing, field, value in _SENDER_FIELDS:
        if field == "complaint" and sample.kind == "invitation":
            # An invitation decides nothing that could be complained about.
            continue
        sender = change(sample.sender, **{field: value})
        yield _Variant(thing, change(sample, sender=sender), texts, True, never)
    if sample.passes:
        first, *rest = sample.passes
        for thing, field, value, on_home in _PASS_FIELDS:
            passes = (change(first, **{field: value}), *rest)
            yield _Variant(thing, change(sample, passes=passes), texts, on_home, True)
        sibling = change(rest[0], child_name="Zahra Q. Nielsen")
        yield _Variant("a sibling", change(sample, passes=(first, sibling)), texts, True, False)
    else:
        apply = change(sample, apply_url="andet.example/soeg")
        yield _Variant("where to apply", apply, texts, True, None)
        first_child, *others = sample.children
        renamed = (change(first_child, child_name="Zahra Q. Nielsen"), *others)
        carried: dict[str, Any] = {"ended" if sample.ended else "invited": renamed}
        yield _Variant("the name", change(sample, **carried), texts, True, None)
    section = "home" if sample.passes else sample.kind
    for thing, key in _WORDING[section]:
        yield _Variant(thing, sample, _reworded(texts, sample.language or "", section, key), True, never)


def _reworded(texts: Texts, language: str, section: str, key: str) -> Texts:
    words = texts.wordings[language]
    told = words.tables[section][key]
    table = words.tables[section] | {key: [*told, "+++"] if isinstance(told, list) else "+++ " + told}
    changed = msgspec.structs.replace(words, tables=words.tables | {section: table})
    return msgspec.structs.replace(texts, wordings=texts.wordings | {language: changed})


_LETTER_FIELDS: tuple[tuple[str, str, Any], ...] = (
    ("the address", "recipient", ("Zahra Q. Nielsen", "Anden Gade 77, 1. tv.", "7777 Andenby")),
    ("the letter number", "number", "9X9X-88"),
    ("the private code", "private_code", "WWXX-9999"),
    ("the family's page", "page_url", "andet.example/side"),
    ("the income year", "income_year", 2009),
    ("the rule", "rule", "Andre regler, § 77"),
    ("the date", "date", date(2019, 9, 9)),
)
_SENDER_FIELDS = (
    ("the phone number", "phone", "11 22 33 44"),
    ("the e-mail address", "email", "anden@andet.example"),
    ("how to complain", "complaint", "Klag et andet sted."),
)
_PASS_FIELDS: tuple[tuple[str, str, Any, bool], ...] = (
    ("the pass number", "number", "WXYZ-999-9999", True),
    ("the QR code", "bare_number", "WXYZ9999999", False),
    ("the name", "child_name", "Zahra Q. Nielsen", True),
    ("the amount", "amount_ore", 765_400, True),
    ("the amount for equipment", "equipment_ore", 76_500, True),
    ("the first day", "valid_from", date(2009, 9, 9), True),
    ("the last day", "valid_to", date(2019, 9, 9), True),
    ("whom the club asks", "club_contact", "anden@andet.example", False),
)
_WORDING = {
    "home": (
        ("how to use the pass", "steps"),
        ("how to use the pass without showing it", "private_use"),
        ("that the sheet stays at home", "keep"),
        ("the right to object and to say no", "rights"),
        ("that the code is private", "code_warning"),
        ("whom to ask", "ask"),
    ),
    "ended": (
        ("how to apply again", "apply"),
        ("the right to object", "rights"),
        ("that the code is private", "code_warning"),
    ),
    "invitation": (
        ("why the family is asked", "intro"),
        ("how to apply", "apply"),
        ("the right to object", "rights"),
        ("that the code is private", "code_warning"),
    ),
}
