"""The rules as Terraform: the resource of each provider that holds them."""

from collections.abc import Iterable, Iterator

from engine.lifecycle.model import Clock, Lifecycle, Rule, beginnings, numbered, warmer
from engine.model import Provider

_INDENT = "  "


def terraform(lifecycle: Lifecycle) -> str:
    """One resource, with what it does not say as comments above it."""
    head = [
        f"# Lifecycle by the policy {lifecycle.policy} {lifecycle.policy_version}.",
        *(f"# Not expressed: {gap}" for gap in lifecycle.gaps),
    ]
    body = {Provider.AWS: _aws, Provider.GCP: _google}.get(lifecycle.provider, _azure)(lifecycle)
    lines = [*(_comment(line) for line in head), *body]
    return "\n".join(lines) + "\n"


def text(value: str) -> str:
    """A string as HCL writes it: quotes, templates and control characters are escaped."""
    out = []
    for char in value:
        if char in '"\\':
            out.append(f"\\{char}")
        elif char in _SHORT:
            out.append(_SHORT[char])
        elif not char.isprintable():
            out.append(f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}")
        else:
            out.append(char)
    return '"' + "".join(out).replace("${", "\\u0024{").replace("%{", "\\u0025{") + '"'


_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _comment(line: str) -> str:
    return "".join(char if char.isprintable() else "�" for char in line)


def _block(head: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"{head} {{"
    for line in lines:
        yield f"{_INDENT}{line}" if line else ""
    yield "}"


def _equal(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Assignments, aligned as `terraform fmt` does."""
    found = list(pairs)
    width = max(len(name) for name, _ in found)
    return [f"{name:<{width}} = {value}" for name, value in found]


def _variable(name: str, what: str) -> Iterator[str]:
    yield from _block(
        f'variable "{name}"', _equal([("type", "string"), ("description", text(what))])
    )
    yield ""


def _names(values: Iterable[str]) -> str:
    return f"[{', '.join(text(value) for value in values)}]"


# -- Amazon S3 ----------------------------------------------------------------------------------


def _aws(lifecycle: Lifecycle) -> Iterator[str]:
    if not lifecycle.bucket:
        yield from _variable("bucket", "The bucket that the rules are for")
    yield from _block(
        'resource "aws_s3_bucket_lifecycle_configuration" "astra"', _aws_body(lifecycle)
    )


def _aws_body(lifecycle: Lifecycle) -> Iterator[str]:
    yield f"bucket = {text(lifecycle.bucket) if lifecycle.bucket else 'var.bucket'}"
    for name, prefix, rule in numbered(lifecycle):
        yield ""
        yield from _block("rule", _aws_rule(name, prefix, rule))


def _aws_rule(name: str, prefix: str, rule: Rule) -> Iterator[str]:
    yield from _equal([("id", text(name)), ("status", '"Enabled"')])
    yield ""
    parts = [("prefix", text(prefix))] if prefix else []
    if rule.min_size:
        parts.append(("object_size_greater_than", str(rule.min_size - 1)))
    if rule.max_size is not None:
        parts.append(("object_size_less_than", str(rule.max_size)))
    if len(parts) > 1:
        yield from _block("filter", _block("and", _equal(parts)))
    else:
        yield from _block("filter", _equal(parts) if parts else ())
    for step in rule.steps:
        yield ""
        pairs = [("days", str(step.days)), ("storage_class", text(step.storage_class))]
        yield from _block("transition", _equal(pairs))


# -- Google Cloud Storage -----------------------------------------------------------------------


def _google(lifecycle: Lifecycle) -> Iterator[str]:
    if not lifecycle.bucket:
        yield from _variable("bucket", "The bucket that the rules are for")
    if not lifecycle.region:
        yield from _variable("location", "Where the bucket is")
    yield from _block('resource "google_storage_bucket" "astra"', _google_body(lifecycle))


def _google_body(lifecycle: Lifecycle) -> Iterator[str]:
    name = text(lifecycle.bucket) if lifecycle.bucket else "var.bucket"
    location = text(lifecycle.region.upper()) if lifecycle.region else "var.location"
    yield from _equal([("name", name), ("location", location)])
    if lifecycle.automatic:
        yield ""
        pairs = [("enabled", "true"), ("terminal_storage_class", text(lifecycle.automatic))]
        yield from _block("autoclass", _equal(pairs))
    for rule in lifecycle.rules:
        for index, step in enumerate(rule.steps):
            action = [("type", '"SetStorageClass"'), ("storage_class", text(step.storage_class))]
            when = [
                ("age", str(step.days)),
                ("matches_storage_class", _names(warmer(rule.steps, index))),
            ]
            begins = [begin for begin in beginnings(lifecycle, rule) if begin]
            if begins:
                when.append(("matches_prefix", _names(begins)))
            if rule.suffixes:
                when.append(("matches_suffix", _names(rule.suffixes)))
            yield ""
            yield from _block(
                "lifecycle_rule",
                [*_block("action", _equal(action)), "", *_block("condition", _equal(when))],
            )


# -- Azure --------------------------------------------------------------------------------------

_AZURE = {"Cool": "tier_to_cool", "Cold": "tier_to_cold", "Archive": "tier_to_archive"}
_CLOCKS = {Clock.AGE: "modification", Clock.ACCESS: "last_access_time"}


def _azure(lifecycle: Lifecycle) -> Iterator[str]:
    yield from _variable("storage_account_id", "The storage account that the rules are for")
    yield from _block(
        'resource "azurerm_storage_management_policy" "astra"', _azure_body(lifecycle)
    )


def _azure_body(lifecycle: Lifecycle) -> Iterator[str]:
    yield "storage_account_id = var.storage_account_id"
    for rule in lifecycle.rules:
        yield ""
        yield from _block("rule", _azure_rule(lifecycle, rule))


def _azure_rule(lifecycle: Lifecycle, rule: Rule) -> Iterator[str]:
    yield from _equal([("name", text(rule.name)), ("enabled", "true")])
    yield ""
    filters = [("blob_types", '["blockBlob"]')]
    if lifecycle.bucket:
        begins = beginnings(lifecycle, rule)
        filters.append(("prefix_match", _names(f"{lifecycle.bucket}/{begin}" for begin in begins)))
    yield from _block("filters", _equal(filters))
    yield ""
    since = _CLOCKS[lifecycle.clock]
    days = [
        (f"{_AZURE[step.storage_class]}_after_days_since_{since}_greater_than", str(step.days))
        for step in rule.steps
    ]
    if lifecycle.clock is Clock.ACCESS and any(s.storage_class == "Cool" for s in rule.steps):
        days.append(("auto_tier_to_hot_from_cool_enabled", "true"))
    yield from _block("actions", _block("base_blob", _equal(days)))
