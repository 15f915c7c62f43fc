"""Values for the widgets to show: calm ones, and hostile ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from engine.globs import text_fits
from engine.migration.review import Review
from engine.model import (
    Address,
    Checksum,
    ClassChange,
    CloudStatus,
    Decision,
    EventOutcome,
    EventRow,
    Evidence,
    JobSpec,
    JobState,
    JobView,
    KafkaState,
    KafkaStatus,
    ListingQuery,
    ListingState,
    Move,
    MoveKind,
    ObjectDetail,
    ObjectHead,
    ObjectMeta,
    ObjectRow,
    Picked,
    Plan,
    PlanLine,
    Provider,
    RiskKind,
    Snapshot,
    SourceProof,
    Step,
    StoreKind,
    Tier,
    VersionPin,
)

NOW = 1_795_262_671.0  # 2026-11-21 12:04:31 UTC

HOSTILE = (
    "a/../b",
    "..",
    "a//b",
    "/lead",
    "trail/",
    "a b",
    " spaces ",
    "a+b",
    "a%2Fb",
    "%",
    "?",
    "#",
    "two\nlines",
    "tab\there",
    "esc\x1b[31mred",
    "clip\x1b]52;c;cm0gLXJm\x07",
    "title\x1b]0;pwned\x07",
    "c1\x9b31m and \x85 next",
    "nul\x00 del\x7f",
    "x" * 1024,
    "é" * 512,
    "café",
    "cafe\u0301",
    "zalgo" + "\u0300\u0301\u0302\u0303\u0304\u0305" * 8,
    "👩‍💻 emoji 🎉.png",
    "flag 🇩🇪 skin 👍🏽 heart ❤️",
    "漢字テスト・長い名前のファイル.csv",
    "한국어 파일.txt",
    "rtl \u202egnp.exe",
    "isolate \u2066\u2067x\u2069",
    "שלום.txt",
    "عربي.csv",
    "zero\u200bwidth\u200d\ufeff",
    "soft\u00adhyphen nbsp\u00a0x\u3000y",
    "line\u2028sep\u2029para",
    "filler\u3164blank\u2800braille",
    "tag\U000e0041\U000e007f",
    "lone\ud800surrogate\udcff",
    "private\ue000unassigned\U000e1fff",
    "CON",
    "aux.txt",
    "a[red]b.txt",
    "logs[/]x",
    "[@click=app.bell]click[/]",
    "[link=http://example.invalid]x[/link]",
    "$primary {x} %s \\[bold]",
    "$(rm -rf ~)`reboot`",
)


@dataclass
class FakeView:
    """A listing view over made-up rows; counts what it is asked for."""

    names: Sequence[str]
    query: ListingQuery = field(default_factory=ListingQuery)
    generation: int = 1
    calls: int = 0
    asked: int = 0
    folders: int = 0
    on_rows: Callable[[], None] | None = None

    def __len__(self) -> int:
        return len(self.names)

    @property
    def total_bytes(self) -> int:
        return 2_681_012_345 if len(self) else 0

    @property
    def total_cost_month(self) -> float | None:
        return 1.1523 if len(self) else 0.0

    @property
    def total_objects(self) -> int:
        return len(self)

    def rows(self, start: int, stop: int) -> Sequence[ObjectRow]:
        self.calls += 1
        stop = min(stop, len(self))
        self.asked += max(stop - start, 0)
        return [object_row(self.names[index], index) for index in range(start, stop)]

    async def load(self, start: int, stop: int) -> Sequence[ObjectRow]:
        return self.rows(start, stop)

    async def pick(self, text: str, start: int, stop: int) -> Picked:
        rows = [row for row in self.rows(start, stop) if not text or text_fits(row.key, text)]
        return Picked(tuple(row.key for row in rows), tuple(row.size for row in rows))

    async def find(self, keys: Sequence[str]) -> Sequence[int | None]:
        return [self.names.index(key) if key in self.names else None for key in keys]


class ManyNames(Sequence[str]):
    """A million names and not one of them stored."""

    def __init__(self, count: int) -> None:
        self.number = count

    def __len__(self) -> int:
        return self.number

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return f"logs/2026/part-{index:07}.parquet"

    def index(self, value, start=0, stop=None):  # type: ignore[no-untyped-def]
        return int(value[-15:-8])


def object_row(name: str, index: int) -> ObjectRow:
    tier = tuple(Tier)[index % 4]
    target = Tier.ARCHIVE if index % 3 == 0 and tier is not Tier.ARCHIVE else None
    age = (0.01, 0.4, 12.0, 45.5, 123.0, 400.0, 1500.0)[index % 7]
    return ObjectRow(
        key=name,
        size=(0, 812, 2_621_440, 10_485_760, 5_368_709_120)[index % 5],
        modified=NOW - age * 86400,
        age_days=age,
        storage_class=("STANDARD", "STANDARD_IA", "GLACIER_IR", "DEEP_ARCHIVE")[index % 4],
        tier=tier,
        cost_month=(0.0, 0.00002, 0.0058, 0.23, 123.456, None)[index % 6],
        reads_30d=(0, 3, 1204, 0)[index % 4],
        idle_days=age / 2,
        target_class="DEEP_ARCHIVE" if target else "",
        target_tier=target,
        busy=index == 4,
    )


CALM = (
    "archived_logs_2022.log",
    "backup_database_Q2.zip",
    "customer_transactions.csv",
    "financial_records_2023.csv",
    "monthly_report_october.pdf",
    "photos/2026/08/beach-at-dawn.jpg",
    "photos/2026/08/harbour.jpg",
    "temp_upload_0017.part",
    "web/assets/css/site.min.css",
    "a-very/long/prefix/that-goes-on/and-on/until/nobody/reads/it/any-more/report_final_v7.docx",
)


def cloud_status(**changes: object) -> CloudStatus:
    status = CloudStatus(
        name="aws",
        kind=StoreKind.S3,
        provider=Provider.AWS,
        region="us-east-1",
        bucket="prod-data",
        state=ListingState.READY,
        objects=1204,
        bytes=2_681_012_345,
        cost_month=1.1523,
        generation=1,
    )
    return replace(status, **changes)  # type: ignore[arg-type]


def kafka_status(**changes: object) -> KafkaStatus:
    status = KafkaStatus(
        KafkaState.CONNECTED, "127.0.0.1:40213", True, events_total=48_211, rejected_total=3,
        events_per_second=1203.6,
    )  # fmt: skip
    return replace(status, **changes)  # type: ignore[arg-type]


def event_row(number: int, **changes: object) -> EventRow:
    operation = ("GET", "PUT", "GET", "DELETE", "HEAD")[number % 5]
    row = EventRow(
        number=number,
        time=NOW - 600 + number,
        topic="access_events",
        partition=0,
        offset=number,
        outcome=EventOutcome.ACCEPTED,
        operation=operation,
        subject=f"aws:prod-data/{CALM[number % len(CALM)]}",
        detail=f"{number % 7 + 1} × from 10.0.0.{number % 250}",
        raw=b"{}",
    )
    if number % 9 == 4:
        row = replace(
            row, outcome=EventOutcome.REJECTED, operation="", subject="", raw=b"\x1b[2Jnot json",
            detail="bad JSON at byte 0: \x1b[2Jnot json",
        )  # fmt: skip
    return replace(row, **changes)  # type: ignore[arg-type]


@dataclass
class FakeFeed:
    """A feed of made-up messages; counts what it is asked to decode."""

    first: int = 0
    last: int = -1
    decoded: int = 0
    hostile: bool = False

    def row(self, number: int) -> EventRow:
        self.decoded += 1
        row = event_row(number)
        if self.hostile:
            name = HOSTILE[number % len(HOSTILE)]
            return replace(row, operation=name[:9], subject=name, detail=name, topic=name)
        return row

    def window(self, count: int, *, end: int | None = None, text: str = "") -> Sequence[EventRow]:
        newest = self.last if end is None else min(end, self.last)
        found: list[EventRow] = []
        for number in range(newest, self.first - 1, -1):
            if len(found) == count:
                break
            row = self.row(number)
            if text.lower() in f"{row.subject} {row.detail}".lower():
                found.append(row)
        return found[::-1]

    def newer(self, text: str, after: int) -> int:
        return len([row for row in self.window(10_000, text=text) if row.number > after])


def job(name: str, state: JobState, **changes: object) -> JobView:
    source = Address("aws", "prod-data", name)
    spec = JobSpec(
        source=source,
        destination=Address("gcp", "cold-data", f"moved/{name}"),
        kind=MoveKind.MOVE,
        size=10_485_760,
        pin=VersionPin("b0e72c21f3a94c6d8e5b7a1029384756", NOW - 9e6, 10_485_760, "v-17"),
        from_class="STANDARD",
        to_class="NEARLINE",
    )
    view = JobView(
        job_id=f"job-{name}",
        job_key="k-5b1d9e",
        jobset="set-1",
        spec=spec,
        state=state,
        attempt=1,
        created=NOW - 65,
        started=NOW - 60,
    )
    return replace(view, **changes)  # type: ignore[arg-type]


MD5 = "b0e72c21f3a94c6d8e5b7a1029384756"


def jobs() -> list[JobView]:
    mib = 1 << 20
    done = job(
        "archived_logs_2022.log",
        JobState.COMPLETED,
        step=Step.DELETE,
        bytes_done=10 * mib,
        checksum_source=MD5,
        checksum_destination=MD5,
        evidence=Evidence.REREAD,
        source_proof=SourceProof.ATTESTED,
        guarded=True,
        finished=NOW - 3,
        destination_pin=VersionPin("aa17", NOW - 5, 10 * mib, "1795262600123"),
        step_seconds=(0.82, 0.03, 1.2, 61.0, 0.09),
    )
    return [
        job("backup_database_Q2.zip", JobState.COPYING, step=Step.UPLOAD, bytes_done=6 * mib,
            rate=48 * mib, eta=185),
        job("customer_transactions.csv", JobState.VERIFYING, step=Step.VERIFY, bytes_done=9 * mib,
            rate=112 * mib, eta=0.4, evidence=Evidence.REREAD),
        job("photos/2026/08/harbour.jpg", JobState.SWITCHING, step=Step.DELETE),
        job("cold/deep.tar", JobState.RESTORING),
        job("monthly_report_october.pdf", JobState.QUEUED),
        job("web/assets/css/site.min.css", JobState.QUEUED, paused=True),
        job("throttled.bin", JobState.QUEUED, attempt=2, retry_at=NOW + 12,
            error="503 Slow Down from gcp:cold-data"),
        done,
        replace(done, job_id="job-kept", guarded=False, source_proof=SourceProof.UNATTESTED,
                spec=replace(done.spec, kind=MoveKind.COPY, source=Address("aws", "b", "kept"))),
        job("corrupt.bin", JobState.FAILED, step=Step.VERIFY, checksum_source=MD5,
            checksum_destination="0" * 32, error="The copy differs from the source: md5 " + MD5
            + f" here, {'0' * 32} there. The copy was removed, the source kept.",
            error_todo="Retry the job; if it fails again, check the destination's disk.",
            step_seconds=(0.8, 0.02, 1.1, 0.9, 0.0), finished=NOW - 10,
            notes=("attempt 1: connection reset by peer", "attempt 2: copy rolled back")),
        job("temp_upload_0017.part", JobState.CANCELLED, error="cancelled by the operator"),
    ]  # fmt: skip


def snapshot(**changes: object) -> Snapshot:
    value = Snapshot(
        revision=1,
        time=NOW,
        clouds=(
            cloud_status(),
            cloud_status(name="gcp", region="us-west1", bucket="cold-data"),
            cloud_status(name="azure", state=ListingState.LOADING, region="eu-west-1"),
        ),
        kafka=kafka_status(),
        job_counts=(("copying", 1), ("verifying", 1), ("switching", 1), ("queued", 14),
                    ("completed", 120), ("failed", 2)),
        rate=48 * (1 << 20),
        eta=185,
        cost_month=1.1523,
        projected_month=0.3442,
    )  # fmt: skip
    return replace(value, **changes)  # type: ignore[arg-type]


def move(name: str, **changes: object) -> Move:
    value = Move(
        source=Address("aws", "prod-data", name),
        destination=Address("gcp", "cold-data", name),
        kind=MoveKind.MOVE,
        size=10_485_760,
        pin=VersionPin(MD5),
        from_class="STANDARD",
        to_class="NEARLINE",
        from_tier=Tier.HOT,
        to_tier=Tier.COLD,
        reason="Not read for 123 days; COLD costs less than HOT from 90 days on.",
        saving_per_month=0.0123,
        one_time_cost=0.0009,
        cost_lines=(("egress 10 MiB", 0.0008), ("1 PUT", 0.0001)),
    )
    return replace(value, **changes)  # type: ignore[arg-type]


def plan() -> Plan:
    in_place = {
        "destination": Address("aws", "prod-data", "x"),
        "kind": MoveKind.TIER,
        "to_class": "DEEP_ARCHIVE",
        "to_tier": Tier.ARCHIVE,
    }
    return Plan(
        plan_id="p1",
        title="Apply 8 decisions",
        created=NOW,
        policy="rules",
        moves=(
            move(CALM[0]),
            move(CALM[1], size=5_368_709_120, saving_per_month=1.42, one_time_cost=0.61),
            move(
                CALM[2],
                losses=("tag cost-centre",),
                risks=("no conditional delete here",),
                kinds=(RiskKind.UNGUARDED, RiskKind.LOSSES),
            ),
            move(CALM[3], kinds=(RiskKind.UNPRICED,), saving_per_month=None, one_time_cost=None),
            move(CALM[4], refused="gcp cannot hold this key: it has a segment '..'"),
            move(CALM[5], **in_place, saving_per_month=-0.02, one_time_cost=0.0),
            move(CALM[6], **in_place, risks=("minimum of 180 days",), kinds=(RiskKind.MINIMUM,)),
            move(CALM[9], **in_place),
        ),
        warnings=("1 price is unknown",),
    )


class Lines:
    """The lines of a review, all of them here."""

    def __init__(self, review: Review) -> None:
        self.review = review

    def __len__(self) -> int:
        return self.review.view().lines

    def rows(self, start: int, stop: int) -> Sequence[PlanLine | None]:
        return self.review.lines(start, stop)


def reviewed(shown: Plan) -> Lines:
    return Lines(Review(shown))


def detail() -> ObjectDetail:
    head = ObjectHead(
        key="photos/2026/08/harbour.jpg",
        size=2_621_440,
        pin=VersionPin(MD5, NOW - 45.5 * 86400, 2_621_440, "3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrH"),
        storage_class="STANDARD",
        meta=ObjectMeta(
            content_type="image/jpeg",
            cache_control="max-age=3600",
            user=(("camera", "X100"), ("note", "esc \x1b[31m[red]x")),
            tags=(("project", "harbour"), ("owner", "ops")),
        ),
        checksums=(
            Checksum("md5", MD5),
            Checksum("crc32c", "1a2b3c4d"),
            Checksum("sha256", "ab" * 32, computed_by_provider=False),
        ),
    )
    decision = Decision(
        Address("aws", "prod-data", head.key), "STANDARD", "STANDARD_IA", Tier.HOT, Tier.WARM,
        "Last read 23 days ago, 45 days old: between 30 and 90 days WARM is the rule.",
        0.0123, "rules", "1", "Prices of 2026-11-01; no more than one read a month.",
        decided_at=NOW - 100,
    )  # fmt: skip
    return ObjectDetail(
        address=Address("aws", "prod-data", head.key),
        head=head,
        tier=Tier.HOT,
        cost_month=0.0575,
        age_days=45.5,
        idle_days=2.2,
        reads_30d=412,
        daily_reads=tuple((day * day * 7) % 31 for day in range(90)),
        class_costs=(
            ("STANDARD", Tier.HOT, 0.0575),
            ("STANDARD_IA", Tier.WARM, 0.0313),
            ("GLACIER_IR", Tier.COLD, 0.01),
            ("DEEP_ARCHIVE", Tier.ARCHIVE, 0.0025),
            ("EXPRESS_ONEZONE", Tier.HOT, None),
        ),
        decisions=(decision,),
        jobs=(jobs()[7],),
        changes=(
            ClassChange("STANDARD", Tier.HOT, 0.0575, here=True),
            ClassChange(
                "STANDARD_IA", Tier.WARM, 0.0313, saving=0.0262, once=0.01,
                lines=(("class change: 1 request into aws STANDARD_IA", 0.01),),
                payback_months=0.38,
            ),
            ClassChange("GLACIER_IR", Tier.COLD, 0.01, saving=0.0475, once=0.2, payback_months=4.2),
            ClassChange("DEEP_ARCHIVE", Tier.ARCHIVE, 4.0, readable=False, saving=-3.9, once=0.05),
            ClassChange("EXPRESS_ONEZONE", Tier.HOT, None, saving=None, once=None,
                        refused="aws has no class 'EXPRESS_ONEZONE' that is known"),
        ),
        as_of=NOW,
    )  # fmt: skip
