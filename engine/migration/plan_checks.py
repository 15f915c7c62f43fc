"""What a plan says about a move before anybody approves it: refusals, losses, risks."""

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.migration.plan_sources import Place, SourceObject
from engine.migration.services import SMALL
from engine.migration.travel import special_losses
from engine.model import (
    Address,
    Evidence,
    ListEntry,
    MoveKind,
    MoveOptions,
    RestoreState,
    RiskKind,
    StoreKind,
)
from engine.pricing.classes import ClassPrice
from engine.pricing.cost import MoveCost, payback_months, usd
from engine.stores.base import DeleteGuard

RESTORED_FIRST = "must be restored first"  # how the risk of an archived source begins
_LONG_PAYBACK = 12.0  # months
_MD5 = frozenset({"md5"})
_HEX = frozenset("0123456789abcdefABCDEF")

Risk = tuple[RiskKind | None, str]  # a text may be "": then other fields of the move tell it


@dataclass(frozen=True, slots=True)
class Route:
    """One object and where it shall go. Prices are None for classes that are not known."""

    item: SourceObject
    destination: Address
    kind: MoveKind
    source_place: Place
    target_place: Place
    source: ClassPrice | None
    target: ClassPrice | None
    to_class: str
    whence: str  # where the object really is, and where it would be: equal texts, one object
    whither: str
    trouble: str = ""  # what already stands against it

    @classmethod
    def of(
        cls,
        item: SourceObject,
        destination: Address,
        kind: MoveKind,
        places: tuple[Place, Place],
        prices: tuple[ClassPrice | None, ClassPrice | None],
        to_class: str,
        trouble: str = "",
    ) -> "Route":
        """A route with its two locations."""
        whence = _located(places[0], item.address)
        whither = whence if kind is MoveKind.TIER else _located(places[1], destination)
        return cls(item, destination, kind, *places, *prices, to_class, whence, whither, trouble)

    def source_attested(self) -> bool:
        """Whether the source's provider tells a checksum of the whole object. Where that is
        the MD5 of an ETag, a multipart upload has none."""
        known = self.source_place.store.capabilities.attested
        if not known or not known <= _MD5:
            return bool(known)
        etag = self.item.entry.etag
        return len(etag) == 32 and _HEX.issuperset(etag)

    def copy_attested(self) -> bool:
        """Whether the destination's provider will tell one of the copy."""
        can = self.target_place.store.capabilities
        if not can.attested or not can.attested <= _MD5:
            return bool(can.attested)
        return self.item.entry.size < can.multipart_threshold


