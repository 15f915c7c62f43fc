"""The original modification time in metadata: RFC 3339, as rclone keeps it in Google's and
Azure's stores. A decimal number of seconds, as it is kept in S3, is understood as well."""

import functools
import re
from datetime import UTC, datetime

SECONDS = re.compile(r"-?[0-9]{1,12}(\.[0-9]{0,12})?")
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)")
_YEAR_10000 = 253_402_300_800.0


@functools.lru_cache(maxsize=4096)
def timestamp(text: str) -> float:
    """Epoch seconds of an RFC 3339 time, 0 if it is none."""
    match = _TIME.fullmatch(text)
    try:
        whole = datetime.fromisoformat(f"{match[1]}{match[3]}") if match else None
    except ValueError:
        return 0.0
    if match is None or whole is None:
        return 0.0
    seconds = int(whole.timestamp())
    # As one text: a sum would round twice. Before 1970 the fraction counts upwards all the same.
    return float(f"{seconds}{match[2] or ''}") if seconds >= 0 else seconds + float(match[2] or 0)


def read_mtime(text: str) -> float:
    """Epoch seconds of either spelling, 0 if it is neither."""
    return float(text) if SECONDS.fullmatch(text) else timestamp(text)


def write_mtime(seconds: float) -> str:
    """A time as rclone writes it into metadata. Before 1970 there is only the decimal."""
    decimal = f"{seconds:.9f}".rstrip("0").rstrip(".")
    if not 0 <= seconds < _YEAR_10000:
        return decimal
    whole, _, fraction = decimal.partition(".")
    text = datetime.fromtimestamp(int(whole), UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{fraction}Z" if fraction else f"{text}Z"
