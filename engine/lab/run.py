"""One run of the lab: a world from a request's files, all policies over it, the result."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from engine.errors import UsageError
from engine.lab.bill import Bill
from engine.lab.history import AccessHistory, Inventory, read_history, read_inventory
from engine.lab.optimum import optimum
from engine.lab.policy import Checked
from engine.lab.registry import lab_policy, suitable
from engine.lab.simulate import Cancelled, Outcome, Progress, simulate
from engine.lab.world import World
from engine.model import LabCost, LabRequest, LabResult, Provider
from engine.model.lab import OPTIMUM
from engine.pricing.book import PriceBook
from engine.pricing.columns import ClassTable

Tell = Callable[[str, float], None]  # what is being done, and the share of all that is done
_OPTIMUM_SHARE = 4.0  # what it takes, counted in policies


def run_files(
    request: LabRequest, book: PriceBook, tell: Tell, cancelled: Callable[[], bool]
) -> LabResult:
    """Read the request's CSV files and replay. Raises UsageError and Cancelled."""
    if not request.inventory or not request.history:
        raise UsageError("The lab needs both an inventory and a history.")

    def go_on() -> None:
        if cancelled():
            raise Cancelled

    tell("reading", 0.0)
    inventory = read_inventory(Path(request.inventory))
    history = read_history(Path(request.history), inventory, go_on)
    return run(request, inventory, history, book, tell, cancelled)


def run(
    request: LabRequest,
    inventory: Inventory,
    history: AccessHistory,
    book: PriceBook,
    tell: Tell,
    cancelled: Callable[[], bool],
) -> LabResult:
    """Replay the request's policies. Raises UsageError and Cancelled."""
    world = make_world(request, inventory, history, book)
    note = book.note(world.table.provider, request.region)
    notes = (note,) if request.region and note else ()
    names = list(request.policies) or suitable(world.table, world.table.name(world.start))
    result = replay(world, list(dict.fromkeys(names)), tell, cancelled)
    return replace(result, notes=notes)


def make_world(
    request: LabRequest, inventory: Inventory, history: AccessHistory, book: PriceBook
) -> World:
    """The world that a request means. Raises UsageError."""
    if request.provider not in {"", *Provider}:
        raise UsageError(
            f"There is no provider {request.provider!r}.", todo=f"There are {', '.join(Provider)}."
        )
    provider = Provider(request.provider or Provider.AWS)
    known = request.region in book.regions(provider)
    region = request.region if known else book.reference_region(provider)
    table = ClassTable.of(book, provider, region)
    last = request.last or dt.date.fromordinal(history.last_day)
    half = history.first_day + (history.days + 1) // 2
    first = request.first or min(dt.date.fromordinal(half), last)
    fee = book.fee(provider, "autoclass")
    return World.of(
        inventory,
        history,
        table,
        book.canonical(provider, request.start_class),
        first,
        last,
        [book.canonical(provider, name) for name in request.classes],
        {} if fee is None else {"autoclass": fee},
    )


def replay(
    world: World, names: Sequence[str], tell: Tell, cancelled: Callable[[], bool]
) -> LabResult:
    """All these policies, and the optimum once. Raises UsageError and Cancelled."""
    policies = {name: lab_policy(name) for name in names if name != OPTIMUM}
    for policy in policies.values():
        if isinstance(policy, Checked):
            policy.check(world)
    bill = Bill.of(world)
    whole = _OPTIMUM_SHARE + len(policies)
    done = 0.0

    def part(name: str, size: float) -> Progress:
        begun = done
        return lambda share: tell(name, (begun + size * share) / whole)

    outcomes: dict[str, Outcome] = {}
    for name, policy in policies.items():
        tell(name, done / whole)
        outcomes[name] = simulate(world, policy, part(name, 1.0), cancelled, bill)
        done += 1.0
    best = optimum(world, part(OPTIMUM, _OPTIMUM_SHARE), cancelled, bill)
    outcomes[OPTIMUM] = best
    table = world.table
    return LabResult(
        first=world.date(world.first_day),
        last=world.date(world.last_day),
        objects=int(world.inventory.counts.sum()),
        size=int(world.volumes.sum()),
        provider=table.provider.value,
        region=table.region,
        classes=tuple(table.codes),
        start_class=table.name(world.start),
        optimum=best.cost,
        policies=tuple(_cost(outcomes[name], name, best.cost) for name in names),
    )


def _cost(outcome: Outcome, name: str, best: float) -> LabCost:
    return LabCost(
        policy=name,
        total=outcome.cost,
        ratio=outcome.cost / best if best > 0 else None,
        storage=outcome.category("storage"),
        requests=outcome.category("requests"),
        retrieval=outcome.category("retrieval"),
        transitions=outcome.category("transitions"),
        early_deletion=outcome.category("early_deletion"),
        moves=outcome.moves,
        reads_delayed=round(outcome.reads_delayed),
        cumulative=tuple(outcome.cumulative.tolist()),
    )
