"""A result of the lab as a file: JSON with every day, or CSV for spreadsheets."""

import json
import os
import time
from pathlib import Path
from typing import Any

from astra_tui.job_report import cell
from engine.errors import StateError
from engine.model import LabCost, LabResult

FORMATS = ("json", "csv")


def record(cost: LabCost) -> dict[str, Any]:
    """One policy as `astra lab --json` prints it."""
    return {
        "policy": cost.policy,
        "cost_usd": cost.total,
        "ratio_to_optimum": cost.ratio,
        "storage_usd": cost.storage,
        "requests_usd": cost.requests,
        "retrieval_usd": cost.retrieval,
        "transitions_usd": cost.transitions,
        "early_deletion_usd": cost.early_deletion,
        "moves": cost.moves,
        "reads_delayed": cost.reads_delayed,
    }


def as_json(result: LabResult) -> str:
    """One object: the setting, and the policies with their cost up to each day."""
    policies = [{**record(cost), "cumulative_usd": cost.cumulative} for cost in result.policies]
    value = {
        "from": str(result.first),
        "to": str(result.last),
        "objects": result.objects,
        "bytes": result.size,
        "provider": result.provider,
        "region": result.region,
        "classes": result.classes,
        "start_class": result.start_class,
        "optimum_usd": result.optimum,
        "notes": result.notes,
        "policies": policies,
    }
    return json.dumps(value, indent=1) + "\n"


def as_csv(result: LabResult) -> str:
    """A row a policy, in the fields of `record`; names cannot become formulas."""
    rows = [record(cost) for cost in result.policies]
    lines = [",".join(rows[0])] if rows else []
    for row in rows:
        quoted = '"{}"'.format(cell(str(row["policy"])).replace('"', '""'))
        rest = ("" if value is None else str(value) for value in list(row.values())[1:])
        lines.append(",".join([quoted, *rest]))
    return "".join(f"{line}\r\n" for line in lines)


def write_result(result: LabResult, form: str, folder: Path) -> Path:
    """Write it into a file of its own in `folder`, which is made. Blocks. Raises StateError."""
    text = as_json(result) if form == "json" else as_csv(result)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(1, 1000):
            path = folder / f"lab-{stamp}{f'-{number}' if number > 1 else ''}.{form}"
            try:
                handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            except FileExistsError:
                continue
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.write(text)
            return path
    except OSError as error:
        raise StateError(
            f"The result cannot be written: {error.strerror}.",
            subject=str(folder),
            safe="The result is still on the screen.",
            todo="Free disk space or make the folder writable, then write it again.",
        ) from error
    raise StateError("There are too many results of this second.", subject=str(folder))
