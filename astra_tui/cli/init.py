"""`astra init` writes a config to fill in; `astra aliases` lists the prototypes' names."""

import os
from pathlib import Path

import rich_click as click

from astra_tui.cli.aliases import ALIASES
from astra_tui.cli.context import DONE, Command, verb
from engine.errors import ConfigError

TEMPLATE = """\
# astra.toml: the clouds that Astra knows. Everything that is commented out is a default or
# an example. Check it with `astra doctor`.
#
# A variable of the environment (or of a file .env beside this one) beats this file:
# ASTRA_CLOUDS_AWS_BUCKET=other. A secret may be written as "env:NAME" or "file:PATH".

[clouds.aws]
kind = "s3"
# bucket = "prod-data"           # what the pane shows first
# prefix = "2024/"               # and below which prefix
# region = "us-east-1"
# profile = "default"            # credentials: the usual AWS chain, or a key pair:
# access_key = "env:MY_ACCESS_KEY"
# secret_key = "env:MY_SECRET_KEY"
# read_only = true               # never write or delete here

# [clouds.minio]                 # any S3-compatible server
# kind = "s3"
# endpoint = "http://127.0.0.1:9000"
# path_style = true
# provider = "onprem"            # whose prices and classes: aws, gcp, azure, onprem
# access_key = "env:MINIO_ACCESS_KEY"
# secret_key = "file:minio.secret"

# [clouds.gcp]                   # Google Cloud Storage
# kind = "gcs"                   # credentials: application default, or a service account:
# credentials = "service.json"
# project = "my-project"         # only needed to list or make buckets

# [clouds.azure]                 # containers are buckets
# kind = "azure"
# account = "mydata"
# key = "env:AZURE_STORAGE_KEY"  # or sas = "env:..."; neither: azure-identity (az login)

# [clouds.disk]                  # folders of this machine; each folder in root is a bucket
# kind = "local"
# root = "/srv/objects"

[kafka]
bootstrap = "embedded"           # or "off", or "host:9092,host:9092"
# group = "astra"
# access_topic = "access_events"
# jobs_topic = "migration_jobs"
# status_topic = "migration_status"
# recommendations_topic = "recommendations"
# security_protocol = "SASL_SSL" # PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL
# sasl_mechanism = "SCRAM-SHA-512"
# username = "astra"
# password = "env:KAFKA_PASSWORD"
# ca_file = "ca.pem"
# accept_jobs = false            # let messages of jobs_topic start migrations

[engine]
# jobs = 8                       # objects moved at once
# bwlimit = "20MiB"              # bytes a second over all jobs, or "08:00,5MiB 19:00,off"
# max_deletes = 10000            # refuse plans that delete more sources; "off": any number
# policy = "rules"               # rules, recency, reactive, proactive, cost
# horizon_months = 12            # within which a move between clouds must pay for itself
# prices = "prices.toml"         # your own prices, over the built-in ones
# read_only = false

[console]
# theme = "textual-dark"
# mouse = true
# ascii = false                  # no glyphs beyond ASCII

[keys]                           # other keys for the console's actions; `?` lists their names
# migrate = "ctrl+x"
"""


@verb("init")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--user", is_flag=True, help="Write into your own config directory.")
def init(command: Command, path: Path | None, user: bool) -> int:
    """Write a commented astra.toml to fill in; never over a file that is there."""
    from astra_tui.config import user_config

    target = path or command.options.config or (user_config() if user else Path("astra.toml"))
    target = target.expanduser()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise ConfigError(
            "There is a file already.",
            subject=str(target),
            safe="It was not touched.",
            todo="Edit it, or write another: `astra init PATH`.",
        ) from error
    except OSError as error:
        raise ConfigError(
            f"The config cannot be written: {error.strerror}.", subject=str(target)
        ) from error
    with open(handle, "w", encoding="utf-8") as stream:
        stream.write(TEMPLATE)
    command.out.emit({"path": str(target.absolute())})
    command.out.say(f"Wrote {target}. Name your clouds in it, then run `astra doctor`.")
    return DONE


@verb("aliases")
def aliases(command: Command) -> int:
    """List the names of the original prototypes' commands, which work too."""
    for old, new in ALIASES.items():
        command.out.emit({"alias": old, "verb": " ".join(new)})
    rows = [(old, f"astra {' '.join(new)}") for old, new in ALIASES.items()]
    command.out.table(("alias", "is"), rows)
    return DONE
