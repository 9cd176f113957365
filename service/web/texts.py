"""The texts of the program in the languages of its readers.

English is the source: `_("Save")` in a template, `N_("Save")` or a refusal's sentence in Python. The other languages
stand in one catalogue for each slice, `translations/<language>/<slice>.po`, read into memory once. Every text names its
values in braces: `_("{count} of {total}", count=…, total=…)`. `python -m service.web.texts update` brings the
catalogues in line.
"""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
from babel.messages import pofile
from babel.messages.catalog import Catalog
from jinja2.ext import babel_extract
from markupsafe import Markup, escape

LANGUAGES: Final = {"da": "Dansk", "nb": "Norsk bokmål", "en": "English"}
"""The languages of the pages, each by its own name."""
TRANSLATED: Final = ("da", "nb")
TRANSLATIONS: Final = Path(__file__).parent / "translations"

Message = str | tuple[str, str]
"""A text, or its forms for one and for several: all these languages have the same two."""

_SERVICE: Final = Path(__file__).parents[1]
_JOBS: Final = _SERVICE.parent / "jobs"
# Which argument of a call is a text of the catalogues.
_KEYWORDS: Final = {
    "N_": 0,
    "Refused": 0,
    "Invalid": 0,
    "NotFound": 0,
    "Forbidden": 0,
    "Conflict": 0,
    "Unreadable": 0,
    "FieldError": 1,
}
_TEMPLATE_KEYWORDS: Final = ("_", "ngettext")
_HEADER: Final = """msgid ""
msgstr ""
"Language: {language}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

"""


class Translator(msgspec.Struct, frozen=True):
    """The texts in one language."""

    language: str
    texts: dict[Message, Message]

    def gettext(self, message: str, /, **values: object) -> str:
        """The text with its values filled in. What is no text of the catalogues stays as it is."""
        return _filled(str(self.texts.get(message, message)), values)

    def ngettext(self, one: str, several: str, n: int, /, **values: object) -> str:
        """The text for `n` things, which it names `{n}`."""
        forms = self.texts.get((one, several), (one, several))
        return _filled(forms[n != 1], {"n": n, **values})


def _filled(text: str, values: dict[str, object]) -> str:
    if not values:
        return text
    if any(hasattr(value, "__html__") for value in values.values()):
        return Markup(escape(text)).format(**values)
    return text.format(**values)


@cache
def translator(language: str) -> Translator:
    """The texts in `language`; in English for a language that has no catalogues."""
    texts: dict[Message, Message] = {}
    for path in sorted((TRANSLATIONS / language).glob("*.po")) if language in TRANSLATED else ():
        for identity, said in read_catalogue(path).items():
            if is_said(said):
                texts[identity] = said
    return Translator(language, texts)


def read_catalogue(path: Path) -> dict[Message, Message]:
    """The texts of a catalogue with their translations, empty where there is none yet. A fuzzy one counts as none."""
    if not path.exists():
        return {}
    with path.open("rb") as file:
        messages = [message for message in pofile.read_po(file) if message.id]
    return {_message(message.id): _message("" if message.fuzzy else message.string) for message in messages}


def _message(text: Any) -> Message:
    return text if isinstance(text, str) else (str(text[0]), str(text[1]))


def is_said(translation: Message) -> bool:
    """Whether a translation stands there, in both its forms where it has two."""
    return all(translation) if isinstance(translation, tuple) else bool(translation)


def texts_of_program() -> dict[str, set[Message]]:
    """The texts of each slice, from its code and its templates.

    Those of single modules belong to `web`, those of the timetable to `jobs`.
    """
    found: dict[str, set[Message]] = {}
    for path in sorted(_SERVICE.rglob("*")) + sorted(_JOBS.rglob("*")):
        if path.suffix == ".py":
            texts: set[Message] = {*texts_of_code(path.read_text())}
        elif path.suffix == ".html":
            texts = set(_texts_of_template(path))
        else:
            continue
        if texts:
            found.setdefault(_slice_of(path), set()).update(texts)
    return found


def _slice_of(path: Path) -> str:
    if path.is_relative_to(_JOBS):
        return "jobs"
    parts = path.relative_to(_SERVICE).parts
    return parts[0] if len(parts) > 1 else "web"


def texts_of_code(code: str) -> Iterator[str]:
    """The texts marked in Python code. An argument that is chosen among texts gives all of them."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            position = _KEYWORDS.get(node.func.id if isinstance(node.func, ast.Name) else node.func.attr)
            if position is not None and len(node.args) > position:
                yield from _constants(node.args[position])


def _constants(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _constants(node.body)
        yield from _constants(node.orelse)


def _texts_of_template(path: Path) -> Iterator[Message]:
    with path.open("rb") as file:
        # Without silent=false a template with a fault in it would have no texts.
        for _, function, texts, _ in babel_extract(file, _TEMPLATE_KEYWORDS, (), {"silent": "false"}):
            if function == "ngettext":
                yield _message(texts)
            # What is no constant, such as a label from Python, is marked where it is written.
            elif (text := texts if isinstance(texts, str) else next(iter(texts or ()), None)) is not None:
                yield text


def update() -> dict[str, int]:
    """Write every catalogue anew: a text that is new stands there without a translation, one that is gone is gone.

    Gives how many translations each language lacks.
    """
    texts = texts_of_program()
    missing = dict.fromkeys(TRANSLATED, 0)
    for language in TRANSLATED:
        folder = TRANSLATIONS / language
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("*.po"):
            if path.stem not in texts:
                path.unlink()
        for slice_, messages in texts.items():
            path = folder / f"{slice_}.po"
            known = read_catalogue(path)
            said = {message: known.get(message) or _unsaid(message) for message in messages}
            write_catalogue(path, language, said)
            missing[language] += sum(not is_said(translation) for translation in said.values())
    return missing


def _unsaid(message: Message) -> Message:
    return "" if isinstance(message, str) else ("", "")


def write_catalogue(path: Path, language: str, texts: dict[Message, Message]) -> None:
    """Write a catalogue in the order of its texts, without lines and times, so that only what changed differs."""
    catalogue = Catalog(locale=language)
    for message in sorted(texts, key=lambda text: text if isinstance(text, str) else text[0]):
        catalogue.add(message, texts[message])
    with path.open("wb") as file:
        file.write(_HEADER.format(language=language).encode())
        pofile.write_po(file, catalogue, width=0, no_location=True, omit_header=True)


if __name__ == "__main__":
    if sys.argv[1:] != ["update"]:
        sys.exit("Usage: python -m service.web.texts update")
    for language, number in update().items():
        print(f"{language}: {number} texts without a translation")
