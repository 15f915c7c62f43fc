"""Where the panels of the console stand, as the operator left them."""

from dataclasses import dataclass

EVENTS, MIGRATIONS = ":events", ":migrations"
"""Names of the panels that show no cloud; no cloud's name begins with a colon."""


@dataclass(frozen=True, slots=True)
class PanelLayout:
    """Panels by name in their order (clouds by their own), and those that are hidden.

    `sizes`: for each in the order how many steps larger (or, below 0, smaller) than usual it is.
    """

    order: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()

    def arranged(self, known: tuple[str, ...]) -> tuple[str, ...]:
        """The known panels in this order; those it does not name keep their usual place."""
        names = [name for name in dict.fromkeys(self.order) if name in known]
        for place, name in enumerate(known):
            if name not in names:
                names.insert(place, name)
        return tuple(names)
