"""From a policy to the rules that one provider can run, and to what they cannot say."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.errors import UsageError
from engine.lifecycle import names
from engine.lifecycle.model import Clock, Gap, Lifecycle, Rule, Schedule, Step, told
from engine.lifecycle.probe import HORIZON, Subject, decided, follow
from engine.lifecycle.sizes import SIZES, common_of, others, typical
from engine.model import Provider
from engine.pricing.columns import ClassTable
from engine.tiering.shape import Policy, times

_KIB = 1024
_PLAIN = "0"  # a name that no rule for names means
_READS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 1000.0)
_MAX_BANDS = 4  # rules for sizes, else the schedule of most sizes serves
_MANY = 8
_IA_DAYS = 30  # S3: in STANDARD before an IA class, and there before the next one
_IA = ("STANDARD_IA", "ONEZONE_IA")
_SMALL = 128 * _KIB  # S3: nothing smaller goes into the classes that bill as much
_LARGE = (*_IA, "GLACIER_IR", "INTELLIGENT_TIERING")
_PREFIXES = {Provider.AWS: 16, Provider.GCP: names.MAX_SPELLINGS, Provider.AZURE: 10}
_WHO = {Provider.AWS: "S3", Provider.GCP: "Google", Provider.AZURE: "Azure"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is exported, for whom. `clock` None: what the policy itself goes by. With
    `archive` False, no step leads to a class that needs a restore."""

    provider: Provider
    region: str = ""
    bucket: str = ""
    prefix: str = ""
    clock: Clock | None = None
    archive: bool = True


def derive(policy: Policy, table: ClassTable, wanted: Wanted) -> Lifecycle:
    """The lifecycle of a policy with the classes and prices of a table.

    Asks the policy about made-up objects (see `engine.lifecycle.probe`): a second or two of
    computation, for a thread. Raises UsageError if no rule of that provider says anything of it.
    """
    return _Deriving(policy, table, wanted).lifecycle()


