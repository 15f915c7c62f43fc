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
from importlib import import_module
from typing import Any

import msgspec

DOOR = (
    *("scan", "scanned", "inspect", "doctor", "decide", "plan_decisions", "plan_tier"),
    *("plan_migration", "preflight", "submit", "check_deletes", "wait", "pause", "resume"),
    *("cancel", "retry", "jobs", "summary", "report", "check", "check_jobset", "job"),
    *("statistics", "prioritise", "set_limits", "send_access", "age", "import_access"),
    *("lab_steps", "decisions", "import_logs", "train", "predict", "lifecycle"),
    "decide_clouds",
    *("job_window", "jobsets", "change_jobs", "count_jobs", "throughput", "job_story"),
    *("preview", "versions"),
    *("event_statistics", "message", "messages_after", "replay", "replayed"),
    *("lab_choices", "active_policy", "adopt_policy"),
    *("usage", "prepare_filter"),
    *("open_plan", "check_plan", "show_plan", "fold_plan", "take_moves", "plan_lines"),
    *(
        "find_line",
        "edit_plan",
        "plan_progress",
        "keep_plan",
        "approve_plan",
        "plan_moves",
        "plan_header",
    ),
    *("close_plan", "saved_plans"),
)
WORKSPACE = (
    *("save_plan", "plans", "plan", "delete_plan", "save_bookmark", "bookmarks"),
    *("delete_bookmark", "save_policy", "policies", "delete_policy", "save_dataset"),
    *("datasets", "delete_dataset", "adopt_policy", "adopted_policy"),
    *("save_layout", "layout"),
    *("save_places", "places"),
)
_ELSEWHERE = {  # what signatures name for the type checker alone
    "Path": "pathlib",
    "ImportSummary": "engine.imports.records",
    "Training": "engine.forecast.live",
    "Prediction": "engine.learning",
    "Wanted": "engine.lifecycle.derive",
    "Lifecycle": "engine.lifecycle.model",
}
_NOT_SENT = ("progress",)  # what a caller wants to be told meanwhile: not over a socket
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
        for name in ("self", *_NOT_SENT):
            given.pop(name, None)
        return self.arguments(**{name: _plain(value) for name, value in given.items()})


def _plain(value: Any) -> Any:
    """An iterable that can be walked once becomes a list; values stay as they are."""
    sized = isinstance(value, (str, bytes, Sequence, Mapping, set, frozenset))
    return list(value) if isinstance(value, Iterable) and not sized else value


@cache
def method(name: str) -> Method:
    """A method by name; those of the workspace begin with `workspace.`, those that a connection
    answers itself with `desk.`. Raises KeyError for anything else.

    What its types need is imported when it is first called: a console asks for little.
    """
    owner, _, plain = name.rpartition(".")
    if owner == "desk":
        from engine.service.desk import Desk

        known: Sequence[str] = Desk.CALLS
        holder: type[Any] = Desk
    elif owner == "workspace":
        from engine.workspace import Workspace

        known, holder = WORKSPACE, Workspace
    else:
        from engine.engine import Engine

        known, holder = DOOR, Engine
    if plain not in known:
        raise KeyError(name)
    return method_of(getattr(holder, plain), name)


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The types of a signature; what it names without importing it is imported now."""
    names: dict[str, Any] = {}
    while True:
        try:
            return typing.get_type_hints(function, localns=names)
        except NameError as error:
            name = str(error.name)
            names[name] = getattr(import_module(_ELSEWHERE[name]), name)


def method_of(function: Callable[..., Any], name: str) -> Method:
    """A method as its signature describes it."""
    hints = _hints(function)
    signature = inspect.signature(function)
    fields: list[Any] = []
    for parameter in list(signature.parameters.values())[1:]:
        if parameter.name in _NOT_SENT:
            continue
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
