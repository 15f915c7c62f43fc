"""Per-object access statistics from events, and their daily history."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AccessColumns:
    """Accesses of the objects of a listing, row i belonging to its key i.

    Reads are counts over the last hour, day, 7 and 30 days; `last_access` in epoch seconds, 0
    if none is known; `shift_days` is how much older the operator made the object look.
    """

    reads_1h: Floats
    reads_1d: Floats
    reads_7d: Floats
    reads_30d: Floats
    last_access: Floats
    shift_days: Floats
