"""Plain values for frozen pictures of the console: nothing in them moves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from engine.globs import text_fits
from engine.model import (
    Address,
    Check,
    CheckState,
    ClassChange,
    CloudStatus,
    Decision,
    EventOutcome,
    EventRow,
    EventStatistics,
    Evidence,
    JobSpec,
    JobState,
    JobView,
    KafkaState,
    KafkaStatus,
    ListingQuery,
    ListingState,
    MessageDetail,
    MessageEffect,
    MigrationStatistics,
    Move,
    MoveKind,
    ObjectDetail,
    ObjectHead,
    ObjectMeta,
    ObjectRow,
    PartitionStatus,
    Picked,
    Plan,
    Provider,
    RiskKind,
    RouteStatistics,
    Snapshot,
    SortKey,
    SourceProof,
    Step,
    StoreKind,
    Tier,
    TopicStatus,
    VersionPin,
)

NOW = 1_795_262_671.0  # 2026-11-21 12:04:31 UTC
MD5 = "b0e72c21f3a94c6d8e5b7a1029384756"
MIB = 1 << 20

CALM = (
    ("archived_logs_2022.log", 12_582_912, 1312.0, Tier.COLD, 0.00005, 0, Tier.ARCHIVE),
    ("backup_database_Q2.zip", 10_485_760, 203.0, Tier.HOT, 0.00024, 1, Tier.ARCHIVE),
    ("customer_transactions.csv", 2_621_440, 3.0, Tier.HOT, 0.00006, 1204, None),
    ("docs/readme.md", 812, 0.4, Tier.HOT, 0.00000002, 12, None),
    ("empty.flag", 0, 45.0, Tier.HOT, 0.0, 0, Tier.WARM),
    ("financial_records_2023.csv", 5_242_880, 402.0, Tier.WARM, 0.00012, 3, Tier.COLD),
    ("monthly_report_october.pdf", 1_048_576, 21.0, Tier.HOT, 0.00002, 7, None),
    ("photos/2026/08/beach-at-dawn.jpg", 3_565_158, 93.0, Tier.HOT, 0.00008, 2, Tier.WARM),
    ("photos/2026/08/harbour.jpg", 2_983_001, 93.0, Tier.HOT, 0.00007, 0, Tier.WARM),
    ("temp_upload_0017.part", 734_003, 9.0, Tier.HOT, 0.00002, 0, Tier.COLD),
)

HOSTILE = (
    "a[red]b.txt",
    "logs[/]x",
    "[@click=app.bell]click[/]",
    "esc\x1b[31mred.csv",
    "clip\x1b]52;c;cm0gLXJm\x07.csv",
    "two\nlines.txt",
    "rtl \u202egnp.exe",
    "zero\u200bwidth",
    " spaces ",
    "漢字テスト.csv",
    "x" * 300,
    "nul\x00del\x7f",
)


def object_rows(names: Sequence[str] = ()) -> list[ObjectRow]:
    """The calm objects, or as many with other names."""
    rows = []
    table = [CALM[i % len(CALM)] for i in range(len(names))] if names else CALM
    for index, (key, size, age, tier, cost, reads, target) in enumerate(table):
        rows.append(
            ObjectRow(
                key=names[index] if names else key,
                size=size,
                modified=NOW - age * 86400,
                age_days=age,
                storage_class={"HOT": "STANDARD", "WARM": "STANDARD_IA"}.get(tier, "GLACIER_IR"),
                tier=tier,
                cost_month=cost * 1000,
                reads_30d=reads,
                idle_days=age / 2,
                target_class="GLACIER_IR" if target else "",
                target_tier=target,
                busy=index == 1,
            )
        )
    return rows


def in_folder(rows: Sequence[ObjectRow], folder: str) -> list[ObjectRow]:
    """The objects of one folder, and its folders with the sums over what is in them."""
    below: dict[str, list[ObjectRow]] = {}
    here: list[ObjectRow] = []
    for row in rows:
        if not row.key.startswith(folder):
            continue
        end = row.key.find("/", len(folder)) + 1
        if end:
            below.setdefault(row.key[:end], []).append(row)
        else:
            here.append(row)
    for name, members in below.items():
        costs = [row.cost_month for row in members]
        youngest = min(members, key=lambda row: row.age_days)
        here.append(
            replace(
                youngest,
                key=name,
                size=sum(row.size for row in members),
                storage_class="",
                cost_month=None if None in costs else sum(cost or 0 for cost in costs),
                reads_30d=sum(row.reads_30d for row in members),
                idle_days=min(row.idle_days for row in members),
                target_class="",
                target_tier=None,
                busy=any(row.busy for row in members),
                objects=len(members),
            )
        )
    return here


@dataclass
class View:
    """A listing view over a few rows, really sorted and filtered."""

    all_rows: Sequence[ObjectRow]
    query: ListingQuery
    generation: int = 1
    on_rows: Callable[[], None] | None = None

    def __post_init__(self) -> None:
        order = {
            SortKey.NAME: lambda row: row.key,
            SortKey.SIZE: lambda row: row.size,
            SortKey.AGE: lambda row: row.age_days,
            SortKey.TIER: lambda row: list(Tier).index(row.tier),
            SortKey.COST: lambda row: row.cost_month,
            SortKey.ACCESSES: lambda row: row.reads_30d,
            SortKey.IDLE: lambda row: row.idle_days,
            SortKey.CLASS: lambda row: row.storage_class,
            SortKey.OBJECTS: lambda row: 1 if row.objects is None else row.objects,
        }[self.query.sort]
        text = self.query.text.strip("*").lower()
        found = [row for row in self.all_rows if text in row.key.lower()]
        if self.query.folder is not None:
            found = in_folder(found, self.query.folder)
        self._rows = sorted(found, key=order, reverse=self.query.descending)
        if not self.query.mixed:
            self._rows.sort(key=lambda row: row.objects is None)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def folders(self) -> int:
        return sum(row.objects is not None for row in self._rows)

    @property
    def total_objects(self) -> int:
        return sum(1 if row.objects is None else row.objects for row in self._rows)

    @property
    def total_bytes(self) -> int:
        return sum(row.size for row in self._rows)

    @property
    def total_cost_month(self) -> float | None:
        return sum(row.cost_month or 0 for row in self._rows)

    def rows(self, start: int, stop: int) -> Sequence[ObjectRow]:
        return self._rows[start:stop]

    async def load(self, start: int, stop: int) -> Sequence[ObjectRow]:
        return self.rows(start, stop)

    async def pick(self, text: str, start: int, stop: int) -> Picked:
        found = [row for row in self._rows[start:stop] if not text or text_fits(row.key, text)]
        counts = tuple(row.objects for row in found) if self.folders else ()
        return Picked(tuple(row.key for row in found), tuple(row.size for row in found), counts)

    async def find(self, keys: Sequence[str]) -> Sequence[int | None]:
        places = {row.key: place for place, row in enumerate(self._rows)}
        return [places.get(key) for key in keys]


def cloud(name: str, **changes: object) -> CloudStatus:
    provider = {"aws": Provider.AWS, "gcp": Provider.GCP, "azure": Provider.AZURE}.get(
        name, Provider.ONPREM
    )
    region = {"aws": "us-east-1", "gcp": "us-west1", "azure": "westeurope"}.get(name, "")
    status = CloudStatus(
        name=name,
        kind=StoreKind.S3,
        provider=provider,
        region=region,
        bucket=f"{name}-data",
        state=ListingState.READY,
        objects=len(CALM),
        bytes=sum(row[1] for row in CALM),
        cost_month=0.64,
        projected_month=0.21,
        by_tier=((Tier.HOT, 8, 21_436_348), (Tier.WARM, 1, 5_242_880), (Tier.COLD, 1, 12_582_912)),
        generation=1,
    )
    return replace(status, **changes)  # type: ignore[arg-type]


def kafka(**changes: object) -> KafkaStatus:
    status = KafkaStatus(
        KafkaState.CONNECTED, "127.0.0.1:40213", True, events_total=48_211, rejected_total=3,
        events_per_second=1203.6,
    )  # fmt: skip
    return replace(status, **changes)  # type: ignore[arg-type]


@dataclass
class Feed:
    """A feed of made-up messages."""

    first: int = 0
    last: int = 40
    hostile: bool = False
    every: int = 9  # so many messages for one that is rejected

    def window(
        self, count: int, *, end: int | None = None, text: str = "", after: int = -1
    ) -> Sequence[EventRow]:
        newest = self.last if end is None else min(end, self.last)
        rows = [self.row(n) for n in range(max(self.first, after + 1), newest + 1)]
        return [row for row in rows if text.lower() in f"{row.subject}{row.detail}".lower()][
            -count:
        ]

    def newer(self, text: str, after: int) -> int:
        return len(self.window(10_000, text=text, after=after))

    def row(self, number: int) -> EventRow:
        names = HOSTILE if self.hostile else [row[0] for row in CALM]
        name = names[number % len(names)]
        row = EventRow(
            number=number, time=NOW - 40 + number, topic="access_events", partition=0,
            offset=number, outcome=EventOutcome.ACCEPTED,
            operation=("GET", "GET", "PUT", "GET", "DELETE")[number % 5],
            subject=f"aws:aws-data/{name}", detail=f"{number % 7 + 1} reads",
            raw=b'{"specversion":"1.0","type":"access","data":{"count":3,"op":"GET"}}',
        )  # fmt: skip
        if number % self.every == 4 % self.every:
            return replace(
                row, outcome=EventOutcome.REJECTED, operation="", subject="",
                detail="bad JSON at byte 0", raw=b"\x1b[2Jnot json \x1b]0;pwned\x07\xff\xfe",
            )  # fmt: skip
        return row


def message_detail(feed: Feed, number: int) -> MessageDetail | None:
    """A message of that feed in full; None if it is not kept."""
    if not feed.first <= number <= feed.last:
        return None
    row = feed.row(number)
    if row.outcome is EventOutcome.REJECTED:
        effects = (MessageEffect("nothing: it was rejected"),)
    else:
        address = (
            Address.parse(row.subject) if not feed.hostile else Address("aws", "b", row.subject)
        )
        effects = (
            MessageEffect("counted as 3 reads", address, Tier.HOT, "STANDARD", 412, listed=True),
        )
    return MessageDetail(
        row, (("source", b"gateway-7"), ("trace\x1b[2J", b"\xff\x00[red]")), row.time + 2.5,
        row.time + 2.6, len(row.raw), "a CloudEvent", effects, 0, max(number - 10, 0), number + 10,
    )  # fmt: skip


def event_statistics(seconds: int = 0) -> EventStatistics:
    """Four topics of a busy quarter of an hour."""
    past = tuple(900 + (second * 37) % 500 + (second > seconds * 0.7) * 700
                 for second in range(seconds))  # fmt: skip
    bad = tuple(int(second % 40 == 7) * 30 for second in range(seconds))
    parts = tuple(
        PartitionStatus(number, 12_000 + number, 12_000 + number + 150 * number)
        for number in range(4)
    )
    return EventStatistics(
        NOW,
        (
            TopicStatus("access_events", "accesses", 48_211, 3, 1203.6, NOW - 1, parts, past, bad),
            TopicStatus("migration_jobs", "job requests", 2, 1, 0.0, NOW - 900, parts[:1]),
            TopicStatus("migration_status", "job states", 512, 0, 2.4, NOW - 3),
            TopicStatus("recommendations", "decisions", 0, 0, 0.0, 0.0),
        ),
        (
            ("no cloud is named … in the configuration", 30),
            ("not JSON: Expecting value at character …", 9),
            ("its time \x1b[2J… is in the future", 1),
        ),
    )


def job(name: str, state: JobState, **changes: object) -> JobView:
    spec = JobSpec(
        source=Address("aws", "aws-data", name),
        destination=Address("gcp", "gcp-data", name),
        kind=MoveKind.MOVE,
        size=10 * MIB,
        pin=VersionPin(MD5, NOW - 9e6, 10 * MIB),
        from_class="STANDARD",
        to_class="NEARLINE",
    )
    view = JobView(
        job_id=f"job-{name[:8]}", job_key="k-5b1d9e", jobset="set-1", spec=spec, state=state,
        attempt=1, created=NOW - 65, started=NOW - 60,
    )  # fmt: skip
    return replace(view, **changes)  # type: ignore[arg-type]


def jobs() -> tuple[JobView, ...]:
    done = job(
        "archived_logs_2022.log", JobState.COMPLETED, step=Step.DELETE, checksum_source=MD5,
        checksum_destination=MD5, evidence=Evidence.REREAD, source_proof=SourceProof.ATTESTED,
        guarded=True, finished=NOW - 3, step_seconds=(0.82, 0.03, 1.2, 61.0, 0.09),
    )  # fmt: skip
    failed = job(
        "corrupt.bin", JobState.FAILED, step=Step.VERIFY, checksum_source=MD5,
        checksum_destination="0" * 32, finished=NOW - 10, attempt=3,
        error="The copy differs from the source.", step_seconds=(0.8, 0.02, 1.1, 0.9, 0.0),
        error_todo="Retry the job; if it fails again, check the destination.",
        notes=("attempt 1: connection reset by peer", "attempt 2: copy rolled back"),
    )  # fmt: skip
    return (
        job("backup_database_Q2.zip", JobState.COPYING, step=Step.UPLOAD, bytes_done=6 * MIB,
            rate=48.0 * MIB, eta=185),
        job("customer_transactions.csv", JobState.VERIFYING, step=Step.VERIFY,
            bytes_done=9 * MIB, rate=112.0 * MIB, eta=4),
        job("monthly_report_october.pdf", JobState.QUEUED),
        done,
        failed,
    )  # fmt: skip


def snapshot(**changes: object) -> Snapshot:
    value = Snapshot(
        revision=1,
        time=NOW,
        clouds=(cloud("aws"), cloud("gcp"), cloud("azure")),
        kafka=kafka(),
        jobs=jobs(),
        job_counts=(("copying", 1), ("verifying", 1), ("queued", 1), ("completed", 1),
                    ("failed", 1)),
        rate=160.0 * MIB,
        bytes_left=25 * MIB,
        eta=185,
        cost_month=1.92,
        projected_month=0.63,
        decisions=21,
        policy="rules",
        statistics=MigrationStatistics(
            attempted=2, successful=1, failed=1, bytes=10 * MIB, seconds=66.0,
            saving_per_month=0.12, routes=(RouteStatistics("aws → gcp", 2, 1, 1, 10 * MIB),),
        ),
    )  # fmt: skip
    return replace(value, **changes)  # type: ignore[arg-type]


def quiet(**changes: object) -> Snapshot:
    """A snapshot in which nothing runs."""
    base = snapshot(jobs=(), job_counts=(), rate=0.0, eta=0.0, bytes_left=0)
    return replace(base, **changes)  # type: ignore[arg-type]


def move(name: str, **changes: object) -> Move:
    value = Move(
        source=Address("aws", "aws-data", name),
        destination=Address("gcp", "gcp-data", name),
        kind=MoveKind.MOVE,
        size=10 * MIB,
        pin=VersionPin(MD5),
        from_class="STANDARD",
        to_class="NEARLINE",
        from_tier=Tier.HOT,
        to_tier=Tier.WARM,
        reason="Not read for 123 days; WARM costs less than HOT from 30 days on.",
        saving_per_month=0.0123,
        one_time_cost=0.0009,
        cost_lines=(("egress 10 MiB", 0.0008), ("1 PUT", 0.0001)),
    )
    return replace(value, **changes)  # type: ignore[arg-type]


def plan() -> Plan:
    in_place = {
        "destination": Address("aws", "aws-data", "x"),
        "kind": MoveKind.TIER,
        "to_class": "GLACIER_IR",
        "to_tier": Tier.COLD,
    }
    return Plan(
        plan_id="p1",
        title="Carry out 6 decisions",
        created=NOW,
        policy="rules",
        moves=(
            move(CALM[0][0]),
            move(CALM[1][0], size=5 * 1024 * MIB, saving_per_month=1.42, one_time_cost=0.61),
            move(
                CALM[2][0],
                losses=("tag cost-centre",),
                risks=("unguarded delete: aws cannot",),
                kinds=(RiskKind.UNGUARDED, RiskKind.LOSSES),
            ),
            move(HOSTILE[3], refused="gcp cannot hold this key"),
            move(CALM[5][0], **in_place, saving_per_month=-0.02, one_time_cost=0.0),
            move(CALM[7][0], **in_place, risks=("minimum of 90 days",), kinds=(RiskKind.MINIMUM,)),
        ),
        warnings=("1 of 6 objects cannot be moved.",),
    )


def decisions() -> list[Decision]:
    return [
        Decision(
            Address("aws", "aws-data", row[0]), "STANDARD", "GLACIER_IR", row[3], row[6],
            "Not read for 123 days.", 0.0123, "rules", "1",
        )
        for row in CALM
        if row[6] is not None
    ]  # fmt: skip


def detail(address: Address) -> ObjectDetail:
    head = ObjectHead(
        key=address.key,
        size=2_621_440,
        pin=VersionPin(MD5, NOW - 45.5 * 86400, 2_621_440),
        storage_class="STANDARD",
        meta=ObjectMeta(
            content_type="image/jpeg",
            user=(("camera", "X100"), ("note", "esc \x1b[31m[red]x")),
            tags=(("project", "harbour"),),
        ),
    )
    return ObjectDetail(
        address=address, head=head, tier=Tier.HOT, cost_month=0.0575, age_days=45.5,
        idle_days=2.2, reads_30d=412,
        daily_reads=tuple((day * day * 7) % 31 for day in range(60)),
        class_costs=(
            ("STANDARD", Tier.HOT, 0.0575),
            ("STANDARD_IA", Tier.WARM, 0.0313),
            ("GLACIER_IR", Tier.COLD, 0.01),
            ("DEEP_ARCHIVE", Tier.ARCHIVE, 0.0025),
        ),
        decisions=tuple(decisions()[:1]),
        changes=(
            ClassChange("STANDARD", Tier.HOT, 0.0575, here=True),
            ClassChange("STANDARD_IA", Tier.WARM, 0.0313, False, True, 0.0262, 0.01,
                        (("class change: 1 request into aws STANDARD_IA", 0.01),), 0.38),
            ClassChange("GLACIER_IR", Tier.COLD, 0.01, False, True, 0.0475, 0.02,
                        (("class change: 1 request into aws GLACIER_IR", 0.02),), 0.42),
            ClassChange("DEEP_ARCHIVE", Tier.ARCHIVE, 4.0025, False, False, -3.945, 0.05,
                        (("class change: 1 request into aws DEEP_ARCHIVE", 0.05),)),
            ClassChange("REDUCED", Tier.HOT, None, False, True, None, None, (), None,
                        "aws has no class 'REDUCED' that is known"),
        ),
        as_of=NOW,
    )  # fmt: skip


def checks(*more: Check) -> tuple[Check, ...]:
    """What a doctor finds in a healthy world, and what else is given."""
    ok = CheckState.OK
    return (
        Check("aws", "reachable", ok, "aws us-east-1"),
        Check("aws", "list", ok, "aws-data: 1000 or more objects."),
        Check("kafka", "broker", ok, "The broker at kafka-1:9092 answers."),
        Check("state", "directory", ok, "/home/op/state can be written; 12.0 GiB are free."),
        *more,
    )


from tests.console.job_world import jobsets, rates, story, summary  # noqa: E402, F401 - as one world
