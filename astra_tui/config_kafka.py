"""`[kafka]` of astra.toml."""

import re
from typing import Literal, cast

from astra_tui.config_table import Table
from engine.settings import KafkaSettings


def read_kafka(table: Table) -> KafkaSettings:
    """The broker and its topics; what cannot be used goes to the table's findings."""
    default = KafkaSettings()
    servers = table.words("bootstrap") or [default.bootstrap]
    if servers not in (["embedded"], ["off"]):
        for server in servers:
            if not re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+):[0-9]{1,5}", server):
                shown = "a server with credentials" if "@" in server else f'"{server}"'
                table.wrong(
                    "bootstrap", shown, 'embedded, off, or "host:9092,host:9092" (no http://)'
                )
    protocols = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
    protocol = cast(
        "Literal['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL']",
        table.text("security_protocol", default.security_protocol, choices=protocols),
    )

    def topic(key: str, fallback: str) -> str:
        return table.pattern(
            key, fallback, r"[A-Za-z0-9._-]{1,249}", "letters, digits, . _ - (at most 249)"
        )

    kafka = KafkaSettings(
        bootstrap=",".join(servers),
        group=table.text("group", default.group) or default.group,
        access_topic=topic("access_topic", default.access_topic),
        jobs_topic=topic("jobs_topic", default.jobs_topic),
        status_topic=topic("status_topic", default.status_topic),
        recommendations_topic=topic("recommendations_topic", default.recommendations_topic),
        security_protocol=protocol,
        sasl_mechanism=table.text(
            "sasl_mechanism", "PLAIN", choices=("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
        ),
        username=table.text("username"),
        password=table.secret("password"),
        ca_file=table.path("ca_file", must_exist=True),
        accept_jobs=table.flag("accept_jobs"),
    )
    if protocol.startswith("SASL"):
        if not kafka.username:
            table.missing("username", f"a user name, as security_protocol is {protocol}")
        if not kafka.password:
            table.missing("password", 'a secret, "env:NAME" or "file:PATH"')
        if protocol == "SASL_PLAINTEXT":
            table.warn("security_protocol", "the password travels unencrypted; prefer SASL_SSL.")
    table.finish()
    return kafka
