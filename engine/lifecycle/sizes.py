"""The sizes that a policy is asked about, and what its answers have in common."""

from collections.abc import Sequence

from engine.lifecycle.model import Schedule

SIZES = tuple(1 << power for power in range(10, 42, 2))  # 1 KiB … 2 TiB


def common_of(plain: Sequence[Schedule]) -> Schedule:
    """The schedule of most sizes that move at all, the larger ones if two are even."""
    moving = [steps for steps in plain if steps]
    if not moving:
        return ()
    best = max(range(len(moving)), key=lambda i: (moving.count(moving[i]), i))
    return moving[best]


def typical(plain: Sequence[Schedule]) -> int:
    common = common_of(plain)
    return next(size for size, steps in zip(SIZES, plain, strict=True) if steps == common)


def others(plain: Sequence[Schedule], common: Schedule) -> list[tuple[str, Schedule]]:
    """Sizes with another schedule, in words, neighbours together."""
    found: list[tuple[str, Schedule]] = []
    for index, steps in enumerate(plain):
        if steps == common or (index and plain[index - 1] == steps):
            continue
        last = index
        while last + 1 < len(plain) and plain[last + 1] == steps:
            last += 1
        span = _size(index) if last == index else f"{_size(index)} to {_size(last)}"
        found.append((f"about {span}", steps))
    return found


def _size(index: int) -> str:
    size = SIZES[index]
    for unit, name in ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB")):
        if size >= unit:
            return f"{size // unit} {name}"
    return f"{size // 1024} KiB"
