"""The rules in the providers' own forms, and what the operator does with each."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.errors import UsageError
from engine.lifecycle.model import Clock, Lifecycle, Rule, beginnings, numbered, warmer
from engine.lifecycle.terraform import terraform
from engine.model import Provider


@dataclass(frozen=True, slots=True)
class Form:
    """A form of export. `provider` None: it serves all three. `note` says what to do with it."""

    provider: Provider | None
    render: Callable[[Lifecycle], str]
    note: str


def s3_document(lifecycle: Lifecycle) -> dict[str, Any]:
    """The LifecycleConfiguration of PutBucketLifecycleConfiguration."""
    rules = []
    for name, prefix, rule in numbered(lifecycle):
        rules.append(
            {
                "ID": name,
                "Status": "Enabled",
                "Filter": _s3_filter(prefix, rule),
                "Transitions": [
                    {"Days": step.days, "StorageClass": step.storage_class} for step in rule.steps
                ],
            }
        )
    return {"Rules": rules}


def _s3_filter(prefix: str, rule: Rule) -> dict[str, Any]:
    parts: dict[str, Any] = {"Prefix": prefix} if prefix else {}
    parts |= sizes(rule)
    if not parts:
        return {"Prefix": ""}
    return parts if len(parts) == 1 else {"And": parts}


def sizes(rule: Rule) -> dict[str, int]:
    """S3's filters by size; both bounds are exclusive."""
    found = {}
    if rule.min_size:
        found["ObjectSizeGreaterThan"] = rule.min_size - 1
    if rule.max_size is not None:
        found["ObjectSizeLessThan"] = rule.max_size
    return found


def cloudformation_document(lifecycle: Lifecycle) -> dict[str, Any]:
    """A template with the bucket, which is kept whatever becomes of the stack."""
    rules = []
    for name, prefix, rule in numbered(lifecycle):
        entry: dict[str, Any] = {"Id": name, "Status": "Enabled"}
        if prefix:
            entry["Prefix"] = prefix
        entry |= {name: str(value) for name, value in sizes(rule).items()}
        entry["Transitions"] = [
            {"StorageClass": step.storage_class, "TransitionInDays": step.days}
            for step in rule.steps
        ]
        rules.append(entry)
    bucket: dict[str, Any] = {
        "Type": "AWS::S3::Bucket",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Metadata": {
            "Astra": {
                "Policy": f"{lifecycle.policy} {lifecycle.policy_version}",
                "NotExpressed": [str(gap) for gap in lifecycle.gaps],
            }
        },
        "Properties": {
            "BucketName": {"Ref": "BucketName"},
            "LifecycleConfiguration": {"Rules": rules},
        },
    }
    which: dict[str, Any] = {"Type": "String", "Description": "The bucket that the rules are for"}
    if lifecycle.bucket:
        which["Default"] = lifecycle.bucket
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Lifecycle of a bucket by the policy {lifecycle.policy}",
        "Parameters": {"BucketName": which},
        "Resources": {"Bucket": bucket},
    }


def gcs_document(lifecycle: Lifecycle) -> dict[str, Any]:
    """The part of a bucket's resource that says it, for buckets.patch."""
    if lifecycle.automatic:
        return {"autoclass": {"enabled": True, "terminalStorageClass": lifecycle.automatic}}
    rules = [
        {
            "action": {"type": "SetStorageClass", "storageClass": step.storage_class},
            "condition": {
                "age": step.days,
                "matchesStorageClass": list(warmer(rule.steps, index)),
                **({"matchesPrefix": begins} if (begins := keys(lifecycle, rule)) else {}),
                **({"matchesSuffix": list(rule.suffixes)} if rule.suffixes else {}),
            },
        }
        for rule in lifecycle.rules
        for index, step in enumerate(rule.steps)
    ]
    return {"lifecycle": {"rule": rules}}


def keys(lifecycle: Lifecycle, rule: Rule) -> list[str]:
    """Google's filter by beginnings, none for any key."""
    return [begin for begin in beginnings(lifecycle, rule) if begin]


AZURE_ACTIONS = {"Cool": "tierToCool", "Cold": "tierToCold", "Archive": "tierToArchive"}
_AZURE_CLOCKS = {
    Clock.AGE: "daysAfterModificationGreaterThan",
    Clock.ACCESS: "daysAfterLastAccessTimeGreaterThan",
}


def azure_document(lifecycle: Lifecycle) -> dict[str, Any]:
    """The ManagementPolicySchema of a storage account."""
    clock = _AZURE_CLOCKS[lifecycle.clock]
    rules = []
    for rule in lifecycle.rules:
        actions: dict[str, Any] = {
            AZURE_ACTIONS[step.storage_class]: {clock: step.days} for step in rule.steps
        }
        if lifecycle.clock is Clock.ACCESS and "tierToCool" in actions:
            actions["enableAutoTierToHotFromCool"] = True
        filters: dict[str, Any] = {"blobTypes": ["blockBlob"]}
        if lifecycle.bucket:
            begins = beginnings(lifecycle, rule)
            filters["prefixMatch"] = [f"{lifecycle.bucket}/{begin}" for begin in begins]
        rules.append(
            {
                "enabled": True,
                "name": rule.name,
                "type": "Lifecycle",
                "definition": {"filters": filters, "actions": {"baseBlob": actions}},
            }
        )
    return {"rules": rules}


def _json(make: Callable[[Lifecycle], dict[str, Any]]) -> Callable[[Lifecycle], str]:
    return lambda lifecycle: json.dumps(make(lifecycle), indent=2) + "\n"


FORMS: dict[str, Form] = {
    "s3-json": Form(
        Provider.AWS,
        _json(s3_document),
        "Put it with `aws s3api put-bucket-lifecycle-configuration --lifecycle-configuration "
        "file://FILE`; it replaces all rules that the bucket has.",
    ),
    "cloudformation": Form(
        Provider.AWS,
        _json(cloudformation_document),
        "CloudFormation sets rules with their bucket: import the bucket into a stack, or take the "
        "property LifecycleConfiguration into your own template.",
    ),
    "gcs-json": Form(
        Provider.GCP,
        _json(gcs_document),
        "It is a part of the bucket's resource: PATCH the bucket with it (rules alone also fit "
        "`gcloud storage buckets update --lifecycle-file`); it replaces all rules of the bucket.",
    ),
    "azure-json": Form(
        Provider.AZURE,
        _json(azure_document),
        "Put it with `az storage account management-policy create --policy @FILE`; it replaces "
        "the policy of the whole account.",
    ),
    "terraform": Form(
        None,
        terraform,
        "The resource holds all lifecycle rules: merge it with what you have.",
    ),
}


def form_named(name: str, provider: Provider) -> Form:
    """The form for a provider. Raises UsageError if it is none of that provider's."""
    form = FORMS[name]
    if form.provider not in (None, provider):
        fitting = [key for key, it in FORMS.items() if it.provider in (None, provider)]
        raise UsageError(
            f"{name} is no form for {provider}.", todo=f"Its forms are: {', '.join(fitting)}."
        )
    return form


def needs(lifecycle: Lifecycle) -> tuple[str, ...]:
    """What must be set up before the rules work."""
    if lifecycle.clock is Clock.ACCESS and lifecycle.provider is Provider.AZURE:
        return ("Last access time tracking must be on in the account: without it nothing moves.",)
    if lifecycle.automatic and lifecycle.provider is Provider.GCP:
        return ("Autoclass and rules that set a class exclude each other in a bucket.",)
    return ()
