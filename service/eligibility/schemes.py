"""Schemes and their dated parameters, as they stand in the database."""

from datetime import date
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.eligibility.models import ParameterVersion
from service.eligibility.parameters import PRESETS, SCHEME, Parameters, preset_parameters, read_parameters
from service.errors import FieldError, Invalid, NotFound
from service.identity.actions import Municipality
from service.values import clock


class Version(msgspec.Struct, frozen=True):
    """A parameter version: its place in the scheme, from when it counts, where it is from and what it says."""

    id: UUID
    scheme_id: UUID
    number: int
    valid_from: date
    valid_to: date | None
    source: str
    parameters: Parameters


_FIRST_YEAR, _LAST_YEAR = 1990, 2100
_VERSION = "SELECT id, scheme_id, number, valid_from, valid_to, source, parameters FROM parameter_version"


def add_presets(session: Session, municipality: Municipality) -> list[int]:
    """Give a new municipality its country's published parameters; returns the years."""
    presets = PRESETS[municipality.country]
    for preset in presets:
        scheme_id = _scheme_id(session, municipality, SCHEME, make=True)
        source = preset.source.format(year=preset.year)
        valid = (date(preset.year, 1, 1), date(preset.year, 12, 31))
        _add_version(session, municipality, scheme_id, valid, source, preset_parameters(preset))
    return [preset.year for preset in presets]


def set_parameters(
    session: Session,
    municipality: Municipality,
    scheme: str,
    valid_from: date,
    source: str,
    written: dict[str, str],
    valid_to: date | None = None,
    made_by: UUID | None = None,
) -> Version:
    """Add a version of a scheme's parameters from a day on; the scheme is made where it is new.

    Keys that are not named go on from the version that counts on that day or, where none does, the last before it. A
    version with the same first day as an earlier one takes its place; determinations keep the one they were made with.
    What would only say again what the last one says adds none and gives that one. Refuses with every wrong field.
    """
    scheme_id = _scheme_id(session, municipality, scheme, make=True)
    session.execute(text("SELECT 1 FROM scheme WHERE id = :id FOR UPDATE"), {"id": scheme_id})
    row = session.execute(
        text(
            f"{_VERSION} WHERE scheme_id = :scheme AND valid_from <= :on ORDER BY valid_from DESC, number DESC LIMIT 1"
        ),
        {"scheme": scheme_id, "on": valid_from},
    ).one_or_none()
    last = _version(row) if row else None
    wrong = _wrong_frame(valid_from, valid_to, source)
    try:
        parameters = read_parameters(written, last.parameters if last else None)
    except Invalid as refusal:
        raise Invalid("Some parameters are wrong.", [*wrong, *refusal.errors]) from None
    if wrong:
        raise Invalid("Some parameters are wrong.", wrong)
    said = (valid_from, valid_to, source.strip(), parameters)
    if last and said == (last.valid_from, last.valid_to, last.source, last.parameters):
        return last
    _add_version(session, municipality, scheme_id, (valid_from, valid_to), source.strip(), parameters, made_by)
    return version_on(session, municipality, scheme, valid_from)


def add_version_of(
    session: Session,
    municipality: Municipality,
    scheme: str,
    valid: tuple[date, date | None],
    source: str,
    written: dict[str, str],
    actor: Actor,
) -> Version:
    """`set_parameters` as somebody does it through a page or the API: with its entry in the audit trail."""
    made = set_parameters(session, municipality, scheme, valid[0], source, written, valid[1], actor.account_id)
    subject, details = ("parameter_version", made.id), {"number": made.number}
    record(session, municipality.id, actor, "eligibility.parameters.set", subject, details=details)
    return made


def _wrong_frame(valid_from: date, valid_to: date | None, source: str) -> list[FieldError]:
    """What is wrong with a version but for its parameters."""
    wrong = [] if source.strip() else [FieldError("source", "is needed: where the figures were published or decided")]
    wrong += _wrong_year("valid_from", valid_from)
    if valid_to is not None:
        wrong += _wrong_year("valid_to", valid_to)
    if valid_to is not None and valid_to < valid_from:
        wrong.append(FieldError("valid_to", "lies before the first day"))
    return wrong


def _wrong_year(field: str, on: date) -> list[FieldError]:
    if _has_schemes(on):
        return []
    return [FieldError(field, "must lie in the years {first} to {last}", {"first": _FIRST_YEAR, "last": _LAST_YEAR})]