class _Deriving:
    def __init__(self, policy: Policy, table: ClassTable, wanted: Wanted) -> None:
        self.policy, self.table, self.wanted = policy, table, wanted
        self.gaps: list[Gap] = []
        self.who = _WHO.get(wanted.provider, str(wanted.provider))
        self.plain: list[Schedule] = []
        default = next((p.name for p in table.prices if p.default), table.prices[0].name)
        self.start = table.code(default)

    def lifecycle(self) -> Lifecycle:
        if self.wanted.provider is Provider.AZURE and self.wanted.prefix and not self.wanted.bucket:
            raise UsageError(
                "Azure's prefixes begin with the container.", todo="Name it, with --bucket."
            )
        plain = self.plain = self._follow([_PLAIN])[0]
        if not any(plain):
            raise UsageError(
                f"Policy {self.policy.name} sends nothing to a colder class that nobody reads, "
                f"so there is nothing that {self.who} could do by itself.",
                safe="Nothing was written.",
                todo="Export another policy with --policy, such as rules.",
            )
        clock = self._clock()
        chosen = self.wanted.clock or clock
        automatic = ""
        if chosen is Clock.ACCESS and self.wanted.provider is not Provider.AZURE:
            automatic, rules = self._automatic(plain, clock)
        else:
            rules = self._rules(plain)
            if clock is not chosen:
                self._gap(
                    f"Days are counted from {_FROM[clock]}",
                    f"the rules asked for count from {_FROM[chosen]}",
                    "objects that are read go later or earlier than by the policy",
                )
        if chosen is Clock.AGE:
            self._reads(plain)
        elif not automatic:
            self._gap(
                "What is read comes back from every class, if that pays",
                "Azure takes back from Cool alone, at every read, once in 30 days",
                "what has gone further stays there",
            )
        self._one_way(chosen)
        return Lifecycle(
            provider=self.wanted.provider,
            region=self.wanted.region,
            bucket=self.wanted.bucket,
            prefix=self.wanted.prefix,
            policy=self.policy.name,
            policy_version=self.policy.version,
            clock=chosen,
            rules=rules,
            gaps=tuple(self.gaps),
            automatic=automatic,
        )

    # -- asking -------------------------------------------------------------------------

    def _follow(
        self, keys: Sequence[str], *, days: Sequence[int] = (), idle: bool = True
    ) -> list[list[Schedule]]:
        """For each key the schedules of all sizes."""
        subjects = [Subject(key, size, self.start) for key in keys for size in SIZES]
        flat = follow(self.policy, self.table, subjects, days=days, idle=idle)
        return [list(flat[i : i + len(SIZES)]) for i in range(0, len(flat), len(SIZES))]

    def _clock(self) -> Clock:
        """By accesses, if an object that is touched all the time is treated otherwise."""
        touched = self._follow([_PLAIN], idle=False)[0]
        return Clock.AGE if touched == self.plain else Clock.ACCESS

    def _bands(self) -> list[Rule]:
        """Ranges of sizes with one schedule each, smallest first; more than are of use if the
        schedule depends on every byte."""
        days = sorted({step.days for steps in self.plain for step in steps})
        starts = [(0, self.plain[0])]
        for index in range(1, len(SIZES)):
            low, high = (
                (SIZES[index - 1], self.plain[index - 1]),
                (SIZES[index], self.plain[index]),
            )
            starts += self._boundaries(low, high, days)
            if len(starts) > _MANY:
                break
        ends = [*(size for size, _ in starts[1:]), None]
        bands = [Rule("", steps, start, end) for (start, steps), end in zip(starts, ends)]  # noqa: B905
        return [band for band in bands if band.steps]

    def _boundaries(
        self, low: tuple[int, Schedule], high: tuple[int, Schedule], days: Sequence[int]
    ) -> list[tuple[int, Schedule]]:
        """Where another schedule begins between two sizes, in whole KiB and to a percent or two."""
        if low[1] == high[1]:
            return []
        if high[0] - low[0] <= max(_KIB, low[0] // 64):
            return [high]
        size = (low[0] + high[0]) // 2 // _KIB * _KIB
        subject = Subject(_PLAIN, size, self.start)
        middle = (size, follow(self.policy, self.table, [subject], days=days)[0])
        found = self._boundaries(low, middle, days)
        return found if len(found) > _MANY else found + self._boundaries(middle, high, days)

    # -- rules --------------------------------------------------------------------------

    def _rules(self, plain: list[Schedule]) -> tuple[Rule, ...]:
        common = common_of(plain)
        bands = self._bands() if self.wanted.provider is Provider.AWS else []
        by_size = self.wanted.provider is Provider.AWS
        if by_size and len(bands) <= _MAX_BANDS:
            rules = bands
        elif by_size:
            rules = [Rule("", common, min(band.min_size for band in bands))]
            self._gap(
                "The days depend on an object's size",
                "that would take a rule for every size",
                f"all of {rules[0].min_size // _KIB:,} KiB and more go as most do: {told(common)}",
            )
        else:
            rules = [Rule("", common)]
            for size, steps in others(plain, common):
                part = f"go {told(steps)}" if steps else f"stay in {self.table.name(self.start)}"
                self._gap(
                    f"Objects of {size} {part}",
                    f"{self.who}'s rules see no sizes",
                    f"they go as the larger ones do: {told(common)}",
                )
        fitted = [self._fit(rule) for rule in rules]
        kept = [rule for rule in fitted if rule.steps]
        if not kept:
            raise UsageError(
                f"What policy {self.policy.name} does is more than {self.who}'s rules can say.",
                safe="Nothing was written.",
                todo=" ".join(str(gap) for gap in self.gaps),
            )
        kept += self._named(common)
        name = f"astra-{self.policy.name}"
        return tuple(
            replace(rule, name=name if len(kept) == 1 else f"{name}-{number}")
            for number, rule in enumerate(kept, 1)
        )

    def _named(self, common: Schedule) -> list[Rule]:
        """Rules for names, where the provider can tell those names exactly."""
        found = []
        globs = names.of_policy(self.policy)
        variants = self._follow([names.sample(glob) for glob in globs]) if globs else []
        for index, (glob, sizes) in enumerate(zip(globs, variants, strict=True)):
            steps = self._allowed(common_of(sizes))
            if steps == self._allowed(common):
                continue
            filtered = self._filtered(glob)
            if filtered is not None and self._only_sooner(steps, common):
                least = next((size for size, its in zip(SIZES, sizes, strict=True) if its), 0)
                by_size = self.wanted.provider is Provider.AWS
                found.append(self._fit(replace(filtered, steps=steps, min_size=least * by_size)))
                if index:
                    self._gap(
                        f"Names that fit {glob} and a pattern before it go by the first",
                        "rules add up",
                        f"they go as {glob} does, where that is sooner",
                    )
                continue
            part = f"go {told(steps)}" if steps else f"stay in {self.table.name(self.start)}"
            instead = f"they go as all others do{self._warning(steps, common)}"
            self._gap(f"Names {glob} {part}", self._why_not(glob, filtered), instead)
        return found

    def _filtered(self, glob: str) -> Rule | None:
        """A rule for exactly those keys, None where the provider has no such filter."""
        limit = _PREFIXES.get(self.wanted.provider, 0)
        begins = names.prefixes(glob, limit)
        if begins is not None and (
            self.wanted.bucket or self.wanted.provider is not Provider.AZURE
        ):
            if all(own.startswith(self.wanted.prefix) for own in begins):
                return Rule("", (), prefixes=begins)
            return None
        endings = names.suffixes(glob) if self.wanted.provider is Provider.GCP else None
        return Rule("", (), suffixes=endings) if endings is not None else None

    def _why_not(self, glob: str, filtered: Rule | None) -> str:
        if filtered is not None:
            return "rules add up: one that moves later or less far cannot hold another back"
        if "/" in glob:
            return f"{self.who} compares the beginning of a key letter by letter, that is no such"
        if self.wanted.provider is Provider.GCP:
            return "Google compares the whole key's beginning and end, and neither says that"
        return f"{self.who} compares the whole key's beginning only, never the name in a folder"

    def _warning(self, steps: Schedule, common: Schedule) -> str:
        """What to say where all go to a class that needs a restore, and these should not."""
        if not self.wanted.archive or any(not self._opens(step) for step in steps):
            return ""
        for step in common:
            if not self._opens(step):
                price = self.table.prices[self.table.code(step.storage_class)]
                return (
                    f", also into {step.storage_class}, which takes {price.first_byte} to open "
                    "(--no-archive leaves that step out)"
                )
        return ""

    def _allowed(self, steps: Schedule) -> Schedule:
        """Without the steps that --no-archive leaves out."""
        if self.wanted.archive:
            return steps
        return tuple(step for step in steps if self._opens(step))

    def _opens(self, step: Step) -> bool:
        return bool(self.table.readable[self.table.code(step.storage_class)])

    def _only_sooner(self, steps: Schedule, common: Schedule) -> bool:
        """Whether that schedule is at least as cold as the common one on every day."""
        days = {step.days for step in (*steps, *common)}
        return all(self._depth(steps, day) >= self._depth(common, day) for day in days)

    def _depth(self, steps: Schedule, day: int) -> int:
        codes = [self.table.code(step.storage_class) for step in steps if step.days <= day]
        return max((int(self.table.tier[code]) for code in codes), default=-1)

    def _fit(self, rule: Rule) -> Rule:
        """The rule within what the provider accepts."""
        steps = rule.steps
        kept = self._allowed(steps)
        if kept != steps:
            left = tuple(step for step in steps if step not in kept)
            self._gap(
                f"The step {told(left)}",
                "it was left out by --no-archive",
                f"objects stay in {kept[-1].storage_class if kept else 'their class'}",
            )
            steps = kept
        if self.wanted.provider is Provider.AWS:
            return self._fit_s3(replace(rule, steps=steps))
        return replace(rule, steps=steps)

    def _fit_s3(self, rule: Rule) -> Rule:
        small = rule.min_size < _SMALL and any(s.storage_class in _LARGE for s in rule.steps)
        if small:
            end = _SMALL if rule.max_size is None else min(rule.max_size, _SMALL)
            self._gap(
                f"Objects of {rule.min_size // _KIB} to {end // _KIB} KiB go {told(rule.steps)}",
                "S3 keeps objects of less than 128 KiB out of classes that bill as much",
                f"they stay in {self.table.name(self.start)}",
            )
            if end == rule.max_size:
                return replace(rule, steps=())
        steps = self._fit_days(rule.steps)
        return replace(rule, steps=steps, min_size=_SMALL if small else rule.min_size)

    def _fit_days(self, steps: Schedule) -> Schedule:
        """Within S3's rules for the days of its IA classes."""
        found: list[Step] = []
        for index, step in enumerate(steps):
            if step.storage_class not in _IA:
                found.append(step)
                continue
            after = steps[index + 1 : index + 2]
            days = max(step.days, _IA_DAYS)
            limit = f"S3 keeps objects in STANDARD for {_IA_DAYS} days before it"
            if after and after[0].days < days + _IA_DAYS:
                limit += f", and {_IA_DAYS} days there before the next"
                self._gap(f"The step {told((step,))}", limit, f"the next is taken: {told(after)}")
                continue
            if days != step.days:
                self._gap(f"The step {told((step,))}", limit, f"it comes after {days} days")
            found.append(Step(days, step.storage_class))
        return tuple(found)

    # -- by accesses --------------------------------------------------------------------

    def _automatic(self, plain: list[Schedule], clock: Clock) -> tuple[str, tuple[Rule, ...]]:
        """What the provider itself tiers by accesses, in the policy's stead."""
        common = common_of(plain)
        part = f"Counted from {_FROM[clock]}, objects go {told(common)}"
        if self.wanted.provider is Provider.AWS:
            self._gap(
                part,
                "S3's rules count from the day an object was written",
                "Intelligent-Tiering does it after 30 and 90 days without an access, and takes "
                "back what is read",
            )
            steps = (Step(0, "INTELLIGENT_TIERING"),)
            name = f"astra-{self.policy.name}"
            return "INTELLIGENT_TIERING", (Rule(name, steps, _SMALL),)
        coldest = common[-1].storage_class
        terminal = "NEARLINE" if coldest in ("STANDARD", "NEARLINE") else "ARCHIVE"
        self._gap(
            part,
            "Google's rules count from the day an object was written",
            f"Autoclass goes to NEARLINE after 30 days without one{_TERMINAL[terminal]}, and "
            "takes back what is read",
        )
        if self.wanted.prefix:
            self._gap(
                f"Only what begins with {self.wanted.prefix}",
                "Autoclass holds for a whole bucket",
                "the bucket's other objects are tiered too",
            )
        return terminal, ()

    # -- what rules never say -----------------------------------------------------------

    def _reads(self, plain: list[Schedule]) -> None:
        """Whether reads keep an object where it is, and how many it takes."""
        common = common_of(plain)
        subject = Subject(_PLAIN, typical(plain), self.start)
        last = common[-1]
        alone = decided(self.policy, self.table, subject, age=HORIZON, reads=0.0)
        for reads in _READS:
            kept = decided(self.policy, self.table, subject, age=HORIZON, reads=reads)
            if kept != alone:
                there = (Step(0, kept),)
                self._gap(
                    f"What is read {times(reads)} a month or more belongs in {kept}, not in "
                    f"{last.storage_class}",
                    f"{self.who}'s rules do not see how often an object is read",
                    f"it goes as what nobody reads{self._warning(there, common)}",
                )
                return

    def _one_way(self, clock: Clock) -> None:
        if common_of(self.plain)[0].days == 1:
            self._gap(
                "Moves within the first day",
                f"{self.who} looks at its rules once a day",
                "they come a day or two later",
            )
        if clock is Clock.AGE:
            self._gap(
                "Each move is checked against the prices of the day, and taken only if it pays",
                "rules are fixed when they are written",
                "export again when prices or the policy change",
            )

    def _gap(self, part: str, why: str, instead: str) -> None:
        gap = Gap(part, why, instead)
        if gap not in self.gaps:
            self.gaps.append(gap)


_FROM = {Clock.AGE: "the day of writing", Clock.ACCESS: "the last access"}
_TERMINAL = {"NEARLINE": "", "ARCHIVE": ", to COLDLINE after 90 and to ARCHIVE after 365"}
