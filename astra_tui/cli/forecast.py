"""`astra train`, `astra predict`: the forecast of accesses."""

import datetime as dt
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from astra_tui.cli.context import DONE, Command, verb
from astra_tui.cli.output import address_text, counted
from engine.errors import UsageError

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.forecast.live import Training
    from engine.forecast.skill import Skill
    from engine.learning import Prediction

_EPOCH = 719_163
_METHODS = {
    "model": "the model",
    "naive": "naive (last week's mean)",
    "ewma": "EWMA (best half-life)",
    "tsb": "TSB (best half-life)",
}


@verb("train")
@click.option(
    "--history",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Learn from this table or log (also .gz) instead of the history that Astra keeps.",
)
@click.option(
    "--inventory",
    type=click.Path(path_type=Path),
    metavar="CSV",
    help="Objects of --history: object,size_bytes,count,created.",
)
def train(command: Command, history: Path | None, inventory: Path | None) -> int:
    """Fit the forecast of daily accesses, and show its skill on weeks held out of the fit.

    With too little history it says so, changes nothing, and predictions fall back to TSB.
    """

    async def work(engine: "Engine") -> int:
        # The engine may be another process, with another working directory.
        files = (path.absolute() if path is not None else None for path in (history, inventory))
        training = await engine.train(**dict(zip(("history", "inventory"), files, strict=True)))
        _tell(command, training)
        return DONE

    return command.run(work)


def _tell(command: Command, training: "Training") -> None:
    for row in training.skill:
        command.out.emit({"skill": _skill_json(row)})
    command.out.emit(
        {
            "model": {
                "version": training.version or None,
                "fallback": None if training.version else "tsb",
                "problem": training.problem or None,
                "first_day": _date(training.first_day),
                "last_day": _date(training.last_day),
                "objects": training.objects,
                "reads": training.reads,
            }
        }
    )
    span = f"{_date(training.first_day)} to {_date(training.last_day)}"
    about = f"{counted(training.reads, 'read')} of {counted(training.objects, 'object')}, {span}"
    if not training.version:
        command.out.line(
            f"Nothing was fitted on this history ({about}): {training.problem}. "
            "Forecasts are made by TSB until there is more."
        )
        return
    command.out.line(f"Model {training.version}, learnt from {about}.")
    if not training.skill:
        command.out.line("The history is too short to hold weeks out: its skill is not known.")
        return
    command.out.line("On weeks held out of the fit (less is better, but for AUC):")
    heads = (">days", ">reads error", ">log error", ">Brier", ">log-loss", ">AUC", "forecast")
    command.out.table(heads, [_row(row) for row in training.skill])
    command.out.line(
        "reads error: mean absolute error of the reads, naive = 1; log error: root mean square of "
        "log(1 + reads); Brier, log-loss and AUC judge the chance of a read within so many days."
    )


def _skill_json(row: "Skill") -> dict[str, Any]:
    numbers = ("reads_error", "log_error", "brier", "log_loss", "auc")
    return {"method": row.method, "horizon_days": row.horizon, "cases": row.cases} | {
        name: round(value, 5) if math.isfinite(value := getattr(row, name)) else None
        for name in numbers
    }


def _row(row: "Skill") -> tuple[str, ...]:
    numbers = (row.reads_error, row.log_error, row.brier, row.log_loss, row.auc)
    texts = [f"{value:.3f}" if math.isfinite(value) else "-" for value in numbers]
    return (str(row.horizon), *texts, _METHODS.get(row.method, row.method))


@verb("predict")
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
def predict(command: Command, addresses: Sequence[str]) -> int:
    """Show the reads that are expected of objects, and when each may be read next."""
    targets = [command.address(text) for text in addresses]
    for target in targets:
        if target.is_prefix:
            raise UsageError(f"{target} is no single object; name a key.")

    async def work(engine: "Engine") -> int:
        found = await engine.predict(targets)
        for item in found:
            command.out.emit(_prediction_json(item))
            _show(command, item)
        if found and found[0].problem:
            command.out.say(f"By TSB: {found[0].problem}.")
        return DONE

    return command.run(work, look=True)


def _prediction_json(item: "Prediction") -> dict[str, Any]:
    return {
        "address": str(item.address),
        "model": item.version,
        "trained": item.trained or None,
        "problem": item.problem or None,
        "expected_reads": {str(days): round(value, 4) for days, value in item.reads},
        "typical_reads": {str(days): round(value, 4) for days, value in item.typical},
        "next_read_within": {str(days): round(value, 5) for days, value in item.chances},
        "idle_days": item.idle_days,
        "reads_30d": item.reads_30d,
        "history_days": item.known_days,
    }


def _show(command: Command, item: "Prediction") -> None:
    command.out.line(f"{address_text(item.address)}  ({item.version})")
    typical = dict(item.typical)
    for days, mean in item.reads:
        usual = f"typically {typical[days]:,.2f}"
        command.out.line(f"  next {days:>2} days: {mean:,.2f} reads expected, {usual}")
    parts = [f"{days} d {value:.1%}" for days, value in item.chances]
    command.out.line(f"  read again within: {', '.join(parts)}")
    command.out.line(
        f"  {counted(item.reads_30d, 'read')} in the last 30 days, the last or its writing "
        f"{counted(item.idle_days, 'day')} ago"
    )


def _date(day: int) -> str:
    return dt.date.fromordinal(day + _EPOCH).isoformat()
