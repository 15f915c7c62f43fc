"""Whatever the sizes, the parts, the algorithm and the moment of a fault: nothing is lost."""

import asyncio
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.migration.records import decode_spec, encode_spec, job_key
from engine.model import (
    Address,
    Evidence,
    JobSpec,
    JobState,
    MoveKind,
    MoveOptions,
    VersionPin,
)
from tests.fake_s3 import Fault, Seen
from tests.migration.world import fake_stores, pattern, small_parts, two_clouds, world

names = st.text(min_size=1, max_size=20)
addresses = st.builds(Address, st.sampled_from(["a", "b"]), names, names)
pins = st.builds(
    VersionPin, names, st.floats(0, 1e10, allow_nan=False), st.integers(-1, 2**50), names
)
options = st.builds(
    MoveOptions,
    st.sampled_from(["md5", "sha256", "crc32c"]),
    st.sampled_from([Evidence.REREAD, Evidence.ATTESTED]),
    st.booleans(),
    st.booleans(),
    st.integers(1, 9),
)
specs = st.builds(
    JobSpec,
    addresses,
    addresses,
    st.sampled_from(MoveKind),
    st.integers(0, 2**45),
    pins,
    names,
    names,
    options,
)


@given(specs)
def test_a_spec_survives_the_ledger(spec: JobSpec) -> None:
    text = encode_spec(spec)
    assert text.isascii()
    assert decode_spec(text) == spec
    assert job_key(decode_spec(text)) == job_key(spec)


@given(specs, specs)
def test_a_job_key_tells_what_a_job_would_do(one: JobSpec, two: JobSpec) -> None:
    def outcome(spec: JobSpec) -> object:
        choice = spec.options
        return (
            spec.source,
            spec.destination,
            spec.kind,
            spec.pin,
            spec.to_class,
            (choice.checksum, choice.verify, choice.overwrite, choice.strict),
        )

    assert (job_key(one) == job_key(two)) == (outcome(one) == outcome(two))


faults = st.one_of(
    st.builds(Fault, reset=st.just(True), after=st.booleans()),
    st.builds(Fault, status=st.sampled_from([500, 503]), code=st.just("SlowDown")),
    st.builds(Fault, truncate=st.integers(0, 5000)),
    st.builds(Fault, flip=st.integers(0, 5000)),
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    size=st.sampled_from([0, 1, 5000, 30_000, 70_000]),
    source_part=st.sampled_from([0, 4096, 7000]),
    part=st.sampled_from([4096, 10_000, 65_536]),
    algorithm=st.sampled_from(["md5", "sha256", "crc32c"]),
    verify=st.sampled_from([Evidence.REREAD, Evidence.ATTESTED]),
    plan=st.dictionaries(st.integers(1, 25), faults, max_size=4),
)
def test_faults_at_any_moments_never_lose_or_damage_a_byte(
    size: int,
    source_part: int,
    part: int,
    algorithm: str,
    verify: Evidence,
    plan: dict[int, Fault],
) -> None:
    async def run(state: Path) -> None:
        data = pattern(size)
        with two_clouds() as fakes:
            fakes[0].state.put("b", "k", data, part_size=source_part if size else 0)
            seen = [0]

            def hook(request: Seen) -> Fault | None:
                if request.key != "k":
                    return None
                seen[0] += 1
                return plan.get(seen[0])

            async with world(state, fake_stores(*fakes)) as there:
                small_parts(there.stores["dst"], part)
                spec = await there.spec("src:b/k", "dst:b/k", checksum=algorithm, verify=verify)
                fakes[0].on_request = fakes[1].on_request = hook
                (job_id,) = await there.runner.submit("set", [spec])
                done = await there.done(job_id)
                source, copy = (fake.state.get("b", "k") for fake in fakes)
                held = [item.body for item in (source, copy) if item is not None]
                assert data in held
                if done.state is JobState.COMPLETED:
                    assert source is None
                    assert held == [data]
                    assert done.evidence is not Evidence.NONE
                else:
                    assert source is not None
                    assert source.body == data
                fakes[0].on_request = fakes[1].on_request = None
                if done.state is JobState.FAILED:
                    if copy is not None and copy.body != data:
                        return  # a damaged write whose answer was lost is no proof of ours
                    await there.runner.retry([job_id])
                    assert (await there.done(job_id)).state is JobState.COMPLETED
                assert not fakes[1].state.uploads

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))
