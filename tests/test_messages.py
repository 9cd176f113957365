"""Every sentence that the program refuses with can be said in Danish and in Norwegian."""

import ast
import pickle
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from string import Formatter
from typing import TypeGuard

import pytest
from babel.messages import pofile

from service.errors import Conflict, Count, FieldError, Invalid, NotFound, OneOf, Refused, Text, Unreadable
from service.register.extracts import read_layout

ROOT = Path(__file__).parents[1]
TRANSLATIONS = ROOT / "service/web/translations"
ERRORS = ROOT / "service/errors.py"
CODE = [path for top in ("service", "jobs") for path in sorted((ROOT / top).rglob("*.py")) if path != ERRORS]
# Whose first argument the catalogues know; a text given to any other must be marked N_ where it is written.
KNOWN = {"Refused", "Invalid", "NotFound", "Forbidden", "Conflict", "Unreadable"}


def kinds_of_refusals() -> set[str]:
    """The classes of refusals that are made of a text and its values, those of the slices too."""
    classes = [
        node for path in CODE for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef)
    ]
    found = set(KNOWN)
    while more := {node.name for node in classes if _bases(node) & found and not _own_init(node)} - found:
        found |= more
    return found


def _bases(node: ast.ClassDef) -> set[str]:
    return {base.id for base in node.bases if isinstance(base, ast.Name)}


def _own_init(node: ast.ClassDef) -> bool:
    return any(isinstance(part, ast.FunctionDef) and part.name == "__init__" for part in node.body)


def faults(code: str, refusals: set[str]) -> list[str]:
    """What hinders the sentences of a module from being said in another language."""
    constants = _constants(code)
    found = [
        f"line {call.lineno}: {fault}"
        for call, name in _calls(code, refusals)
        for fault in _faults(call, name, constants)
    ]
    return found + [f"line {line}: the title is not marked N_" for line in _unmarked_titles(code, refusals)]


def sentences(code: str, refusals: set[str]) -> set[str]:
    """The texts of which the refusals of a module are made, and all that it marks."""
    constants = _constants(code)
    marked = {
        said for node in ast.walk(ast.parse(code)) if _is_mark(node) for said in _templates(node, {}, marked=True)
    }
    return marked | {
        template
        for call, name in _calls(code, refusals)
        for template in _templates(call.args[_position(name)], constants, marked=_must_mark(name))
    }


def _unmarked_titles(code: str, refusals: set[str]) -> Iterator[int]:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ClassDef) and _bases(node) & refusals:
            for part in node.body:
                match part:
                    case ast.Assign(targets=[ast.Name("title")], value=value) if not _templates(value, {}, marked=True):
                        yield part.lineno


def _constants(code: str) -> dict[str, ast.expr]:
    return {
        target.id: node.value
        for node in ast.parse(code).body
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }


def _calls(code: str, refusals: set[str]) -> Iterator[tuple[ast.Call, str]]:
    """The calls that take a text, each with its name; of a refusal that words itself, what it tells its base."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            name = node.func.id
            if name in refusals | {"Text", "FieldError"} and not _hands_on(node):
                yield node, name
        elif isinstance(node, ast.ClassDef) and _bases(node) & refusals:
            told = (call for call in ast.walk(node) if isinstance(call, ast.Call))
            yield from ((call, "super().__init__") for call in told if ast.unparse(call.func) == "super().__init__")


def _hands_on(call: ast.Call) -> bool:
    """Whether the text and its values are those of something else that was checked where it was made."""
    match call.args[-2:]:
        case [ast.Attribute(ast.Name(one), "template"), ast.Attribute(ast.Name(other), "values")]:
            return one == other
    return False


def _position(name: str) -> int:
    return 1 if name == "FieldError" else 0


def _must_mark(name: str) -> bool:
    return name not in KNOWN | {"FieldError"}


def _faults(call: ast.Call, name: str, constants: dict[str, ast.expr]) -> Iterator[str]:
    position = _position(name)
    if len(call.args) <= position:
        yield f"{name} has no text"
        return
    if name in ("FieldError", "Text"):
        values = _mapping(call, position + 1)
    else:
        values = {word.arg: word.value for word in call.keywords if word.arg != "errors"}
    templates = _templates(call.args[position], constants, marked=_must_mark(name))
    chosen_here = isinstance(call.args[position], ast.Name | ast.IfExp) or _is_elsewhere(call.args[position], constants)
    unknown = values is None or None in values
    if name == "Text" and ((chosen_here and not templates) or (templates and unknown)):
        # Chosen among texts that are marked before, or with values put together before: not to be known from here.
        return
    if values is None or None in values:
        yield "write the values out by their names"
        return
    if not templates:
        yield "the text is no plain literal or not marked N_"
    for template in templates:
        yield from _faults_of(template, {str(key) for key in values})
    for key, value in values.items():
        if _is_worded(value):
            yield f"the value {key} is worded in English: make it a Text(N_(…))"


def _is_elsewhere(text: ast.expr, constants: dict[str, ast.expr]) -> bool:
    """Whether it is one of another module's public texts, which are marked there."""
    match text:
        case ast.Subscript(value=ast.Name(id=name)):
            return name not in constants and not name.startswith("_")
    return False


