"""All wrong fields of a body: msgspec stops at the first."""

import re
from typing import Any

import msgspec

from service.errors import FieldError


def wrong_fields(struct: type[msgspec.Struct], body: Any) -> list[FieldError]:
    """Every field of a decoded JSON body that is missing, wrong or unknown to the Struct. Empty where it fits."""
    return _of_struct(struct, body, "")


def _of_struct(struct: type[msgspec.Struct], body: Any, path: str) -> list[FieldError]:
    if not isinstance(body, dict):
        return [FieldError(path or "body", "must be an object")]
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    found: list[FieldError] = []
    for name, field in fields.items():
        here = f"{path}.{name}" if path else name
        if name in body:
            found += _of_value(field.type, body[name], here)
        elif field.required:
            found.append(FieldError(here, "is missing"))
    if struct.__struct_config__.forbid_unknown_fields:
        unknown = (name for name in body if name not in fields)
        found += [FieldError(f"{path}.{name}" if path else name, "is not known here") for name in unknown]
    return found or _whole(struct, body, path)


def _of_value(type_: Any, value: Any, path: str) -> list[FieldError]:
    kind = msgspec.inspect.type_info(type_)
    if isinstance(kind, msgspec.inspect.StructType):
        return _of_struct(kind.cls, value, path)
    if isinstance(kind, msgspec.inspect.ListType) and isinstance(value, list):
        inner = getattr(type_, "__args__", (Any,))[0]
        found = [error for at, item in enumerate(value) for error in _of_value(inner, item, f"{path}[{at}]")]
        return found or _whole(type_, value, path)
    return _whole(type_, value, path)


def _whole(type_: Any, value: Any, path: str) -> list[FieldError]:
    try:
        # Not strict, as the framework reads bodies.
        msgspec.convert(value, type_, strict=False)
    except msgspec.ValidationError as error:
        message, _, inner = str(error).partition(" - at `$")
        field = path + inner.rstrip("`") if path else inner.rstrip("`").lstrip(".")
        return [_unfit(field or "body", message[:1].lower() + message[1:])]
    return []


def _unfit(field: str, said: str) -> FieldError:
    # msgspec has a few dozen sentences; nearly all that people meet say what was expected.
    if match := _OTHER_TYPE.fullmatch(said):
        return FieldError(field, "expected `{wanted}`, got `{found}`", {"wanted": match[1], "found": match[2]})
    if match := _OUT_OF_BOUNDS.fullmatch(said):
        return FieldError(field, "expected `{wanted}` of length {bound}", {"wanted": match[1], "bound": match[2]})
    if match := _TOO_LOW_OR_HIGH.fullmatch(said):
        return FieldError(field, "expected `{wanted}` {bound}", {"wanted": match[1], "bound": match[2]})
    if match := _NOT_AMONG.fullmatch(said):
        return FieldError(field, "invalid enum value {found}", {"found": match[1]})
    return FieldError(field, "{reason}", {"reason": said})


_OTHER_TYPE = re.compile("expected `([^`]*)`, got `([^`]*)`")
_OUT_OF_BOUNDS = re.compile("expected `([^`]*)` of length ([<>=]+ [0-9]+)")
_TOO_LOW_OR_HIGH = re.compile("expected `([^`]*)` ([<>=]+ [-0-9.]+)")
_NOT_AMONG = re.compile("invalid enum value (.*)", re.DOTALL)
