"""The lab's policies by name. A name is `family` or `family:argument`, as `age:30/90/180`."""

from collections.abc import Callable

from engine.errors import UsageError
from engine.lab.adapter import EnginePolicy
from engine.lab.cost import Cost
from engine.lab.managed import INTELLIGENT, Autoclass, AzureLifecycle, IntelligentTiering
from engine.lab.policy import LabPolicy
from engine.lab.proactive import LabProactive
from engine.lab.rivals import LIMITS, Age, Always, LastAccess
from engine.lab.ski_rental import SkiRental
from engine.model import Provider
from engine.model.lab import OPTIMUM  # `engine.lab.optimum` makes it, since it looks ahead
from engine.pricing.columns import ClassTable
from engine.tiering.policy import policy_named


def _engine(name: str) -> Callable[[str], LabPolicy]:
    def make(argument: str) -> LabPolicy:
        _no(name, argument)
        return EnginePolicy(policy_named(name))

    return make


def _always(argument: str) -> LabPolicy:
    if not argument:
        raise UsageError("always needs a class.", todo="Write it as always:STANDARD_IA.")
    return Always(argument)


def _last_access(argument: str) -> LabPolicy:
    words = [word for word in argument.split(":") if word]
    limits = [word for word in words if word != "warm"]
    return LastAccess(_limits("last-access", ":".join(limits)), warm="warm" in words)


def _intelligent(argument: str) -> LabPolicy:
    words = [word for word in argument.split(":") if word]
    if strange := [word for word in words if word not in ("warm", "archive")]:
        _no("s3-intelligent-tiering", strange[0])
    return IntelligentTiering(warm="warm" in words, archive="archive" in words)


def _plain(make: Callable[[], LabPolicy], name: str) -> Callable[[str], LabPolicy]:
    def take(argument: str) -> LabPolicy:
        _no(name, argument)
        return make()

    return take


# Family → what makes a fresh policy of its argument ("" for none).
POLICIES: dict[str, Callable[[str], LabPolicy]] = {
    "cost": _plain(Cost, "cost"),
    "rules": _engine("rules"),
    "recency": _engine("recency"),
    "reactive": _engine("reactive"),
    "proactive": _plain(LabProactive, "proactive"),
    "always": _always,
    "age": lambda argument: Age(_limits("age", argument)),
    "last-access": _last_access,
    "s3-intelligent-tiering": _intelligent,
    "gcs-autoclass": _plain(Autoclass, "gcs-autoclass"),
    "azure-lifecycle": _plain(AzureLifecycle, "azure-lifecycle"),
    "ski-rental": _plain(SkiRental, "ski-rental"),
}


def lab_policy(name: str) -> LabPolicy:
    """A fresh policy of that name. Raises UsageError with the names there are."""
    family, _, argument = name.partition(":")
    make = POLICIES.get(family)
    if make is None:
        raise UsageError(
            f"The lab has no policy {name!r}.", todo=f"Choose from: {', '.join(known_names())}."
        )
    return make(argument)


def known_names() -> list[str]:
    """The families as the operator writes them."""
    forms = {"always": "always:CLASS", "age": "age:30/90/180"}
    return [*(forms.get(family, family) for family in POLICIES), OPTIMUM]


def suitable(table: ClassTable, start_class: str) -> list[str]:
    """The policies that make sense with these classes, the optimum last: the default choice."""
    own = [name for name in POLICIES if name in _OURS]
    names = [*own, "age:30/90/180", "last-access", "ski-rental"]
    if INTELLIGENT in table.codes:
        names += ["s3-intelligent-tiering", "s3-intelligent-tiering:warm"]
        if not all(price.readable for price in table.prices):
            names.append("s3-intelligent-tiering:archive")
    if table.provider is Provider.GCP and "NEARLINE" in table.codes:
        names.append("gcs-autoclass")
    if table.provider is Provider.AZURE and "Cool" in table.codes:
        names.append("azure-lifecycle")
    coldest = min(table.prices, key=lambda price: price.storage or 0.0).name
    names += [f"always:{name}" for name in dict.fromkeys((start_class, coldest))]
    return [*names, OPTIMUM]


_OURS = ("cost", "proactive", "reactive", "rules", "recency")


def _limits(family: str, text: str) -> tuple[int, ...]:
    if not text:
        return LIMITS
    try:
        limits = tuple(int(part) for part in text.split("/"))
    except ValueError:
        limits = ()
    if not limits or limits[0] < 0 or sorted(set(limits)) != list(limits):
        raise UsageError(
            f"{family}:{text} is no list of growing days.", todo=f"Write it as {family}:30/90/180."
        )
    return limits


def _no(name: str, argument: str) -> None:
    if argument:
        raise UsageError(f"{name} takes no argument {argument!r}.")
