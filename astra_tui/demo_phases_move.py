"""Phases 6 to 10 of the script: objects move, and everything is checked again."""

import asyncio
import hashlib
from dataclasses import replace

from astra_tui.demo_phases_see import cost_by_hand
from astra_tui.demo_report import name, usd
from astra_tui.demo_stage import Stage
from astra_tui.demo_witness import Seen
from demo_data import inventory
from engine.model import (
    FINAL_STATES,
    STEPS,
    Address,
    JobState,
    JobView,
    MoveKind,
    Plan,
    Provider,
    Tier,
)
from engine.pricing.book import PriceBook
from engine.pricing.cost import GB
from widgets.text import bytes_text, size_text, visible

MIGRATED = ("archived_logs_2022.log", "backup_database_Q2.zip", "ml/checkpoint_0200.bin")
PREFIX = "from-aws/"
VICTIM = "monthly_report_october.pdf"


async def plan(stage: Stage) -> None:
    """Phase 6."""
    report, engine = stage.report, stage.engine
    before = {cloud: await stage.seen(cloud) for cloud in stage.clouds}
    tiers = await engine.plan_decisions()
    across = await engine.plan_migration(
        [stage.address("aws", key) for key in MIGRATED],
        stage.address("gcp", PREFIX),
        tier=Tier.COLD,
    )
    stage.plans = [tiers, across]
    for one in stage.plans:
        _show_plan(stage, one)
    going = {move.source: move for move in across.moves}
    report.check(
        {address.key for address in going} == set(MIGRATED)
        and all(not move.refused for move in across.moves),
        f"{len(MIGRATED)} objects will move from aws to gcp, none is refused",
    )
    report.check(
        all(move.one_time_cost is not None and move.one_time_cost > 0 for move in across.moves)
        and all(any("egress" in text for text, _ in move.cost_lines) for move in across.moves),
        "each of these moves has its price, egress included",
    )
    planned = {move.source for move in tiers.moves}
    report.check(
        planned == {one.address for one in stage.decisions},
        f"each of the {len(stage.decisions)} decisions is in the plan",
    )
    after = {cloud: await stage.seen(cloud) for cloud in stage.clouds}
    report.check(before == after, "planning changed nothing: the witness sees the same as before")


def _show_plan(stage: Stage, one: Plan) -> None:
    totals = one.totals()
    payback = totals.payback_months
    pays = f"pays back in {payback:.1f} months" if payback is not None else "pays nothing back"
    stage.report.line(
        f"{visible(one.title)}: {totals.moves} moves, {bytes_text(totals.size)}, "
        f"{totals.refused} refused; saves {usd(totals.saving_per_month)} USD "
        f"a month, costs {usd(totals.one_time_cost)} once, {pays}."
    )
    losses = sorted({text for move in one.moves for text in move.losses})
    risks = sorted({text for move in one.moves for text in move.risks})
    for title, texts in (("lost", losses), ("risk", risks), ("note", one.warnings)):
        for text in texts[:3]:
            stage.report.line(f"  {title}: {visible(text)}")


async def migrate(stage: Stage) -> None:
    """Phase 7."""
    report, engine = stage.report, stage.engine
    across, in_place = stage.plans[1], stage.plans[0]
    # What moves away does not change its class as well.
    leaving = {move.source for move in across.moves}
    in_place = _without(in_place, leaving)
    for one in (across, in_place):
        jobset = await engine.submit(one)
        async with asyncio.timeout(600):
            await engine.wait(jobset)
        stage.jobs += await engine.jobs(jobset=jobset)
    moved = [job for job in stage.jobs if job.spec.kind is MoveKind.MOVE]
    changed = [job for job in stage.jobs if job.spec.kind is MoveKind.TIER]
    for job in moved:
        _show_job(stage, job)
        stage.moved[job.spec.source] = job.spec.destination
    report.line(f"and {len(changed)} changes of class in place, {_states(changed)}.")
    report.check(
        len(moved) == len(MIGRATED) and all(job.state is JobState.COMPLETED for job in moved),
        f"all {len(MIGRATED)} migrations completed",
    )
    report.check(
        all(
            job.checksum_source and job.checksum_source == job.checksum_destination for job in moved
        ),
        "the digest of each copy, read back from gcp, is that of its source",
    )
    report.check(all(job.guarded for job in moved), "each delete was conditional on the version")
    for job in moved:
        wanted = await asyncio.to_thread(stage.witness.known_md5, job.spec.source)
        arrived = await stage.read(job.spec.destination)
        left = await stage.read(job.spec.source)
        report.check(
            arrived is not None and left is None and _md5(arrived) == wanted,
            f"{name(job.spec.source.key)}: the witness reads the same bytes in gcp, "
            "and nothing in aws",
        )
    report.check(
        bool(changed) and all(job.state is JobState.COMPLETED for job in changed),
        f"all {len(changed)} changes of class completed",
    )
    for job in changed:
        if job.state is not JobState.COMPLETED:
            _show_job(stage, job)
    wrong = []
    for cloud in stage.clouds:
        seen = await stage.seen(cloud)
        wrong += [
            job.spec.destination
            for job in changed
            if job.spec.destination.cloud == cloud
            and seen[job.spec.destination.key].storage_class != job.spec.to_class
        ]
    report.check(not wrong, "the witness sees each of them in its new class")


