"""What all policies of one run share: objects, accesses, prices, allowed classes, days."""

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np
import numpy.typing as npt

from engine.errors import UsageError
from engine.lab.history import AccessHistory, Floats, Ints, Inventory
from engine.pricing.columns import UNKNOWN, ClassTable


@dataclass(frozen=True, slots=True)
class World:
    """The setting of a run.

    `table` has the allowed classes only, so codes count those. Days are indexes into `history`;
    [`first_day`, `last_day`] are replayed, what is before may be learnt from.
    """

    inventory: Inventory
    history: AccessHistory
    table: ClassTable
    start: int  # code of the class in which objects are at first, and are created
    first_day: int
    last_day: int
    born: Ints  # (N,) day of creation as an index, negative before the history
    quiet: npt.NDArray[np.int32]  # (N, D) days since the last read or creation
    # USD per 1,000 objects a month, of what is no class
    fees: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        inventory: Inventory,
        history: AccessHistory,
        table: ClassTable,
        start_class: str,
        first: dt.date,
        last: dt.date,
        classes: Sequence[str] = (),
        fees: Mapping[str, float] | None = None,
    ) -> "World":
        """A world of these days, both included; `classes` () allows `usual_classes`.

        Raises UsageError for classes that are unknown or cannot be priced, and for no days.
        """
        if last < first:
            raise UsageError(f"The days end before they begin: {first} to {last}.")
        if not priced(table):
            raise UsageError(
                f"No class of {table.provider} has all the prices that the lab needs.",
                todo="Add them to a price file of your own; docs/configuration.md has examples.",
            )
        allowed = allow(table, classes or usual_classes(table))
        start = allowed.code(start_class)
        if start == UNKNOWN:
            raise UsageError(
                f"The start class {start_class!r} is not among the allowed ones.",
                todo=f"Allowed: {', '.join(allowed.codes)}.",
            )
        history = history.covering(first.toordinal(), last.toordinal())
        born = inventory.created - history.first_day
        return cls(
            inventory,
            history,
            allowed,
            start,
            first.toordinal() - history.first_day,
            last.toordinal() - history.first_day,
            born,
            quiet_days(history, born),
            fees or {},
        )

    def __len__(self) -> int:
        return len(self.inventory)

    @property
    def volumes(self) -> Floats:
        """Bytes of each group, shape (N,)."""
        return self.inventory.sizes * self.inventory.counts

    def known(self) -> "World":
        """The same world before its first day: what policies may learn from."""
        past = slice(0, self.first_day)
        history = AccessHistory(
            self.history.first_day,
            self.history.reads[:, past],
            self.history.bytes_read[:, past],
        )
        return replace(self, history=history, quiet=self.quiet[:, past])

    def idle(self, day: int) -> Ints:
        """Days since the last read or the creation as of the day before, (N,)."""
        if day == 0:
            return np.maximum(-1 - self.born, 0)
        return self.quiet[:, day - 1].astype(np.int64)

    def date(self, day: int) -> dt.date:
        return dt.date.fromordinal(self.history.first_day + day)


def quiet_days(history: AccessHistory, born: Ints) -> npt.NDArray[np.int32]:
    """(N, D): whole days since the last read or the creation, 0 on that day and before it."""
    days = np.arange(history.days, dtype=np.int32)
    start = born.astype(np.int32)[:, None]
    touched = np.where(history.reads > 0, days, start)
    np.maximum(touched, np.minimum(days, start), out=touched)
    np.maximum.accumulate(touched, axis=1, out=touched)
    result: npt.NDArray[np.int32] = np.maximum(days - touched, 0)
    return result


def priced(table: ClassTable) -> list[str]:
    """The classes of which everything the lab needs is known."""
    known = [
        table.storage,
        table.fixed,
        table.get,
        table.retrieval,
        table.transition,
        table.restore_fixed,
        table.restore_gb,
    ]
    fine = np.all([np.isfinite(column[:-1]) for column in known], axis=0)
    fine &= [all(math.isfinite(rate) for _, rate in price.automatic) for price in table.prices]
    return [price.name for price, good in zip(table.prices, fine, strict=True) if good]


def usual_classes(table: ClassTable) -> list[str]:
    """The classes to choose from where none are named: those that open at once, and whose
    objects are as safe as any; archives only if the operator says so."""
    fine = priced(table)
    return [
        price.name
        for price in table.prices
        if price.name in fine and price.readable and (price.choose or price.automatic)
    ]


def allow(table: ClassTable, classes: Sequence[str]) -> ClassTable:
    """The table of these classes only, in the table's order (hottest first).

    A tier whose own class is not among them has none. Raises UsageError.
    """
    fine = priced(table)
    for name in classes:
        if name not in table.codes:
            raise UsageError(
                f"{table.provider} has no class {name!r}.",
                todo=f"It has: {', '.join(table.codes)}.",
            )
        if name not in fine:
            raise UsageError(
                f"Not every price of {name} is known, so the lab cannot use it.",
                todo="Add the missing figures to a price file of your own.",
            )
    kept = [code for code, price in enumerate(table.prices) if price.name in classes]
    rows = np.array([*kept, len(table.prices)])
    size = len(table.prices) + 1
    columns = {
        column.name: value[rows]
        for column in fields(table)
        if isinstance(value := getattr(table, column.name), np.ndarray) and value.shape == (size,)
    }
    new = {code: place for place, code in enumerate(kept)}
    tiers = [new.get(int(code), UNKNOWN) for code in table.tier_class]
    prices = tuple(table.prices[code] for code in kept)
    return replace(
        table,
        prices=prices,
        codes={price.name: place for place, price in enumerate(prices)},
        **(columns | {"tier_class": np.array(tiers, np.int16)}),
    )