def _mapping(call: ast.Call, position: int) -> dict[str | None, ast.expr] | None:
    if len(call.args) <= position:
        return {} if not call.keywords else None
    given = call.args[position]
    if not isinstance(given, ast.Dict):
        return None
    named = zip(given.keys, given.values, strict=True)
    return {str(key.value) if isinstance(key, ast.Constant) else None: value for key, value in named}


def _templates(text: ast.expr, constants: dict[str, ast.expr], *, marked: bool) -> list[str]:
    """The texts that an argument can be; none where one of them cannot be known to the catalogues."""
    match text:
        case ast.Constant(value=str(said)):
            return [] if marked else [said]
        case ast.Call(func=ast.Name(id="N_"), args=[ast.Constant(value=str(said))]):
            return [said]
        case ast.IfExp():
            both = [_templates(one, constants, marked=marked) for one in (text.body, text.orelse)]
            return [said for one in both for said in one] if all(both) else []
        case ast.Name(id=name) | ast.Subscript(value=ast.Name(id=name)) if name in constants:
            kept = constants[name]
            kept_in = (
                kept.values if isinstance(kept, ast.Dict) else kept.elts if isinstance(kept, ast.Tuple) else [kept]
            )
            each = [_templates(one, {}, marked=True) for one in kept_in]
            return [said for one in each for said in one] if all(each) else []
    return []


def _faults_of(template: str, values: set[str]) -> Iterator[str]:
    parts = list(Formatter().parse(template))
    named = {name for _, name, _, _ in parts if name is not None}
    if named != values:
        yield f"the text names {sorted(named)} and is given {sorted(values)}"
    if not all(name.isidentifier() for name in named):
        yield "a value is a plain name"
    if any(spec or conversion not in (None, "r") for _, _, spec, conversion in parts):
        yield "a value is formatted where it is shown"
    if "{{" in template or "}}" in template:
        yield "a brace is no part of a text"


