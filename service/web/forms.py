"""From what a person wrote into a form to a Struct, with all that is wrong, and back into the form.

class NewClub(msgspec.Struct):
    name: Annotated[str, Meta(title=N_("Name"), max_length=200)]
    fee: Annotated[Kroner, Meta(title=N_("Fee"))]
    since: Annotated[date | None, Meta(title=N_("Since"))] = None

@post("/clubs", …)
@transactional
def add(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    with redisplaying(request, "clubs/new.html", NewClub, data):
        new = read_form(data, NewClub)
        add_club(session, new)
    return redirect(request, "/clubs", N_("The club {name} was added."), name=new.name)
"""

import enum
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Response
from litestar.enums import RequestEncodingType
from litestar.params import Body
from msgspec import Meta

from service.errors import FieldError, Invalid, Refused
from service.identity.access import AnyRequest
from service.web.answers import DEFAULT, Wrong, answer, fields_of, given_in
from service.web.formats import show
from service.web.pages import language_of, page
from service.web.texts import Translator, translator

FormStruct = TypeVar("FormStruct", bound=msgspec.Struct)

FormData = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]
"""The `data` of a handler for a form."""
UploadData = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.MULTI_PART)]
"""The `data` of a handler for a form with files."""

Kroner = Annotated[int, Meta(extra={"unit": "kroner"})]
"""An amount that people write in kroner, with a comma or a point before the øre; here it is øre."""


def read_form(data: Mapping[str, Any], struct: type[FormStruct]) -> FormStruct:
    """The Struct that a person's answers make. Raises Invalid with every field that is wrong.

    Answers are stripped; an empty one is None, or the field's default. Fields that the Struct does not have are passed
    over: the form's token and its buttons are among them.
    """
    values: dict[str, Any] = {}
    errors: list[FieldError] = []
    for field in fields_of(struct):
        try:
            found = answer(field, given_in(data, field.name))
        except Wrong as wrong:
            errors.append(FieldError(field.name, wrong.template, wrong.values))
            continue
        if found is not DEFAULT:
            values[field.attribute] = found
    if errors:
        raise Invalid("Some fields are wrong. Put them right and send the form again.", errors=errors)
    return struct(**values)


class Form:
    """A form as a page shows it: what stands in its fields and what is wrong with them.

    `errors` are sentences by field, `refusal` one for the whole form; both in the reader's language.
    """

    def __init__(
        self,
        struct: type[msgspec.Struct],
        values: Mapping[str, list[str]],
        texts: Translator,
        errors: Mapping[str, str] | None = None,
        refusal: str | None = None,
    ) -> None:
        self.errors = dict(errors or {})
        self.refusal = refusal
        self._fields = {field.name: field for field in fields_of(struct)}
        self._values = values
        self._texts = texts

    @property
    def has_errors(self) -> bool:
        return bool(self.errors or self.refusal)

    def has(self, name: str) -> bool:
        return name in self._fields

    def value(self, name: str) -> str:
        """What stands in a field."""
        return next(iter(self._values.get(name, ())), "")

    def chosen(self, name: str, choice: object) -> bool:
        """Whether a choice is made."""
        return str(choice) in self._values.get(name, ())

    def chosen_any(self, name: str, options: list[tuple[object, str]]) -> bool:
        return any(self.chosen(name, choice) for choice, _ in options)

    def label(self, name: str) -> str:
        """The field's title in the Struct, translated."""
        return self._texts.gettext(self._fields[name].label)

    def required(self, name: str) -> bool:
        """Whether the form is wrong without it. A box may always stay unticked."""
        field = self._fields[name]
        return field.kind is bool or (field.required and not field.optional)

    def labelled(self, name: str, message: str) -> str:
        return f"{self.label(name)}: {message}"


def blank(request: AnyRequest, struct: type[msgspec.Struct], **values: object) -> Form:
    """A form to begin with; `values` stand in it already."""
    language = language_of(request)
    given = {name: _written(value, language) for name, value in values.items()}
    # An amount cannot be told from a number by its value.
    for field in fields_of(struct):
        if field.money and isinstance(ore := values.get(field.name), int):
            given[field.name] = [_written_money(ore, language)]
    return Form(struct, given, translator(language))


def filled(request: AnyRequest, value: msgspec.Struct) -> Form:
    """A form with what is known already, to be changed."""
    names = {field.attribute: field.name for field in fields_of(type(value))}
    return blank(request, type(value), **{name: getattr(value, attribute) for attribute, name in names.items()})


def _written(value: object, language: str) -> list[str]:
    if value is None or value is False:
        return []
    if value is True:
        return ["on"]
    if isinstance(value, list | tuple):
        return [text for one in value for text in _written(one, language)]
    if isinstance(value, enum.Enum):
        return [str(value.value)]
    if isinstance(value, Decimal) and language != "en":
        return [str(value).replace(".", ",")]
    return [str(value)]


def _written_money(ore: int, language: str) -> str:
    kroner, rest = divmod(abs(ore), 100)
    decimals = f"{'.' if language == 'en' else ','}{rest:02}" if rest else ""
    return f"{'-' if ore < 0 else ''}{kroner}{decimals}"


class Redisplayed(Exception):
    """The form again, with what is wrong. An exception, so that the transaction is rolled back; see `show_again`."""

    def __init__(self, response: Response[str]) -> None:
        super().__init__("The form is shown again.")
        self.response = response


def show_again(_: AnyRequest, again: Redisplayed) -> Response[str]:
    """The exception handler of the application for Redisplayed."""
    return again.response


@contextmanager
def redisplaying(
    request: AnyRequest, template: str, struct: type[msgspec.Struct], data: Mapping[str, Any], **context: Any
) -> Iterator[None]:
    """Show the form again as `form`, with what was written and what is wrong, where the block is refused."""
    try:
        yield
    except Refused as refusal:
        language = language_of(request)
        texts = translator(language)

        def written(value: object) -> str:
            return show(value, language)

        errors = {error.field: error.said(texts.gettext, written) for error in refusal.errors}
        values = {name: [one for one in given_in(data, name) if isinstance(one, str)] for name in data}
        form = Form(struct, values, texts, errors, refusal.said(texts.gettext, written))
        raise Redisplayed(page(request, template, refusal.status, form=form, **context)) from refusal
