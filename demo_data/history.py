"""How the objects of the demo world have been read over the last half year.

Drawn from each object's shape with a random generator of its own, so that every demo begins
with the same past. Shapes:

    none      nobody reads it
    steady    every working day, less at weekends
    weekly    on one day of the week
    monthly   around the turn of the month
    fading    much after its creation, then less and less
    growing   a little more every week
    burst     one busy spell of three days, some weeks ago
    spike     quiet for long, then very busy since yesterday
"""

import math
from random import Random

from demo_data import DemoObject

DAYS = 180


def daily_reads(item: DemoObject, today: int, days: int = DAYS) -> list[int]:
    """Reads of each of the last `days` days, oldest first; the last one is `today`.

    `today` is a day number (days since 1970-01-01, UTC). Days before the object was created
    have none.
    """
    random = Random(f"reads {item.cloud}/{item.key}")
    weekday_of_weekly = random.randrange(7)
    burst_at = random.randint(15, 80)
    born = math.ceil(item.age_days)
    counts = []
    for ago in range(days - 1, -1, -1):
        day = today - ago
        weekday = (day + 3) % 7  # day 0 was a Thursday; Monday is 0
        mean = _mean(item, ago, day, weekday, weekday_of_weekly, burst_at)
        drawn = _poisson(random, mean)
        counts.append(drawn if ago <= born else 0)
    return counts


def _mean(
    item: DemoObject, ago: int, day: int, weekday: int, weekday_of_weekly: int, burst_at: int
) -> float:
    since_birth = max(item.age_days - ago, 0.0)
    match item.shape:
        case "steady":
            return item.reads * (0.35 if weekday >= 5 else 1.0)
        case "weekly":
            return item.reads if weekday == weekday_of_weekly else 0.05 * item.reads
        case "monthly":
            return item.reads if day % 30 < 3 else 0.04 * item.reads
        case "fading":
            return item.reads * math.exp(-since_birth / 9.0)
        case "growing":
            return item.reads * math.exp(-ago / 20.0)
        case "burst":
            return item.reads * 4 if burst_at - 3 < ago <= burst_at else 0.0
        case "spike":
            return item.reads * 3 if ago <= 1 else 0.02 * item.reads
        case _:
            return 0.0


def _poisson(random: Random, mean: float) -> int:
    """A Poisson draw by multiplying uniforms: exact, and quick for the small means here."""
    if mean <= 0.0:
        return 0
    limit, product, count = math.exp(-mean), random.random(), 0
    while product > limit:
        product *= random.random()
        count += 1
    return count