def _without(one: Plan, addresses: set[Address]) -> Plan:
    kept = tuple(move for move in one.moves if move.source not in addresses)
    return replace(one, moves=kept)


def _show_job(stage: Stage, job: JobView) -> None:
    report = stage.report
    report.line(f"{name(job.spec.source.key)}  {size_text(job.spec.size)}  {job.state.value}")
    steps = zip(STEPS, job.step_seconds, strict=True)
    report.line(
        "  "
        + "  ".join(
            f"{step.value} {step.name.lower()} {f'{seconds:.2f}s' if seconds else '·'}"
            for step, seconds in steps
        )
    )
    algorithm = job.spec.options.checksum
    report.line(f"  {algorithm} source       {job.checksum_source or '-'}")
    report.line(f"  {algorithm} destination  {job.checksum_destination or '-'}")
    guarded = {True: "guarded", False: "unguarded", None: "none"}[job.guarded]
    report.line(
        f"  evidence {job.evidence.value or 'none'}, source proof "
        f"{job.source_proof.value or 'none'}, delete {guarded}"
    )
    if job.error:
        report.line(f"  error: {visible(job.error)}")


def _states(jobs: list[JobView]) -> str:
    counts: dict[str, int] = {}
    for job in jobs:
        counts[job.state.value] = counts.get(job.state.value, 0) + 1
    return ", ".join(f"{number} {state}" for state, number in counts.items()) or "none"


async def corrupt(stage: Stage) -> None:
    """Phase 8."""
    report, engine = stage.report, stage.engine
    source = stage.address("aws", VICTIM)
    destination = stage.address("gcp", PREFIX + VICTIM)
    wanted = await asyncio.to_thread(stage.witness.known_md5, source)
    stage.proxy.arm(destination.key)
    jobset = await engine.submit(await engine.plan_migration([source], destination))
    async with asyncio.timeout(300):
        await engine.wait(jobset)
    (job,) = await engine.jobs(jobset=jobset)
    _show_job(stage, job)
    flips = stage.proxy.flips
    report.check(
        len(flips) == 1 and not stage.proxy.armed,
        "the proxy flipped one bit of one upload"
        + (f": byte {flips[0].position:,} of {flips[0].size:,}" if flips else ""),
    )
    report.check(job.state is JobState.FAILED, "the job failed")
    report.check(
        job.checksum_source == wanted and job.checksum_destination not in ("", wanted),
        "its two digests differ, and that of the source is right",
    )
    kept = await stage.read(source)
    report.check(
        kept is not None and _md5(kept) == wanted, "the source is kept, byte for byte (witness)"
    )
    rolled_back = await stage.read(destination) is None
    unfinished = await asyncio.to_thread(stage.witness.unfinished, "gcp")
    report.check(
        rolled_back and unfinished == 0, "the broken copy is gone, and no upload is left open"
    )
    await engine.retry([job.job_id])
    async with asyncio.timeout(300):
        await engine.wait(jobset)
    again = await engine.job(job.job_id)
    arrived = await stage.read(destination)
    report.check(
        again.state is JobState.COMPLETED and arrived is not None and _md5(arrived) == wanted,
        "retried over the sound line, it completes, and the copy is right (witness)",
    )
    stage.moved[source] = destination


async def final(stage: Stage) -> None:
    """Phase 9."""
    report = stage.report
    await stage.rescan()
    rows = [("cloud", "objects", "size", "by class")]
    seen = {cloud: await stage.seen(cloud) for cloud in stage.clouds}
    for cloud, objects in seen.items():
        classes: dict[str, int] = {}
        for item in objects.values():
            classes[item.storage_class] = classes.get(item.storage_class, 0) + 1
        text = ", ".join(f"{number} {storage}" for storage, number in sorted(classes.items()))
        size = sum(item.size for item in objects.values())
        rows.append((cloud, str(len(objects)), size_text(size), text))
    report.table(rows, right=(1, 2))
    for cloud, objects in seen.items():
        mine = {row.key: (row.size, row.storage_class) for row in await stage.rows(cloud)}
        theirs = {key: (item.size, item.storage_class) for key, item in objects.items()}
        report.check(mine == theirs, f"{cloud}: Astra and the witness see the same objects")
    lost, changed = await asyncio.to_thread(_compare_all, stage, seen)
    total = sum(len(objects) for objects in seen.values())
    report.check(not lost, f"no object is lost or doubled: {total} are there" + _some(lost))
    report.check(not changed, "every object has the digest it was created with" + _some(changed))
    again = await stage.engine.decide("rules")
    earlier = {one.address: one.from_tier for one in stage.decisions}
    undone = [one.address.key for one in again if earlier.get(one.address) is one.to_tier]
    report.check(not undone, "asked again, the policy undoes none of its changes" + _some(undone))


