"""The page to read the API's description: plain HTML without scripts or anything from elsewhere."""

from html import escape
from typing import Any

from litestar import Request, Response, Router
from litestar.exceptions import NotFoundException
from litestar.openapi.plugins import OpenAPIRenderPlugin

from service.identity.permissions import PUBLIC

_METHODS = ("get", "post", "put", "patch", "delete")


class ReferencePage(OpenAPIRenderPlugin):
    """Lists every call with its parameters, body and answers, and every type with its fields."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        title = escape(openapi_schema["info"]["title"])
        calls = "".join(
            _call(path, method, item[method])
            for path, item in openapi_schema["paths"].items()
            for method in _METHODS
            if method in item
        )
        schemas = openapi_schema.get("components", {}).get("schemas", {})
        types = "".join(_type(name, schema) for name, schema in sorted(schemas.items()))
        document = escape(self.get_openapi_json_route(request))
        return (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} API</title>'
            '<meta name="viewport" content="width=device-width"></head>'
            f'<body><main><h1>{title} API</h1><p>For programs: <a href="{document}">{document}</a></p>'
            f"<h2>Calls</h2>{calls}<h2>Types</h2>{types}</main></body></html>"
        ).encode()


def schema_router() -> Router:
    """Where the description stands. Other addresses below it are not found as everywhere, without a page for that."""
    return Router("/schema", route_handlers=[], include_in_schema=False, after_request=_not_found, opt=PUBLIC)


async def _not_found(response: Response[Any]) -> Response[Any]:
    if response.status_code == 404:
        raise NotFoundException
    return response


def _call(path: str, method: str, operation: dict[str, Any]) -> str:
    lines = [
        f"{escape(p['name'])} ({p['in']}{', required' if p.get('required') else ''}): {_kind(p.get('schema', {}))}"
        for p in operation.get("parameters", [])
    ]
    lines += [f"Body: {_kind(content.get('schema', {}))}" for content in _contents(operation.get("requestBody"))]
    for status, response in operation.get("responses", {}).items():
        kinds = ", ".join(_kind(content.get("schema", {})) for content in _contents(response))
        lines.append(f"{escape(status)}: {escape(response.get('description', ''))} {kinds}")
    said = escape(operation.get("description") or operation.get("summary") or "")
    items = "".join(f"<li>{line}</li>" for line in lines)
    return f"<h3><code>{method.upper()} {escape(path)}</code></h3><p>{said}</p><ul>{items}</ul>"


def _type(name: str, schema: dict[str, Any]) -> str:
    required = schema.get("required", ())
    fields = "".join(
        f"<li><code>{escape(field)}</code>{'' if field in required else ' (optional)'}: {_kind(kind)}</li>"
        for field, kind in schema.get("properties", {}).items()
    )
    said = escape(schema.get("description", ""))
    return f'<h3 id="{escape(name)}"><code>{escape(name)}</code></h3><p>{said}</p><ul>{fields}</ul>'


def _contents(holder: dict[str, Any] | None) -> list[dict[str, Any]]:
    return list((holder or {}).get("content", {}).values())


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rsplit("/", 1)[-1])
        return f'<a href="#{name}">{name}</a>'
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    for choice in ("oneOf", "anyOf"):
        if choice in schema:
            return " or ".join(_kind(one) for one in schema[choice])
    if "enum" in schema:
        return " | ".join(escape(str(value)) for value in schema["enum"])
    kind = schema.get("type", "anything")
    return escape(", ".join(kind) if isinstance(kind, list) else str(kind))