def _is_mark(node: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "N_"


def _is_worded(value: ast.expr) -> bool:
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in ("N_", "Text"):
        return False
    if isinstance(value, ast.JoinedStr):
        return True
    if isinstance(value, ast.Constant):
        return isinstance(value.value, str) and re.search(r"[a-z] | [a-z]", value.value) is not None
    return any(_is_worded(child) for child in ast.iter_child_nodes(value) if isinstance(child, ast.expr))


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_sentences_are_literal_templates_with_the_values_that_they_name(path: Path) -> None:
    assert not faults(path.read_text(), REFUSALS)


REFUSALS = kinds_of_refusals()


@pytest.mark.parametrize("language", ["da", "nb"])
def test_every_sentence_stands_in_the_catalogues(language: str) -> None:
    said = catalogues(language)
    wanted = {sentence for path in (*CODE, ERRORS) for sentence in sentences(path.read_text(), REFUSALS)}
    assert len(wanted) > 150
    assert not sorted(sentence for sentence in wanted if not said.get(sentence))


@pytest.mark.parametrize("language", ["da", "nb"])
def test_a_translation_names_the_values_of_its_sentence(language: str) -> None:
    said = catalogues(language)
    wrong = [text for text, translation in said.items() if translation and _named(text) != _named(translation)]
    assert said
    assert not wrong


def _named(text: str) -> set[str]:
    return set(re.findall(r"{\w+(?:!r)?}", text))


def catalogues(language: str) -> dict[str, str]:
    """All texts of all slices in a language; two slices that have the same say it alike."""
    found: dict[str, str] = {}
    for path in sorted(TRANSLATIONS.glob(f"{language}/*.po")):
        with path.open("rb") as file:
            for message in pofile.read_po(file):
                if isinstance(message.id, str) and message.id and not message.fuzzy:
                    translation = str(message.string)
                    assert found.setdefault(message.id, translation) == translation, message.id
    return found


def test_the_check_knows_the_refusals_of_the_slices() -> None:
    assert "RenderingFailed" in REFUSALS


@pytest.mark.parametrize(
    "sample",
    [
        'raise Refused(f"There is no {name}.")',
        'raise Refused("There is no " + name)',
        'raise Refused("There is no {}.".format(name))',
        "raise Refused(str(error))",
        "raise Refused()",
        'raise NotFound("There is no {name}.")',
        'raise NotFound("There is no {name}.", nmae=1)',
        'raise NotFound("There is nothing.", name=1)',
        'raise NotFound("There is no {name}.", **values)',
        'raise NotFound("There is no {name.first}.", name=1)',
        'raise NotFound("There are no {count:,}.", count=1)',
        'raise NotFound("There is no {name!s}.", name=1)',
        'raise NotFound("There is no {{name}}.")',
        'class Full(Refused):\n    def __init__(self):\n        super().__init__("There is no room.")',
        'raise Conflict("It is {state}.", state="at work" if busy else "done")',
        'raise Conflict("It is {state}.", state=f"{a}{b}")',
        'raise RenderingFailed("A batch needs a letter.")',
        'class Full(Refused):\n    title = "Full"',
        'raise Unreadable(TEXT)\nTEXT = "must not be negative"',
        'Text("returned")',
        "Text(_STATES[state])",
        '_STATES = {"a": N_("one"), "b": "two"}\nText(_STATES[state])',
        '_MANY = (N_("column {name}"), N_("columns"))\nText(_MANY[n > 1], {"name": 1})',
        'FieldError("age", f"is below {least}")',
        'FieldError("age", "is below {least}")',
        'FieldError("age", "is below {least}", {"lest": 3})',
        'FieldError("age", "is below {least}", values)',
        'FieldError("age", template="is low")',
    ],
)
def test_the_check_finds(sample: str) -> None:
    assert faults(sample, {*KNOWN, "RenderingFailed"})


@pytest.mark.parametrize(
    "sample",
    [
        'raise Refused("There is no " "{name!r}.", name=name)',
        'raise Conflict("It is {state}.", state=Text(N_("at work")))',
        'raise Invalid("Some fields are wrong.", errors=[FieldError("age", "is below {least}", {"least": 3})])',
        'raise Invalid("It has {known}.", known=", ".join(known))',
        'class Full(Refused):\n    def __init__(self):\n        super().__init__(N_("There is no room."))',
        'class Full(Refused):\n    title = N_("Full")',
        "FieldError(field, wrong.template, wrong.values)",
        'raise RenderingFailed(N_("A batch needs a letter."))',
        '_STATES = {"a": N_("one"), "b": N_("two")}\nText(_STATES[state])',
        'Text(N_("one") if few else N_("several"))',
    ],
)
def test_the_check_passes(sample: str) -> None:
    assert not faults(sample, {*KNOWN, "RenderingFailed"})


def test_a_sentence_is_said_with_its_values_shown_as_people_there_write_them() -> None:
    danish = {
        (
            "{who!r} has {count} of {year} until {day}: {state}; it takes {roles}."
        ): "{day}: {count} i {year} ({who}), {state}, {roles}",
        "held back for {reason}": "tilbageholdt: {reason}",
        "or": "eller",
    }
    refusal = Conflict(
        "{who!r} has {count} of {year} until {day}: {state}; it takes {roles}.",
        who="a",
        count=Count(12345),
        year=2017,
        day=date(2017, 1, 15),
        state=Text("held back for {reason}", {"reason": 7}),
        roles=OneOf(("auditor", "volunteer")),
    )

    assert refusal.message == "'a' has 12,345 of 2017 until 2017-01-15: held back for 7; it takes auditor or volunteer."
    assert str(refusal) == refusal.message

    def show(value: object) -> str:
        if isinstance(value, date):
            return f"{value.day}. januar"
        return str(value).replace(",", ".") if isinstance(value, Count) else str(value)

    said = refusal.said(lambda text: danish.get(text, text), show)
    assert said == "15. januar: 12.345 i 2017 (a), tilbageholdt: 7, auditor eller volunteer"


def test_a_field_error_is_said_in_another_language() -> None:
    error = FieldError("age", "is below {least}", {"least": Count(1000)})
    assert error.message == "is below 1,000"
    assert error.said(lambda _: "er under {least}", lambda value: str(value).replace(",", ".")) == "er under 1.000"


def test_a_sentence_without_values_may_hold_what_looks_like_one() -> None:
    assert Refused("The wording lacks {name}.").message == "The wording lacks {name}."
    assert Refused("{findings}", findings="lacks {name}").message == "lacks {name}"


def test_a_refusal_keeps_its_values_from_one_process_to_another() -> None:
    refusal = Invalid("It is {state}.", state=Text("done"), errors=[FieldError("age", "is {a}", {"a": Count(1)})])
    again = pickle.loads(pickle.dumps(refusal))
    assert isinstance(again, Invalid)
    assert (again.template, again.values, again.errors) == (refusal.template, refusal.values, refusal.errors)
    assert again.message == str(again) == "It is done."


def test_what_cannot_be_read_says_why_inside_a_refusal() -> None:
    error = Unreadable("has {found} characters", found=3)
    assert isinstance(error, ValueError)
    assert str(error) == "has 3 characters"
    assert NotFound("{reason}", reason=error.text).said(lambda text: text.replace("characters", "tegn")) == "has 3 tegn"


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("da", "Overskriftslinjen i a.csv mangler kolonnerne year, amount; den gentager kolonnen person_id."),
        ("nb", "Overskriftslinjen i a.csv mangler kolonnene year, amount; den gjentar kolonnen person_id."),
    ],
)
def test_a_sentence_of_several_parts_is_said_whole(tmp_path: Path, language: str, sentence: str) -> None:
    (tmp_path / "a.csv").write_text("person_id,person_id\n")
    with pytest.raises(Invalid) as refused:
        read_layout(tmp_path / "a.csv", ("person_id", "year", "amount"))

    assert refused.value.message == (
        "The header of a.csv lacks columns year, amount; it repeats column person_id. Expected: person_id,year,amount."
    )
    said = refused.value.said(catalogues(language).__getitem__)
    assert said == f"{sentence} Forventet: person_id,year,amount."
