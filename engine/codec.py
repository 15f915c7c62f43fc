"""The values of `engine.model` as plain JSON values, and back, exactly.

A dataclass becomes an object of its fields, an enum its value, a tuple a list; a tuple of
dataclasses becomes `{"columns": [...], "rows": [[...], ...]}`, so that a plan of many
thousand moves does not repeat the field names in each. Fields that are missing take their
default; unknown ones are an error, for they may change what the rest means.
"""

import types
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
Code = Callable[[Any], Any]


def encode(value: Any) -> Any:
    """A model value as what `json` can write."""
    kind: Any = type(value)
    return _encoder(kind)(value)


def decode(kind: type[T], data: Any) -> T:
    """A value of type `kind` from what `encode` gave. Raises ValueError if it does not fit."""
    plain: Any = kind
    try:
        value: T = _decoder(plain)(data)
    except (TypeError, KeyError, IndexError, AttributeError) as error:
        raise ValueError(f"no {kind.__name__}: {error}") from error
    return value


@cache
def _encoder(kind: Any) -> Code:
    if is_dataclass(kind):
        names = [item.name for item in fields(kind)]
        return lambda value: {name: encode(getattr(value, name)) for name in names}
    if issubclass(kind, Enum):
        return lambda value: value.value
    if issubclass(kind, (tuple, list)):
        return _encode_sequence
    if kind in (str, int, float, bool, type(None)):
        return lambda value: value
    raise TypeError(f"{kind.__name__} is no value of the model")


def _encode_sequence(items: Any) -> Any:
    kinds = {type(item) for item in items}
    if len(kinds) != 1 or not is_dataclass(kind := kinds.pop()):
        return [encode(item) for item in items]
    names = [item.name for item in fields(kind)]
    return {
        "columns": names,
        "rows": [[encode(getattr(item, name)) for name in names] for item in items],
    }


@cache
def _decoder(kind: Any) -> Code:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _decode_optional(kind)
    if origin is tuple:
        return _decode_tuple(get_args(kind))
    if is_dataclass(kind) and isinstance(kind, type):
        return _decode_dataclass(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _decode_enum(kind)
    if kind is float:
        return _decode_float
    if kind in (str, int, bool):
        return _decode_plain(kind)
    raise TypeError(f"{kind} is no type of the model")


def _decode_optional(kind: Any) -> Code:
    inner = [item for item in get_args(kind) if item is not type(None)]
    if len(inner) != 1:
        raise TypeError(f"{kind} has more than one type besides None")
    decoder = _decoder(inner[0])
    return lambda data: None if data is None else decoder(data)


def _decode_tuple(inner: tuple[Any, ...]) -> Code:
    if len(inner) == 2 and inner[1] is Ellipsis:
        item = _decoder(inner[0])

        def many(data: Any) -> tuple[Any, ...]:
            if isinstance(data, dict):
                names = data["columns"]
                return tuple(item(dict(zip(names, row, strict=True))) for row in data["rows"])
            if not isinstance(data, list):
                raise ValueError("a list is missing")
            return tuple(item(entry) for entry in data)

        return many
    decoders = [_decoder(item) for item in inner]
    return lambda data: tuple(decoder(entry) for decoder, entry in zip(decoders, data, strict=True))


def _decode_dataclass(kind: type) -> Code:
    hints = get_type_hints(kind)
    known = {item.name: _decoder(hints[item.name]) for item in fields(kind)}
    needed = [
        item.name
        for item in fields(kind)
        if item.default is MISSING and item.default_factory is MISSING
    ]

    def one(data: Any) -> Any:
        if not isinstance(data, dict):
            raise ValueError(f"an object for {kind.__name__} is missing")
        if unknown := set(data) - set(known):
            raise ValueError(f"{kind.__name__} has no {', '.join(sorted(unknown))}")
        if missing := [name for name in needed if name not in data]:
            raise ValueError(f"{kind.__name__} lacks {', '.join(missing)}")
        try:
            return kind(**{name: known[name](value) for name, value in data.items()})
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise ValueError(_where(data, known) or str(error)) from error

    return one


def _where(data: dict[str, Any], known: dict[str, Code]) -> str:
    """Which field it is that cannot be read, and why. Only looked for once something failed."""
    for name, value in data.items():
        try:
            known[name](value)
        except (ValueError, TypeError, KeyError, IndexError) as error:
            return f"{name}: {error}"
    return ""


def _decode_enum(kind: type[Enum]) -> Code:
    def member(data: Any) -> Any:
        try:
            return kind(data)
        except ValueError:
            names = ", ".join(str(item.value) for item in kind if item.value)
            raise ValueError(f"{str(data)[:40]!r} is none of {names}") from None

    return member


def _decode_float(data: Any) -> float:
    if isinstance(data, bool) or not isinstance(data, (int, float)):
        raise ValueError(f"a number is missing, found {type(data).__name__}")
    return float(data)


def _decode_plain(kind: type) -> Code:
    def plain(data: Any) -> Any:
        if type(data) is not kind:
            raise ValueError(f"{kind.__name__} is missing, found {type(data).__name__}")
        return data

    return plain
