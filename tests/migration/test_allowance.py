"""How many sources a set may still delete, while the ledger is a little behind or ahead of it."""

from engine.migration.allowance import DeleteAllowance


class Ledger:
    """What the ledger has on disk, (allowed, sent) of each set."""

    def __init__(self, **sets: tuple[int, int]) -> None:
        self.sets = sets

    async def deletes(self, jobset: str) -> tuple[int, int]:
        return self.sets[jobset]


async def taken(allowance: DeleteAllowance, jobset: str, most: int = 100) -> int:
    """How many more deletes the set may send."""
    await allowance.load(jobset)
    return next(n for n in range(most) if allowance.take(jobset, f"more {n}") is not None)


async def test_new_jobs_add_to_it_and_nothing_is_counted_twice() -> None:
    """A delete that came to disk, of which the loop has not heard yet, was counted when taken."""
    ledger = Ledger(set=(3, 0))
    allowance = DeleteAllowance(ledger.deletes)
    await allowance.load("set")
    assert allowance.take("set", "a") is None
    ledger.sets["set"] = (5, 1)  # two jobs came, and the intent of "a" is on disk
    await allowance.grown("set")
    allowance.on_disk("a")
    assert await taken(allowance, "set") == 4


async def test_new_jobs_of_a_set_that_nobody_asked_for_are_read_when_it_is() -> None:
    ledger = Ledger(set=(2, 1))
    allowance = DeleteAllowance(ledger.deletes)
    await allowance.grown("set")
    assert await taken(allowance, "set") == 1


async def test_what_is_on_its_way_to_disk_is_never_forgotten() -> None:
    ledger = Ledger(one=(3, 0), two=(1, 0))
    allowance = DeleteAllowance(ledger.deletes)
    await allowance.load("one")
    await allowance.load("two")
    assert allowance.take("one", "a") is None
    ledger.sets |= {"one": (2, 0), "two": (2, 0)}  # another job went from one to two
    await allowance.changed("two", {"one"})
    assert await taken(allowance, "one") == 1
    assert await taken(allowance, "two") == 2
