"""Places that the operator comes back to."""

from dataclasses import dataclass, field

from engine.model.objects import Address
from engine.model.views import ListingQuery


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A place under a name: a bucket or prefix of a cloud, and how it is looked at.

    `letter` is one character that jumps there, "" for none.
    """

    name: str
    address: Address
    query: ListingQuery = field(default_factory=ListingQuery)
    letter: str = ""
