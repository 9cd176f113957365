"""All wrong fields of a body: msgspec stops at the first."""

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
        return [FieldError(field or "body", message[:1].lower() + message[1:])]
    return []