def _compare_all(stage: Stage, seen: dict[str, dict[str, Seen]]) -> tuple[list[str], list[str]]:
    """Keys that are not exactly where they should be, and keys whose digest is another."""
    places = {}
    for item in inventory():
        source = Address(item.cloud, item.bucket, item.key)
        places[stage.moved.get(source, source)] = stage.witness.known_md5(source)
    there = {
        stage.address(cloud, key): item
        for cloud, keys in seen.items()
        for key, item in keys.items()
    }
    lost = [address.key for address in set(places) ^ set(there)]
    changed = [
        address.key
        for address, wanted in places.items()
        if address in there and _digest(stage, address, there[address]) != wanted
    ]
    return lost, changed


def _digest(stage: Stage, address: Address, item: Seen) -> str:
    """The store's own MD5, or that of the bytes where it has none."""
    return item.md5 or _md5(stage.witness.read(address) or b"")


async def statistics(stage: Stage) -> None:
    """Phase 10."""
    report, engine = stage.report, stage.engine
    figures = await engine.statistics()
    rate = figures.success_rate
    report.line(
        f"attempted {figures.attempted}, successful {figures.successful}, failed {figures.failed}, "
        f"success rate {'-' if rate is None else f'{rate:.0%}'}, {bytes_text(figures.bytes)} in "
        f"{figures.seconds:.1f} s of work"
    )
    for route in figures.routes:
        report.line(
            f"  {visible(route.route)}: {route.successful} of {route.attempted}, "
            f"{bytes_text(route.bytes)}"
        )
    jobs = await engine.jobs()
    done = [job for job in jobs if job.state is JobState.COMPLETED]
    report.check(
        all(job.state in FINAL_STATES for job in jobs)
        and (figures.attempted, figures.successful, figures.failed)
        == (len(jobs), len(done), len(jobs) - len(done)),
        f"the statistics are those of the {len(jobs)} jobs in the ledger",
    )
    report.check(
        figures.attempted == sum(route.attempted for route in figures.routes)
        and figures.bytes == sum(route.bytes for route in figures.routes),
        "the routes add up to the whole",
    )
    await _cost(stage)


async def _cost(stage: Stage) -> None:
    report, engine = stage.report, stage.engine
    before, after = stage.cost_before, engine.snapshot().cost_month
    by_hand = await cost_by_hand(stage)
    book = await asyncio.to_thread(PriceBook.load)
    report.line("A month costs, summed over all objects, in USD:")
    report.line("  (max(size, class minimum) + class overhead) / 1024³ × class price")
    report.line("  + reads of 30 days × (GET price + size / 1024³ × retrieval price)")
    seen = await stage.seen("aws")
    unread = {row.key for row in await stage.rows("aws") if not row.reads_30d}
    key = max(unread, key=lambda one: seen[one].size)
    one = seen[key]
    price = book.get(Provider.AWS, "us-east-1", one.storage_class)
    assert price is not None
    assert price.storage is not None
    billed = max(one.size, price.min_size) + price.overhead
    report.line(
        f"  as {name(key, 30)}, unread: {billed:,} / 1024³ × {price.storage} = "
        f"{billed / GB * price.storage:.8f} ({one.storage_class})"
    )
    once = sum(move.one_time_cost or 0.0 for one in stage.plans for move in one.moves)
    if before is not None and after is not None:
        change = (after - before) / before
        report.line(
            f"before {before:.6f}, after {after:.6f} USD a month: {change:+.0%}; "
            f"paid once {once:.6f} USD"
        )
    report.check(
        after is not None and abs(after - by_hand) < 1e-9,
        f"the cost after is the same sum over what the witness sees: {by_hand:.6f} USD",
    )
    report.check(
        before is not None and after is not None and after < before,
        "the month costs less than before",
    )


def _some(names: list[str]) -> str:
    return f" (not {', '.join(name(one, 30) for one in names[:3])})" if names else ""


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
