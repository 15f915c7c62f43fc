"""The fitted model on disk: one JSON file in the state directory, with a digest of itself."""

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import StateError
from engine.forecast.glm import Line
from engine.forecast.model import Horizon, Model
from engine.forecast.skill import Skill

NAME = "forecast.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Stored:
    """A model with what it was fitted on; `trained` in epoch seconds, days in epoch days, the
    last one included."""

    model: Model
    trained: float
    first_day: int
    last_day: int
    objects: int
    reads: int
    skill: tuple[Skill, ...] = ()


def version_of(horizons: Mapping[int, Horizon], last_day: int) -> str:
    """A name that says what was fitted until when, and differs with every weight."""
    text = json.dumps(_encode_horizons(horizons), sort_keys=True)
    day = np.datetime64(last_day, "D")
    return f"glm{FORMAT}-{day}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def save(path: Path, stored: Stored) -> None:
    """Put the file in place in one step. Raises StateError; the old one stays then."""
    content = {
        "format": FORMAT,
        "version": stored.model.version,
        "trained": stored.trained,
        "first_day": stored.first_day,
        "last_day": stored.last_day,
        "objects": stored.objects,
        "reads": stored.reads,
        "longest_idle": stored.model.longest,
        "horizons": _encode_horizons(stored.model.horizons),
        "skill": [
            {f.name: _plain(getattr(row, f.name)) for f in fields(Skill)} for row in stored.skill
        ],
    }
    text = json.dumps({"digest": _digest(content), "model": content})
    beside = path.with_name(f"{path.name}.new")
    try:
        with open(beside, "w", encoding="ascii") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(beside, path)
    except OSError as error:
        raise StateError(
            f"The model cannot be written: {error.strerror}.",
            subject=str(path),
            safe="The model before it, if there was one, is unharmed.",
            todo="Free space there, then train again.",
        ) from error


def load(path: Path) -> tuple[Stored | None, str]:
    """The model of the file and "", or None and what is wrong with it ("" if there is none)."""
    try:
        data = json.loads(path.read_bytes())
        content = data["model"]
        if content["format"] != FORMAT:
            return None, f"{path} is of another version of Astra"
        if data["digest"] != _digest(content):
            raise ValueError("it is not as it was written")
        horizons = {int(days): _decode(item) for days, item in content["horizons"].items()}
        skill = tuple(_decode_skill(row) for row in content["skill"])
        model = Model(str(content["version"]), horizons, int(content["longest_idle"]))
        stored = Stored(
            model,
            float(content["trained"]),
            int(content["first_day"]),
            int(content["last_day"]),
            int(content["objects"]),
            int(content["reads"]),
            skill,
        )
        return stored, ""
    except FileNotFoundError:
        return None, ""
    except OSError as error:
        return None, f"{path} cannot be read ({error.strerror})"
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return None, f"{path} is damaged ({error})"


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _encode_horizons(horizons: Mapping[int, Horizon]) -> dict[str, Any]:
    return {
        str(days): {
            "chance": _encode_line(item.chance),
            "level": _encode_line(item.level),
            "smear": item.smear,
            "least": item.least,
        }
        for days, item in horizons.items()
    }


def _encode_line(line: Line) -> dict[str, list[float]]:
    return {f.name: getattr(line, f.name).tolist() for f in fields(Line)}


def _decode(data: dict[str, Any]) -> Horizon:
    chance, level = _decode_line(data["chance"]), _decode_line(data["level"])
    return Horizon(chance, level, float(data["smear"]), float(data["least"]))


def _decode_line(data: dict[str, Any]) -> Line:
    parts = {f.name: np.array(data[f.name], np.float64) for f in fields(Line)}
    if len(parts["weights"]) != len(parts["mean"]) + 1 or len(parts["scale"]) != len(parts["mean"]):
        raise ValueError("its lines do not fit")
    return Line(**parts)


def _decode_skill(row: dict[str, Any]) -> Skill:
    known: dict[str, Any] = {name: math.nan if v is None else v for name, v in row.items()}
    return Skill(**known)


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
