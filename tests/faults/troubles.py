"""What goes wrong at one request: another client at work, a server that lies, a kill."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from tests.fake_s3 import Fault, Quirks
from tests.fake_s3_wire import Answer, Request
from tests.faults.sides import Ask

DESTINATION, SOURCE = "dst", "src"


class Place(Protocol):
    """What a trouble may do in the arena."""

    blind: dict[str, Quirks]

    def meddle(self, side: str, what: str) -> None:
        """Another client overwrites or deletes the object at that side."""

    def die(self) -> None:
        """Keep the state directory as it is on disk now; Astra is dead from here on."""


Fits = Callable[[Ask], bool]
Act = Callable[[Place, Ask], Fault]


@dataclass(frozen=True, slots=True)
class Trouble:
    """A kind of trouble. It happens at the n-th request that `fits`, and at the next
    `burst` - 1 ones; `then` is what the first request that fits `then_fits` meets after it."""

    name: str
    group: str  # "kill", "race" or "lie"
    fits: Fits
    act: Act
    burst: int = 1
    then_fits: Fits | None = None
    then: Act | None = None


def _any(ask: Ask) -> bool:
    return True


# -- kills ------------------------------------------------------------------------------


def _kill(*, effect: bool) -> Act:
    return lambda place, ask: Fault(before=place.die, reset=True, after=effect)


KILLS = (
    Trouble("kill-before-effect", "kill", _any, _kill(effect=False)),
    Trouble("kill-after-effect", "kill", _any, _kill(effect=True)),
)

# -- races ------------------------------------------------------------------------------


def _race(side: str, what: str, when: str) -> Trouble:
    def act(place: Place, ask: Ask) -> Fault:
        def meddle() -> None:
            place.meddle(side, what)

        return Fault(before=meddle) if when == "before" else Fault(then=meddle)

    end = "source" if side == SOURCE else "destination"
    return Trouble(f"{what}-{end}-{when}", "race", _any, act)


RACES = tuple(
    _race(side, what, when)
    for side in (SOURCE, DESTINATION)
    for what in ("overwrite", "delete")
    for when in ("before", "after")
)

# -- lies: what a request is ------------------------------------------------------------


def _http(ask: Ask) -> bool:
    return ask.seen is not None


def _of_object(ask: Ask) -> bool:
    """Bytes of an object are asked for."""
    return (
        ask.seen is not None
        and ask.method == "GET"
        and bool(ask.key)
        and not {"uploadId", "tagging"} & ask.seen.query.keys()
    )


def _whole(ask: Ask) -> bool:
    return _of_object(ask) and ask.seen is not None and "range" not in ask.seen.headers


def _ranged(ask: Ask) -> bool:
    return _of_object(ask) and ask.seen is not None and "range" in ask.seen.headers


def _describes(ask: Ask) -> bool:
    return ask.seen is not None and ask.method == "HEAD" and bool(ask.key)


def _sends_bytes(ask: Ask) -> bool:
    seen = ask.seen
    return seen is not None and ask.method == "PUT" and bool(ask.key) and len(seen.body) > 0


def _completes(ask: Ask) -> bool:
    return ask.seen is not None and ask.method == "POST" and "uploadId" in ask.seen.query


def _lists(ask: Ask) -> bool:
    """Objects, uploads or parts."""
    seen = ask.seen
    if seen is None or ask.method != "GET":
        return False
    return "uploadId" in seen.query or (not ask.key and bool(seen.bucket))


def _effects(ask: Ask) -> bool:
    return ask.seen is not None and ask.has_effect


_MATCHES = ("if-match", "x-amz-copy-source-if-match")


def _if_match(ask: Ask) -> bool:
    return ask.seen is not None and any(name in ask.seen.headers for name in _MATCHES)


def _if_none_match(ask: Ask) -> bool:
    return ask.seen is not None and "if-none-match" in ask.seen.headers


# -- lies: what the server does ---------------------------------------------------------

_ERROR = (
    b'<?xml version="1.0" encoding="UTF-8"?>'
    b"<Error><Code>InternalError</Code><Message>We met an error.</Message></Error>"
)
_OTHER_TAG = "0123456789abcdef0123456789abcdef"


def _answer(change: Callable[[Answer], Answer]) -> Act:
    return lambda place, ask: Fault(answer=change)


def _half(answer: Answer) -> Answer:
    return replace(answer, body=answer.body[: len(answer.body) // 2])


def _duplicated(body: bytes) -> bytes:
    """The first block twice, the length as it was."""
    half = (len(body) + 1) // 2
    return (body[:half] * 2)[: len(body)]


def _other_etag(answer: Answer) -> Answer:
    headers = {**answer.headers}
    if "etag" in headers:
        headers["etag"] = f'"{_OTHER_TAG}"'
    body = answer.body
    if body.startswith(b"<?xml"):
        tag = f"<ETag>&quot;{_OTHER_TAG}&quot;</ETag>".encode()
        body = re.sub(rb"<ETag>.*?</ETag>", tag, body)
    return Answer(answer.status, body, headers)


def _no_etag(answer: Answer) -> Answer:
    headers = {name: value for name, value in answer.headers.items() if name != "etag"}
    body = answer.body
    if body.startswith(b"<?xml"):
        body = re.sub(rb"<ETag>.*?</ETag>", b"", body)
    return Answer(answer.status, body, headers)


def _other_size(answer: Answer) -> Answer:
    size = len(answer.body) + 1
    return Answer(answer.status, answer.body, {**answer.headers, "content-length": str(size)})


def _nothing_listed(answer: Answer) -> Answer:
    rows = rb"<(Contents|Upload|Part)>.*?</\1>"
    return replace(answer, body=re.sub(rows, b"", answer.body))


def _without_range(request: Request) -> None:
    request.headers.pop("range", None)


def _from_zero(request: Request) -> None:
    request.headers["range"] = re.sub(r"=\d+", "=0", request.headers["range"])


def _cut_upload(request: Request) -> None:
    request.body = request.body[: len(request.body) // 2]


def _doubled_upload(request: Request) -> None:
    request.body = _duplicated(request.body)


_BLIND = Quirks(
    ignores_if_none_match=True,
    ignores_put_if_match=True,
    ignores_get_if_match=True,
    ignores_delete_if_match=True,
    copy_ignores_source=True,
    copy_ignores_target=True,
)


def _ignored(what: str) -> Act:
    """Another client was there first, and the server does not mind."""

    def act(place: Place, ask: Ask) -> Fault:
        copies = ask.seen is not None and _MATCHES[1] in ask.seen.headers
        side = SOURCE if copies else ask.side
        return Fault(before=lambda: place.meddle(side, what), quirks=_BLIND)

    return act


def _says(status: int, code: str = "", body: bytes | None = None, *, after: bool = False) -> Act:
    return lambda place, ask: Fault(status=status, code=code, body=body, after=after)


def _lie(name: str, fits: Fits, act: Act, **more: object) -> Trouble:
    return Trouble(name, "lie", fits, act, **more)  # type: ignore[arg-type]


def _cut(place: Place, ask: Ask) -> Fault:
    return Fault(truncate=1024**2 + 5)  # after the first chunk that a reader gives on


LIES = (
    _lie("200-error-body", _http, _says(200, body=_ERROR)),
    _lie("200-error-body-after-effect", _effects, _says(200, body=_ERROR, after=True)),
    _lie("200-empty", _http, _says(200, body=b"")),
    _lie("acknowledged-not-done", _effects, lambda place, ask: Fault(phantom=True)),
    _lie("cut-download", _of_object, lambda place, ask: Fault(truncate=100)),
    _lie("short-download", _of_object, _answer(_half)),
    _lie("flipped-download", _of_object, lambda place, ask: Fault(flip=77)),
    _lie(
        "duplicated-download",
        _of_object,
        _answer(lambda answer: replace(answer, body=_duplicated(answer.body))),
    ),
    _lie("short-upload", _sends_bytes, lambda place, ask: Fault(request=_cut_upload)),
    _lie("flipped-upload", _sends_bytes, lambda place, ask: Fault(flip=77)),
    _lie("duplicated-upload", _sends_bytes, lambda place, ask: Fault(request=_doubled_upload)),
    _lie(
        "reordered-parts",
        _completes,
        lambda place, ask: Fault(quirks=replace(place.blind[ask.side], reorders_parts=True)),
    ),
    _lie("other-etag", _http, _answer(_other_etag)),
    _lie("no-etag", _http, _answer(_no_etag)),
    _lie("other-size", _describes, _answer(_other_size)),
    _lie("ignored-if-match", _if_match, _ignored("overwrite")),
    _lie("ignored-if-none-match", _if_none_match, _ignored("overwrite")),
    _lie(
        "ignored-range",
        _whole,
        _cut,
        then_fits=_ranged,
        then=lambda place, ask: Fault(request=_without_range),
    ),
    _lie(
        "other-range",
        _whole,
        _cut,
        then_fits=_ranged,
        then=lambda place, ask: Fault(request=_from_zero),
    ),
    _lie("empty-listing", _lists, _answer(_nothing_listed)),
    _lie("cut-listing", _lists, _answer(_half)),
    _lie("reset", _http, lambda place, ask: Fault(reset=True)),
    _lie("reset-after-effect", _http, lambda place, ask: Fault(reset=True, after=True)),
    _lie("500", _http, _says(500, "InternalError")),
    _lie("500-after-effect", _effects, _says(500, "InternalError", after=True)),
    _lie("502-page-after-effect", _effects, _says(502, body=b"<html>proxy</html>", after=True)),
    _lie("slow-down-burst", _http, _says(503, "SlowDown"), burst=3),
    _lie("404", _http, _says(404, "NoSuchKey")),
    _lie("404-of-a-proxy", _http, _says(404, body=b"")),
    _lie("412", _effects, _says(412, "PreconditionFailed")),
    _lie("403", _http, _says(403, "AccessDenied")),
)

# Astra sees a time-out: slow, for the client has to wait for it.
TIMEOUTS = (
    _lie("timeout-after-effect", _effects, lambda place, ask: Fault(hold=place.patience)),  # type: ignore[attr-defined]
)

ALL = {trouble.name: trouble for trouble in (*KILLS, *RACES, *LIES)}
