"""What the console tells the engine of a demo world first of all."""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Order:
    """What to be the engine of. `ports` by cloud; `held` is a descriptor that keeps the storage
    alive; `rate` in events a second; `first_time`: nothing was kept by an earlier demo."""

    folder: str
    ports: dict[str, int]
    held: int
    first_time: bool
    rate: float
    log_level: str = "info"

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Order":
        return cls(**json.loads(text))