def _has_schemes(on: date) -> bool:
    """Whether a date is one that periods and ages can be counted from."""
    return _FIRST_YEAR <= on.year <= _LAST_YEAR


def version_on(session: Session, municipality: Municipality, scheme: str, on: date) -> Version:
    """The version that counts on a date; a date without parameters is refused with what to add."""
    scheme_id = _scheme_id(session, municipality, scheme, make=False)
    if not _has_schemes(on):
        raise Invalid("The date must lie in the years {first} to {last}.", first=_FIRST_YEAR, last=_LAST_YEAR)
    row = session.execute(
        text(
            f"""{_VERSION} WHERE scheme_id = :scheme AND valid_from <= :on AND (valid_to IS NULL OR valid_to >= :on)
            ORDER BY valid_from DESC, number DESC LIMIT 1"""
        ),
        {"scheme": scheme_id, "on": on},
    ).one_or_none()
    if row is None:
        raise Invalid(
            "The scheme {scheme} has no parameters for {on}. Add them: medspiller scheme set "
            "--municipality {municipality} --scheme {scheme} --valid-from {year}-01-01 --source TEXT "
            "limit=KRONER single_addition=KRONER child_addition=KRONER amount=KRONER min_age=3 max_age=17",
            scheme=scheme,
            on=on,
            municipality=municipality.code,
            year=on.year,
        )
    return _version(row)


def version_by_id(session: Session, version_id: UUID) -> Version:
    """The version a determination or a run was made with."""
    return _version(session.execute(text(f"{_VERSION} WHERE id = :id"), {"id": version_id}).one())


def find_scheme(session: Session, municipality: Municipality, scheme: str) -> UUID:
    """The id of a scheme by its name."""
    return _scheme_id(session, municipality, scheme, make=False)


def name_of(session: Session, scheme_id: UUID) -> str:
    """The name of a scheme of the tenant that is acted for."""
    name: str = session.execute(text("SELECT name FROM scheme WHERE id = :id"), {"id": scheme_id}).scalar_one()
    return name


def _scheme_id(session: Session, municipality: Municipality, name: str, *, make: bool) -> UUID:
    found: UUID | None = session.execute(text("SELECT id FROM scheme WHERE name = :name"), {"name": name}).scalar()
    if found is None and make:
        if not name.replace("-", "").replace("_", "").isalnum() or len(name) > 40:
            raise Invalid("A scheme's name is at most 40 letters, digits and hyphens, such as fritidspas.")
        found = session.execute(
            text(
                """INSERT INTO scheme (tenant_id, name, created_at) VALUES (:tenant, :name, :at)
                ON CONFLICT (tenant_id, name) DO NOTHING RETURNING id"""
            ),
            {"tenant": municipality.id, "name": name, "at": clock.now()},
        ).scalar()
        # Somebody else made it in this moment.
        found = found or session.execute(text("SELECT id FROM scheme WHERE name = :name"), {"name": name}).scalar_one()
    if found is None:
        known = session.execute(text("SELECT name FROM scheme ORDER BY name")).scalars().all()
        if not known:
            raise NotFound(
                "{municipality} has no scheme {scheme}. It has none; add one with `medspiller scheme set`.",
                municipality=municipality.name,
                scheme=name,
            )
        raise NotFound(
            "{municipality} has no scheme {scheme}. It has {known}.",
            municipality=municipality.name,
            scheme=name,
            known=", ".join(known),
        )
    return found


def _add_version(
    session: Session,
    municipality: Municipality,
    scheme_id: UUID,
    valid: tuple[date, date | None],
    source: str,
    parameters: Parameters,
    made_by: UUID | None = None,
) -> None:
    number = session.execute(
        text("SELECT coalesce(max(number), 0) + 1 FROM parameter_version WHERE scheme_id = :scheme"),
        {"scheme": scheme_id},
    ).scalar_one()
    session.add(
        ParameterVersion(
            tenant_id=municipality.id,
            scheme_id=scheme_id,
            number=number,
            valid_from=valid[0],
            valid_to=valid[1],
            source=source,
            parameters=msgspec.to_builtins(parameters),
            created_at=clock.now(),
            created_by=made_by,
        )
    )
    session.flush()


def _version(row: object) -> Version:
    return msgspec.convert(row, Version, from_attributes=True)
