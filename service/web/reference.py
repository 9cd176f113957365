"""The API's description: as JSON for programs, and as a page of the shell to read, both with examples."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from litestar import Litestar, Request, Response, Router
from litestar.exceptions import NotFoundException
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin
from litestar.routes import HTTPRoute

from service.identity.mails import ROLE_NAMES
from service.identity.permissions import KNOWN, PERMISSIONS, PUBLIC, Permission
from service.web.examples import Schema, completed
from service.web.pages import page

_METHODS: Final = ("get", "post", "put", "patch", "delete")


class Example(msgspec.Struct, frozen=True):
    """A body or an answer: its status (none of a body), media type, what is said of it, its type and its example."""

    status: str | None
    media: str
    said: str
    schema: Schema
    text: str | None


class ReadCall(msgspec.Struct, frozen=True):
    """A call as the page shows it; `who` is what the table says of it, or one of its marks."""

    anchor: str
    method: str
    path: str
    said: str
    who: Permission | str | None
    parameters: list[Schema]
    body: list[Example]
    answers: list[Example]

    @property
    def sentences(self) -> tuple[str, str]:
        """The first sentence of what is said of it, and the rest."""
        first, *rest = re.split(r"(?<=\.)\s", self.said, maxsplit=1)
        return first, "".join(rest)


class Description(JsonRenderPlugin):
    """The description as a file, with an example of every body and answer."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: Schema) -> bytes:
        return super().render(request, completed(openapi_schema))


class ReferencePage(OpenAPIRenderPlugin):
    """Lists every call with who may make it, its parameters, body and answers, and every type with its fields."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: Schema) -> bytes:
        description = completed(openapi_schema)
        shown = page(
            request,
            "web/reference.html",
            groups=_groups(description, _permissions(request.app)),
            types=dict(sorted(description.get("components", {}).get("schemas", {}).items())),
            document=self.get_openapi_json_route(request),
            roles=ROLE_NAMES,
        )
        return shown.content.encode()


def schema_router() -> Router:
    """Where the description stands. Other addresses below it are not found as everywhere, without a page for that."""
    return Router("/schema", route_handlers=[], include_in_schema=False, after_request=_not_found, opt=PUBLIC)


async def _not_found(response: Response[Any]) -> Response[Any]:
    if response.status_code == 404:
        raise NotFoundException
    return response


def _permissions(app: Litestar) -> dict[tuple[str, str], str | None]:
    return {
        (route.path_format, method.lower()): handler.opt.get("permission")
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method, (handler, _) in route.route_handler_map.items()
    }


def _groups(description: Schema, permissions: dict[tuple[str, str], str | None]) -> dict[str, list[ReadCall]]:
    """The calls by what they are about, in the order in which the service lists them."""
    groups: dict[str, list[ReadCall]] = {}
    for path, item in description["paths"].items():
        for method in _METHODS:
            if method in item:
                call = _call(path, method, item[method], permissions.get((path, method)))
                groups.setdefault((item[method].get("tags") or ["other"])[0], []).append(call)
    return groups


def _call(path: str, method: str, operation: Schema, permission: str | None) -> ReadCall:
    return ReadCall(
        anchor=operation["operationId"],
        method=method.upper(),
        path=path,
        said=operation.get("description") or operation.get("summary") or "",
        who=PERMISSIONS.get(permission or "") or _mark(permission),
        parameters=operation.get("parameters", []),
        body=list(_examples(None, operation.get("requestBody", {}))),
        answers=[
            example
            for status, answer in operation.get("responses", {}).items()
            for example in _examples(status, answer)
        ],
    )


def _mark(permission: str | None) -> str | None:
    """Everybody, everybody who is known, or (none) whoever the table will let."""
    return permission if permission in (PUBLIC["permission"], KNOWN["permission"]) else None


def _examples(status: str | None, holder: Schema) -> Iterator[Example]:
    said = holder.get("description", "")
    contents = holder.get("content", {})
    if status is not None and not contents:
        yield Example(status, "", said, {}, None)
    for media, content in contents.items():
        # What went wrong looks alike everywhere: its example stands with the type.
        shown = "example" in content and (status is None or status < "400")
        text = json.dumps(content["example"], ensure_ascii=False, indent=2) if shown else None
        yield Example(status, media, said, content.get("schema", {}), text)
