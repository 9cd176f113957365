"""What a person is told when something cannot be done.

Every refusal is one clear sentence that says what happened and what to do next. The command line prints it, the API
wraps it in RFC 9457 problem details, pages show it. It is raised as a template with its values beside it, so that it
can be said in the language of whoever reads it:

    raise NotFound("There is no batch {number}.", number=number)
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

Translate = Callable[[str], str]
"""Gives a text of the catalogues in a language."""
Show = Callable[[object], str]
"""Writes a value as people write it who speak a language: a Count, a date, anything else as str() does."""


def N_(text: str) -> str:
    """Mark a text for the catalogues; it is translated where it is shown."""
    return text


class Count(int):
    """A number of things, shown with its thousands grouped. A plain int (a year, a batch number) is shown as it is."""

    __slots__ = ()

    def __str__(self) -> str:
        return f"{int(self):,}"


class OneOf(tuple[str, ...]):
    """Names of which one is meant, shown as "a or b or c"."""

    __slots__ = ()


_OR = N_("or")


class Text(msgspec.Struct, frozen=True):
    """A text of the catalogues with its values: a part of a refusal that is worded elsewhere, such as a state's name.

    The template is marked where it is written: `Text(N_("returned already"))`.
    """

    template: str
    values: Mapping[str, Any] = {}

    def __str__(self) -> str:
        return self.said(_as_written)

    def said(self, translate: Translate, show: Show = str) -> str:
        """The text in another language; see Refused.said."""
        # Without values nothing is filled in: the text may hold a brace.
        if not self.values:
            return translate(self.template)
        shown = {name: _shown(value, translate, show) for name, value in self.values.items()}
        return translate(self.template).format(**shown)


def _shown(value: object, translate: Translate, show: Show) -> str:
    if isinstance(value, Text):
        return value.said(translate, show)
    if isinstance(value, OneOf):
        return f" {translate(_OR)} ".join(show(one) for one in value)
    return show(value)


def _as_written(text: str) -> str:
    return text


class Unreadable(ValueError):
    """What somebody wrote is no value of its kind; str() says why, in English, and `text` in any language."""

    def __init__(self, template: str, /, **values: object) -> None:
        self.text = Text(template, values)
        super().__init__(str(self.text))


class FieldError(msgspec.Struct, frozen=True):
    """One wrong field of a form, a body or a command, and what is wrong with it: a template and its values."""

    field: str
    template: str
    values: Mapping[str, Any] = {}

    @property
    def message(self) -> str:
        """What is wrong with the field, in English."""
        return self.said(_as_written)

    def said(self, translate: Translate, show: Show = str) -> str:
        """What is wrong with the field, in another language; see Refused.said."""
        return Text(self.template, self.values).said(translate, show)


class Refused(Exception):
    """What was asked cannot be done; the sentence is meant for the person who asked.

    `message` is the sentence in English. `errors` are the fields that are wrong.
    """

    status = 400
    title = N_("This cannot be done")

    def __init__(self, template: str, /, errors: list[FieldError] | None = None, **values: object) -> None:
        self.template = template
        self.values = values
        self.errors = errors or []
        self.message = self.said(_as_written)
        # An exception is pickled as its arguments and its attributes: made anew of the message, it gets back the rest.
        super().__init__(self.message)

    @property
    def text(self) -> Text:
        """The sentence, to be a part of another or to be sent to another process."""
        return Text(self.template, self.values)

    def said(self, translate: Translate, show: Show = str) -> str:
        """The sentence in another language."""
        return self.text.said(translate, show)


class Invalid(Refused):
    """One or more fields are wrong; `errors` names all of them."""

    status = 422
    title = N_("Some fields are wrong")


class NotFound(Refused):
    status = 404
    title = N_("Not found")


class Forbidden(Refused):
    status = 403
    title = N_("Not allowed")


class Conflict(Refused):
    """Somebody or something else got there first, or the state has moved on."""

    status = 409
    title = N_("The state has changed")