class Crossings:
    """Finds moves of one plan that get in each other's way, by where objects really are."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._sources: dict[str, Address] = {}
        self._twice: set[str] = set()  # sources that several moves name
        self._targets: Counter[str] = Counter()
        self._files: set[str] = set()
        for route in routes:
            if not route.trouble:
                known = len(self._sources)
                first = self._sources.setdefault(route.whence, route.item.address)
                if len(self._sources) == known and first == route.item.address:
                    self._twice.add(route.whence)
                if route.kind is not MoveKind.TIER:
                    self._targets[route.whither] += 1
                    if route.target_place.store.kind is StoreKind.LOCAL:
                        self._files.add(route.whither)

    def problem(self, route: Route) -> str:
        """Why this move cannot go beside the others, "" if it can."""
        first = self._sources.get(route.whence, route.item.address)
        if first != route.item.address:
            return f"it is {first} by another name, which this plan has too"
        if route.whence in self._twice:
            return "this plan names it more than once, and one object goes one way"
        if route.kind is MoveKind.TIER:
            return ""
        target = route.whither
        if self._targets[target] > 1:
            alike = ", where letter case and Unicode form do not tell names apart"
            return (
                f"several objects of this plan would become {route.destination}"
                f"{alike if route.target_place.folds else ''}"
            )
        if target in self._sources and target != route.whence:
            return f"another move of this plan takes its source from {route.destination}"
        if route.target_place.store.kind is StoreKind.LOCAL:
            end = target.find("/")
            while end >= 0:
                if target[:end] in self._files:
                    return "another object of this plan would be a file where this needs a folder"
                end = target.find("/", end + 1)
        return ""


def _located(place: Place, address: Address) -> str:
    where = place.store.locate(address.bucket, address.key)
    return unicodedata.normalize("NFC", where).casefold() if place.folds else where


def refusal(route: Route, options: MoveOptions) -> str:
    """Why this move will not be tried, "" if it may be. Sends nothing."""
    if route.trouble:
        return route.trouble
    item, source, target = route.item, route.source_place, route.target_place
    in_place = route.kind is MoveKind.TIER
    if reason := _tier_refusal(route) if in_place else _move_refusal(route, options):
        return reason
    archived = route.source is not None and not route.source.readable
    if item.head is not None:
        archived = item.head.archived and item.head.restore is not RestoreState.AVAILABLE
    if archived and not source.store.capabilities.restore:
        return (
            f"it is archived in {item.entry.storage_class} and {source.store.name} has no restore"
        )
    if archived and route.source is not None and route.source.restore:
        wanted = options.restore_speed or "standard"
        if route.source.speed(wanted) is None:
            names = ", ".join(speed.name for speed in route.source.restore)
            return f"{route.source.name} has no {wanted} restore; it has: {names}"
    if route.target is None:
        return f"{target.store.provider} has no class {route.to_class!r} that is known"
    return ""


def _tier_refusal(route: Route) -> str:
    store = route.source_place.store
    if route.source_place.read_only:
        return f"{store.name} is read-only"
    if not store.capabilities.set_class:
        return f"{store.name} cannot change the class of an object in place"
    if route.source is not None and route.source.name == route.to_class:
        return f"it is in {route.to_class} already"
    return ""


def _move_refusal(route: Route, options: MoveOptions) -> str:
    item, source, target = route.item, route.source_place, route.target_place
    if target.read_only:
        return f"{target.store.name} is read-only"
    if source.read_only and route.kind is MoveKind.MOVE:
        return f"{source.store.name} is read-only; its objects can be copied, not moved"
    if not route.destination.key:
        return "it would have no name at the destination"
    key_problem = target.store.check_key(route.destination.key)
    if key_problem:
        return f"{target.store.name} cannot hold this key: {key_problem}"
    if route.whence == route.whither:
        return f"{route.destination} is this very object"
    if target.store.kind is StoreKind.LOCAL and route.target and not route.target.default:
        return f"{target.store.name} is a disk and has no storage classes"
    can = target.store.capabilities
    if options.compress and not can.user_metadata:
        return f"{target.store.name} keeps no user metadata, which tells what is compressed"
    if item.entry.size > can.max_object:
        return f"{target.store.name} holds objects of at most {can.max_object:,} bytes"
    attested = route.copy_attested()
    if options.compress and item.entry.size > SMALL:  # then it is sent in parts
        attested = bool(can.attested - {"md5"})
    if route.target is not None and not route.target.readable and not attested:
        return (
            f"{route.to_class} cannot be read back and {target.store.name} attests no checksum "
            "of it, so the copy could not be proved; move it to a class that opens at once first"
        )
    guard = source.store.capabilities.delete_guard
    if options.strict and route.kind is MoveKind.MOVE and guard is DeleteGuard.NEVER:
        return f"{source.store.name} has no conditional delete, which --strict asks for"
    return ""


def losses(route: Route) -> tuple[str, ...]:
    """What will not arrive at the destination."""
    if route.kind is MoveKind.TIER:
        special = route.item.head.meta.special if route.item.head is not None else ()
        locked = any(name.startswith("x-amz-object-lock") for name, _ in special)
        return ("the object lock",) if locked else ()
    has, can = route.source_place.store.capabilities, route.target_place.store.capabilities
    meta = route.item.head.meta if route.item.head is not None else None
    lost = []
    if has.tags and not can.tags and (meta is None or meta.tags):
        lost.append("tags" if meta is not None else "tags, if it has any")
    if has.user_metadata and not can.user_metadata and (meta is None or meta.user):
        lost.append("user metadata" if meta is not None else "user metadata, if it has any")
    if has.content_headers and not can.content_headers:
        lost.append("content type and other headers")
    if meta is not None:
        lost += special_losses(meta, route.source_place.store, route.target_place.store)
    if not can.user_metadata:
        lost.append("the original modification time")
    if has.versions:
        lost.append("older versions, if it has any: only the current one goes")
    return tuple(lost)


def risks(
    route: Route,
    options: MoveOptions,
    cost: MoveCost | None,
    saving: float | None,
    existing: Mapping[str, ListEntry],
) -> list[Risk]:
    """What the operator should know before approving, each with its kind."""
    item, source, target = route.item, route.source, route.target
    found: list[Risk] = []
    if source is not None and not source.readable:
        found.append((RiskKind.RESTORE, _restore_risk(item, source, options)))
        if route.source_place.store.kind is StoreKind.AZURE:
            text = "a restore there is for good: the blob stays in Hot, not for some days"
            found.append((RiskKind.RESTORE, text))
    if source is None:
        text = f"class {item.entry.storage_class!r} is not known, nor what it costs"
        found.append((RiskKind.UNPRICED, text))
    found += _delete_risks(route)
    if not route.source_attested():
        found.append((RiskKind.UNATTESTED, ""))
    if cost is None or cost.total is None or (saving is None and not options.compress):
        found.append((RiskKind.UNPRICED, ""))
    if cost is not None:
        found += _money_risks(cost, saving, route)
    if target is not None:
        found += _class_risks(target, route, options)
    if options.compress:
        text = (
            "compressed on the way: its size there is not known before, so the saving is not"
            " either; the cost is that of the original's size"
        )
        found.append((None, text))
    there = existing.get(route.destination.key)
    if there is not None and route.kind is not MoveKind.TIER:
        found.append(_existing_risk(there, options))
    return found


def _existing_risk(there: ListEntry, options: MoveOptions) -> Risk:
    if options.overwrite:
        return RiskKind.OVERWRITES, (
            f"overwrites an object of {there.size:,} bytes at the destination: cancelling does "
            "not bring it back, unless the bucket keeps versions"
        )
    return RiskKind.OCCUPIED, (
        "something is at the destination already: equal content is kept, other content "
        "stops the job"
    )


def restore_hours(route: Route, options: MoveOptions) -> float:
    """How long the source must be waited for before it can be read; 0 where it opens at once."""
    source, head = route.source, route.item.head
    if source is None or source.readable:
        return 0.0
    if head is not None and head.restore is RestoreState.AVAILABLE:
        return 0.0
    speed = source.speed(options.restore_speed or "standard")
    return speed.hours if speed is not None else source.restore_hours


def _restore_risk(item: SourceObject, source: ClassPrice, options: MoveOptions) -> str:
    state = item.head.restore if item.head is not None else RestoreState.NONE
    if state is RestoreState.AVAILABLE:
        return "it is restored already and goes at once"
    if state is RestoreState.ONGOING:
        return "its restore is under way; the job waits for it"
    name = options.restore_speed or "standard"
    speed = source.speed(name)
    hours = speed.hours if speed is not None else source.restore_hours
    how = "" if name == "standard" else f" ({name})"
    return f"{RESTORED_FIRST}: about {hours:g} hours{how}"


def _delete_risks(route: Route) -> list[Risk]:
    if route.kind is not MoveKind.MOVE:
        return []
    store = route.source_place.store
    match store.capabilities.delete_guard:
        case DeleteGuard.NEVER:
            text = f"unguarded delete: {store.name} cannot delete on condition"
            return [(RiskKind.UNGUARDED, text)]
        case DeleteGuard.PROBE:
            text = f"the delete is guarded only if {store.name} honours conditions; a probe tells"
            return [(RiskKind.PROBED, text)]
        case _:
            return []


def _money_risks(cost: MoveCost, saving: float | None, route: Route) -> list[Risk]:
    found: list[Risk] = [
        (RiskKind.EARLY, f"{text}: {usd(amount)}")
        for text, amount in cost.lines
        if text.startswith("early")
    ]
    egress = cost.line("egress")
    if egress:
        found.append((RiskKind.EGRESS, ""))
    if route.kind is MoveKind.COPY or saving is None:
        return found
    months = payback_months(cost.total, saving)
    if saving < 0:
        found.append((RiskKind.PAYBACK, f"costs {usd(-saving)} more every month, read as now"))
    if egress and (months is None or months > _LONG_PAYBACK):
        when = "never pays back" if months is None else f"pays back in {months:,.0f} months"
        found.append((RiskKind.PAYBACK, f"egress of {usd(egress)}: the move {when}"))
    elif months is not None and months > _LONG_PAYBACK:
        found.append((RiskKind.PAYBACK, f"pays back in {months:,.0f} months only"))
    return found


def _class_risks(target: ClassPrice, route: Route, options: MoveOptions) -> list[Risk]:
    found: list[Risk] = []
    if target.min_days:
        found.append((RiskKind.MINIMUM, f"{target.name} bills at least {target.min_days:g} days"))
    if route.item.entry.size < target.min_size:
        text = f"{target.name} bills at least {target.min_size // 1024} KiB an object"
        found.append((RiskKind.MINIMUM, text))
    if target.readable:
        if options.verify is Evidence.ATTESTED and not route.copy_attested():
            text = "nothing attests a checksum there: the copy is read back instead"
            found.append((None, text))
        return found
    text = f"{target.name} opens only after a restore of {target.restore_hours:g} hours"
    found.append((RiskKind.ARCHIVED, text))
    if route.item.reads_30d >= 1:
        text = f"it was read {route.item.reads_30d:.0f} times in 30 days"
        found.append((RiskKind.ARCHIVED, text))
    in_place = route.kind is MoveKind.TIER
    if route.source_attested() if in_place else route.copy_attested():
        found.append((None, "it cannot be read back there: proved by the provider's checksum"))
    else:
        text = "it cannot be read back there, and nothing attests a checksum of it"
        found.append((None, text))
    return found
