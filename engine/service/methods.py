"""What may be called over the socket, with the types of arguments and results.

The signatures of the door (`Engine`) and of the workspace are the contract: nothing is said twice.
"""

import inspect
import typing
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec

DOOR = (
    *("scan", "scanned", "inspect", "doctor", "decide", "plan_decisions", "plan_tier"),
    *("plan_migration", "preflight", "submit", "check_deletes", "wait", "pause", "resume"),
    *("cancel", "retry", "jobs", "summary", "report", "check", "check_jobset", "job"),
    *("statistics", "prioritise", "set_limits", "send_access", "age", "import_access"),
    "lab_steps",
)
WORKSPACE = (
    *("save_plan", "plans", "plan", "delete_plan", "save_bookmark", "bookmarks"),
    *("delete_bookmark", "save_policy", "policies", "delete_policy", "save_dataset"),
    *("datasets", "delete_dataset"),
)
_STREAMS = (AsyncIterator, AsyncGenerator)
_SENT_AS_LIST = (Iterable, Sequence)


@dataclass(frozen=True, slots=True)
class Method:
    """One call: its arguments as a structure, the type of its result or of each streamed item."""

    name: str
    arguments: type[msgspec.Struct]
    result: Any
    streamed: bool
    signature: inspect.Signature

    def bind(self, *args: Any, **kwargs: Any) -> msgspec.Struct:
        """The arguments as they are sent. Raises TypeError where they do not fit."""
        given = self.signature.bind(None, *args, **kwargs).arguments
        given.pop("self")
        return self.arguments(**{name: _plain(value) for name, value in given.items()})


def _plain(value: Any) -> Any:
    """An iterable that can be walked once becomes a list; values stay as they are."""
    sized = isinstance(value, (str, bytes, Sequence, Mapping, set, frozenset))
    return list(value) if isinstance(value, Iterable) and not sized else value


@cache
def methods() -> Mapping[str, Method]:
    """All methods by name; those of the workspace begin with `workspace.`, those that a
    connection answers itself with `desk.`."""
    from engine.engine import Engine
    from engine.service.desk import Desk
    from engine.workspace import Workspace

    found = [method_of(getattr(Engine, name), name) for name in DOOR]
    found += [method_of(getattr(Workspace, name), f"workspace.{name}") for name in WORKSPACE]
    found += [method_of(getattr(Desk, name), f"desk.{name}") for name in Desk.CALLS]
    return {method.name: method for method in found}


def method_of(function: Callable[..., Any], name: str) -> Method:
    """A method as its signature describes it."""
    hints = typing.get_type_hints(function)
    signature = inspect.signature(function)
    fields: list[Any] = []
    for parameter in list(signature.parameters.values())[1:]:
        kind = hints[parameter.name]
        if typing.get_origin(kind) in _SENT_AS_LIST:
            kind = list[typing.get_args(kind)[0]]  # type: ignore[misc]
        if parameter.default is parameter.empty:
            fields.append((parameter.name, kind))
        else:
            fields.append((parameter.name, kind, parameter.default))
    result = hints.get("return", None)
    streamed = typing.get_origin(result) in _STREAMS
    if streamed:
        result = typing.get_args(result)[0]
    arguments = msgspec.defstruct(name.replace(".", "_"), fields, frozen=True, omit_defaults=True)
    return Method(name, arguments, result, streamed, signature)
