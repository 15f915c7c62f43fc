"""Names of the original prototypes' commands, and what they are now.

They work, but help lists only the verbs; `astra aliases` and docs/cli.md list these.
"""

ALIASES: dict[str, tuple[str, ...]] = {
    "init-cloud": ("init",),
    "show-dashboard": ("dashboard",),
    "show-multi-cloud-dashboard": ("dashboard",),
    "run-engine": ("tier", "plan"),
    "generate-event": ("events", "send"),
    "listen-stream": ("events", "tail"),
    "check-kafka": ("doctor", "--only", "kafka"),
    "age-file": ("age",),
    "simulate-access": ("access",),
    "migrate-to-cloud": ("migrate",),
    "migrate-file": ("migrate",),
    "ingest-object": ("ingest",),
    "get-objects": ("ls",),
    "get-metrics": ("dashboard",),
    "get-migrations": ("jobs",),
    "train-model": ("train",),
    "predict-access": ("predict",),
}
