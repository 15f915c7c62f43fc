"""All jobs by window: the order, the filter's two readings, job sets, and what is at work."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.database import Database
from engine.errors import UsageError
from engine.migration.joblist import JobList
from engine.migration.ledger import SCHEMA, Ledger
from engine.model import (
    Address,
    Evidence,
    JobQuery,
    JobSort,
    JobSpec,
    JobState,
    JobView,
    MoveKind,
    VersionPin,
    job_fits,
    parse_job_filter,
)
from engine.model.jobfilter import FIELDS


def spec(name: str, size: int = 10, to: str = "gcp", kind: MoveKind = MoveKind.MOVE) -> JobSpec:
    return JobSpec(
        Address("aws", "b", name), Address(to, "b", name), kind, size, VersionPin(f"e-{name}")
    )


@asynccontextmanager
async def ledger_in(folder: Path) -> AsyncIterator[tuple[Ledger, JobList, Database]]:
    database = Database(folder / "astra.db", [SCHEMA])
    await database.open()
    jobs = JobList(database.path)
    try:
        yield Ledger(database), jobs, database
    finally:
        await jobs.close()
        await database.close()


async def change(database: Database, job_id: str, **columns: object) -> None:
    assign = ", ".join(f"{name} = ?" for name in columns)
    values = (*columns.values(), job_id)
    await database.run(
        lambda connection: connection.execute(f"UPDATE jobs SET {assign} WHERE job_id = ?", values)
    )


async def names(jobs: JobList, query: JobQuery, live: Sequence[tuple[int, JobView]] = ()) -> str:
    found = await jobs.window(query, 0, 100, live)
    return " ".join(job.spec.source.key for job in found.jobs)


async def test_a_window_is_sorted_filtered_and_added_up(tmp_path: Path) -> None:
    async with ledger_in(tmp_path) as (ledger, jobs, database):
        ids, _ = await ledger.add("one", [spec("a", 30), spec("b", 20), spec("c", 10)])
        more, _ = await ledger.add("two", [spec("d", 40, "azure")], priority=5)
        await change(database, ids[0], state="failed", error="Connection reset", finished=50.0)
        await change(database, ids[1], state="completed", started=10.0, finished=60.0)
        await change(database, more[0], state="copying", started=70.0)
        window = await jobs.window(JobQuery(), 1, 3, ())
        assert (window.total, window.size, window.start) == (4, 100, 1)
        assert dict(window.states) == {"failed": 1, "completed": 1, "copying": 1, "queued": 1}
        assert window.count("failed", "queued") == 2
        assert [job.spec.source.key for job in window.jobs] == ["c", "a"]
        assert await names(jobs, JobQuery()) == "d c a b"
        assert await names(jobs, JobQuery(reverse=True)) == "b a c d"
        assert await names(jobs, JobQuery(sort=JobSort.SIZE)) == "d a b c"
        assert await names(jobs, JobQuery(sort=JobSort.NAME, reverse=True)) == "d c b a"
        assert await names(jobs, JobQuery(sort=JobSort.AGE)) == "d c b a"
        assert await names(jobs, JobQuery("state:failed reset")) == "a"
        assert await names(jobs, JobQuery("route:aws>azure")) == "d"
        assert await names(jobs, JobQuery("-set:two size:<=20")) == "c b"
        assert await jobs.matching("route:gcp", ("failed", "queued"), ()) == [ids[0], ids[2]]
        with pytest.raises(UsageError, match="state:lost is no state"):
            await jobs.window(JobQuery("state:lost"), 0, 10, ())


async def test_jobs_at_work_are_as_they_are_in_memory(tmp_path: Path) -> None:
    async with ledger_in(tmp_path) as (ledger, jobs, _):
        await ledger.add("one", [spec("a"), spec("b"), spec("c")])
        [record] = [r for r in await ledger.unfinished() if r.spec.source.key == "c"]
        now = replace(record.view(), state=JobState.COPYING, rate=7.0, bytes_done=5, attempt=2)
        live = [(record.seq, now)]
        window = await jobs.window(JobQuery(), 0, 10, live)
        assert window.jobs[0] == now
        assert dict(window.states) == {"copying": 1, "queued": 2}
        assert await names(jobs, JobQuery("state:running"), live) == "c"
        assert await names(jobs, JobQuery("state:queued"), live) == "a b"
        assert await names(jobs, JobQuery(sort=JobSort.SPEED), live) == "c a b"
        assert len(await jobs.matching("", ("copying",), live)) == 1
        [line] = await jobs.sets(live)
        assert (line.jobs, line.size, line.bytes_done, line.rate) == (3, 30, 3, 7.0)
        assert line.eta == pytest.approx(27 * 2 / 7)
        assert 0 < line.progress < 0.99


async def test_an_order_is_made_anew_when_the_ledger_changed(tmp_path: Path) -> None:
    async with ledger_in(tmp_path) as (ledger, jobs, _):
        await ledger.add("one", [spec("a")])
        assert (await jobs.window(JobQuery(), 0, 10, ())).total == 1
        await ledger.add("one", [spec("b")])
        async with asyncio.timeout(20):
            while (await jobs.window(JobQuery(), 0, 10, ())).total != 2:
                await asyncio.sleep(0.01)
        # More queries than are kept, and the first one again.
        for text in ("a", "b", "-a", "-b", "state:queued"):
            await jobs.window(JobQuery(text), 0, 10, ())
        assert await names(jobs, JobQuery()) == "a b"


async def test_job_sets_in_a_line_each(tmp_path: Path) -> None:
    async with ledger_in(tmp_path) as (ledger, jobs, database):
        ids, _ = await ledger.add("old", [spec("a", 30), spec("b", 20, "azure")], [0.5, 0.25])
        for job_id in ids:
            await change(
                database, job_id, state="completed", created=1.0, started=2.0, finished=9.0
            )
        new, _ = await ledger.add("new", [spec("c"), spec("d")])
        await change(database, new[0], state="cancelled", finished=5.0)
        await change(database, new[1], paused=1)
        first, second = await jobs.sets(())
        assert (first.jobset, first.finished, first.count("paused", "cancelled")) == ("new", 0, 2)
        assert first.eta == 0.0
        assert (second.jobset, second.finished, second.progress) == ("old", 9.0, 1.0)
        assert (second.saving, set(second.routes)) == (0.75, {"aws → gcp", "aws → azure"})


TEXTS = st.sampled_from(["a", "A b", "É", "reset", "x%y", "it's", "[red]", "ſ", "K"])
TERMS = st.one_of(
    TEXTS.map(lambda text: f'"{text}"'),
    st.sampled_from(
        ["state:failed", "state:run", "state:paused,queued", "state:ended", "route:aws>gcp",
         "route:aws>", "route:>azure", "route:gcp", "route:aws", "set:s1", "kind:copy",
         "evidence:none", "evidence:reread,attested", "guard:guarded", "guard:none",
         "guard:unguarded,none", "size:>15", "size:<=10", "size:0", "tries:>1", "error:reset",
         "name:a", "to:É"]
    ),
)  # fmt: skip
FILTERS = st.lists(st.tuples(st.sampled_from(["", "-"]), TERMS), max_size=3).map(
    lambda terms: " ".join(minus + term for minus, term in terms)
)
JOBS = st.tuples(
    TEXTS,
    st.sampled_from(["aws", "gcp", "azure"]),
    st.sampled_from(list(JobState)),
    st.booleans(),
    st.sampled_from(["", "Connection RESET by é"]),
    st.integers(0, 30),
    st.integers(0, 3),
    st.sampled_from(list(Evidence)),
    st.sampled_from([None, 0, 1]),
    st.sampled_from(list(MoveKind)),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=st.lists(JOBS, max_size=6), filters=st.lists(FILTERS, min_size=1, max_size=4))
def test_the_database_and_the_screen_read_a_filter_alike(
    rows: list[tuple[object, ...]], filters: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    async def compare() -> None:
        folder = tmp_path_factory.mktemp("ledger")
        async with ledger_in(folder) as (ledger, jobs, database):
            for number, row in enumerate(rows):
                name, to, state, paused, error, size, attempt, evidence, guarded, kind = row
                one = spec(f"{name}{number}", size, to, kind)  # type: ignore[arg-type]
                [job_id], _ = await ledger.add(f"s{number % 2}", [one])
                await change(
                    database, job_id, state=str(state), paused=paused, error=error,
                    attempt=attempt, evidence=str(evidence), guarded=guarded,
                )  # fmt: skip
            everything = await ledger.views()
            for text in filters:
                terms = parse_job_filter(text)
                wanted = {job.job_id for job in everything if job_fits(terms, job)}
                found = await jobs.window(JobQuery(text), 0, 100, ())
                assert {job.job_id for job in found.jobs} == wanted, text

    asyncio.run(compare())


def test_what_is_still_being_typed_is_no_term() -> None:
    for field in FIELDS:
        if field != "text":
            assert parse_job_filter(f"{field}:") == ()
    assert parse_job_filter('- "') == ()
    [term] = parse_job_filter("http://x")  # no field of ours
    assert (term.field, term.values) == ("text", ("http://x",))
    assert parse_job_filter("-a=b")[0].values == ("a=b",)
    assert parse_job_filter("size>=1KiB") == parse_job_filter("size:>=1KiB")
    assert parse_job_filter("state:q")[0].values == ("queued",)


@pytest.mark.parametrize(
    "text", ["state:nope", "kind:sell", "evidence:size", "guard:maybe", "size:>much", "tries:x"]
)
def test_a_value_that_is_none_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=text.partition(":")[0]):
        parse_job_filter(text)
