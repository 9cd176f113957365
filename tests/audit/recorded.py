"""Every action, subject and detail that the code writes into the audit trail, read from the code."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = sorted(path for top in ("service", "jobs") for path in (ROOT / top).rglob("*.py"))
_RECORD = ("session", "tenant_id", "actor", "action", "subject")
_INSERTED = re.compile(r"insert\s+into\s+(?:public\.)?audit_entry\b([^;]*)", re.IGNORECASE)
_ACTION = re.compile(r"'([a-z_]+(?:\.[a-z_]+)+)'")


class Module:
    """A module's functions and what they call."""

    def __init__(self, name: str, code: str) -> None:
        self.name = name
        self.tree = ast.parse(code)
        self.within = {
            inner: function
            for function in ast.walk(self.tree)
            if isinstance(function, ast.FunctionDef)
            for inner in ast.walk(function)
        }

    def calls(self, name: str) -> Iterator[ast.Call]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
                yield node

    def values(self, node: ast.expr) -> Iterator[str]:
        """The texts that an expression may be; fails where they cannot be read from the code."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.IfExp):
            yield from self.values(node.body)
            yield from self.values(node.orelse)
        elif isinstance(node, ast.Name):
            yield from self._named(node)
        else:
            raise AssertionError(f"{self.name}:{node.lineno}: write the action as a text")

    def _named(self, node: ast.Name) -> Iterator[str]:
        function = self.within[node]
        parameters = [one.arg for one in function.args.args]
        if node.id in parameters:
            for call in self.calls(function.name):
                yield from self.values(argument(call, parameters, node.id))
            return
        found = [
            one.value
            for one in ast.walk(function)
            if isinstance(one, ast.Assign) and any(isinstance(t, ast.Name) and t.id == node.id for t in one.targets)
        ]
        assert found, f"{self.name}:{node.lineno}: where does {node.id} come from?"
        for value in found:
            yield from self.values(value)


def argument(call: ast.Call, parameters: list[str] | tuple[str, ...], name: str) -> ast.expr:
    """What a call gives for a parameter."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    return call.args[parameters.index(name)]


def actions_of(name: str, code: str) -> set[str]:
    """The actions that a module records, those of its SQL too."""
    module = Module(name, code)
    found = {value for call in module.calls("record") for value in module.values(argument(call, _RECORD, "action"))}
    for inserted in _INSERTED.finditer(code):
        named = _ACTION.findall(inserted[1])
        assert named, f"{name}: an entry of the trail whose action cannot be read"
        found |= set(named)
    return found


def subject_kinds_of(name: str, code: str) -> set[str]:
    """The kinds of subjects that a module records, where they stand in the call itself."""
    found = set()
    for call in Module(name, code).calls("record"):
        subject = argument(call, _RECORD, "subject")
        if isinstance(subject, ast.Tuple) and isinstance(subject.elts[0], ast.Constant):
            found.add(str(subject.elts[0].value))
    return found


def all_of(read: Callable[[str, str], set[str]]) -> set[str]:
    """What the whole code records."""
    return {value for path in CODE for value in read(str(path.relative_to(ROOT)), path.read_text())}
