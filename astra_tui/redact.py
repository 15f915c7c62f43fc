"""Taking secrets out of a line for the log: by value where they are known, else by their shape.

Astra's own words hold none (`Secret` shows itself as stars); what libraries and servers say may.
"""

import re
from collections.abc import Iterable

from engine.settings import EngineSettings

HIDDEN = "***"
_SHORTEST = 6  # characters of a secret that is looked for by value
_NAMES = (
    r"secret[_-]?access[_-]?key|secret[_-]?key|client[_-]?secret|secret|account[_-]?key|password|"
    r"passwd|sasl[_.]plain[_.]password|session[_-]?token|security[_-]?token|access[_-]?token|"
    r"refresh[_-]?token|id[_-]?token|shared[_-]?access[_-]?signature|api[_-]?key|private[_-]?key"
)
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
                re.DOTALL), HIDDEN),
    (re.compile(r"(\bauthorization\b[\"']?\s*[:=]\s*[\"']?)[^\n\"']+", re.IGNORECASE),
     rf"\1{HIDDEN}"),
    (re.compile(r"(\bbearer\s+)[\w.~+/=-]{8,}", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"([?&](?:x-amz-signature|x-amz-security-token|x-goog-signature|signature|sig|"
                r"token)=)[^&\s\"'<>]+", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(rf"(\b(?:\w+[_.-])?(?:{_NAMES})\b[\"']?\s*[:=]\s*)(\"[^\"\n]*\"|'[^'\n]*'|"
                r"[^\s,;&)\]}\"']+)", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"(://[^/\s:@]*:)[^/\s@]+@"), rf"\1{HIDDEN}@"),
)  # fmt: skip


def redact(text: str, known: Iterable[str] = ()) -> str:
    """The text without the `known` secrets and without what looks like one."""
    for secret in known:
        text = text.replace(secret, HIDDEN)
    for shape, instead in _SHAPES:
        text = shape.sub(instead, text)
    return text


def known_secrets(settings: EngineSettings) -> tuple[str, ...]:
    """The secrets of a configuration, the longest first; identifiers are none."""
    found = {settings.kafka.password.reveal()}
    for cloud in settings.clouds:
        secrets = (cloud.secret_key, cloud.session_token, cloud.account_key, cloud.sas)
        found.update(secret.reveal() for secret in secrets)
    return tuple(sorted((s for s in found if len(s) >= _SHORTEST), key=len, reverse=True))
