"""What a run of the lab can be made of: providers, classes, policies."""

from engine.errors import UsageError
from engine.lab.registry import suitable
from engine.lab.world import allow, priced, usual_classes
from engine.model import LabChoices, LabClass, LabRequest, Provider
from engine.pricing.book import PriceBook
from engine.pricing.columns import UNKNOWN, ClassTable
from engine.tiering.policy import POLICIES


def choices(request: LabRequest, book: PriceBook) -> LabChoices:
    """What fits a request's prices and classes; no policy does where no class has known prices.

    Raises UsageError for a provider or class that there is not.
    """
    if request.provider not in {"", *Provider}:
        raise UsageError(
            f"There is no provider {request.provider!r}.", todo=f"There are {', '.join(Provider)}."
        )
    provider = Provider(request.provider or Provider.AWS)
    region = request.region or book.reference_region(provider)
    table = ClassTable.of(book, provider, region)
    usual = usual_classes(table)
    wanted = [book.canonical(provider, name) for name in request.classes] or usual
    allowed = allow(table, wanted)
    start = book.canonical(provider, request.start_class)
    if allowed.code(start) == UNKNOWN:
        start = next(iter(allowed.codes), "")
    fine = priced(table)
    return LabChoices(
        providers=tuple((str(each), book.regions(each)) for each in Provider),
        provider=str(provider),
        region=region,
        classes=tuple(
            LabClass(price.name, price.tier, price.readable, price.name in usual)
            for price in table.prices
            if price.name in fine
        ),
        allowed=tuple(allowed.codes),
        start_class=start,
        policies=tuple(suitable(allowed, start)) if allowed.prices else (),
        adoptable=tuple(POLICIES),
    )
