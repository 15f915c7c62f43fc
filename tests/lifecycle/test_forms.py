"""Each form is read by a real parser of it: botocore's model and moto for S3, cfn-lint, Terraform's
HCL, the bucket resource of Google's API description as a JSON schema, Azure's SDK models."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import boto3
import hcl2
import jsonschema
import pytest
from botocore.session import get_session
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from engine.errors import UsageError
from engine.lifecycle.forms import FORMS, azure_document, form_named, gcs_document, s3_document
from engine.lifecycle.model import Clock, Gap, Lifecycle, Rule, Step
from engine.lifecycle.terraform import terraform
from engine.lifecycle.terraform import text as hcl_text
from engine.model import Provider
from tests.lifecycle.conftest import Make

PREFIXES = ("", "logs/2024/", 'a"b\\c ${d} %{e}\n\u00fc')
POLICIES = ("rules", "recency")
PROVIDERS = (Provider.AWS, Provider.GCP, Provider.AZURE)


def with_prefix(found: Lifecycle, prefix: str) -> Lifecycle:
    return replace(found, prefix=prefix)


# -- S3 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("policy", POLICIES)
def test_s3_json_fits_the_service_model(lifecycle: Make, policy: str, prefix: str) -> None:
    document = json.loads(
        FORMS["s3-json"].render(with_prefix(lifecycle(Provider.AWS, policy), prefix))
    )
    model = get_session().get_service_model("s3")
    shape = model.operation_model("PutBucketLifecycleConfiguration").input_shape
    request = {"Bucket": "photos", "LifecycleConfiguration": document}
    assert ParamValidator().validate(request, shape).generate_report() == ""
    classes = set(model.shape_for("TransitionStorageClass").enum)
    for rule in document["Rules"]:
        assert {step["StorageClass"] for step in rule["Transitions"]} <= classes
        assert len(rule["ID"]) <= 255
    broken = {"Bucket": "photos", "LifecycleConfiguration": {"Rules": [{"Id": 1}]}}
    assert ParamValidator().validate(broken, shape).generate_report()  # it does look


@mock_aws
def test_s3_json_is_taken_and_given_back(lifecycle: Make) -> None:
    client = boto3.client("s3", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    client.create_bucket(Bucket="photos")
    for policy, prefix in (("rules", "logs/"), ("rules", ""), ("recency", "")):
        document = s3_document(with_prefix(lifecycle(Provider.AWS, policy), prefix))
        client.put_bucket_lifecycle_configuration(Bucket="photos", LifecycleConfiguration=document)
        kept = client.get_bucket_lifecycle_configuration(Bucket="photos")["Rules"]
        assert [rule["ID"] for rule in kept] == [rule["ID"] for rule in document["Rules"]]
        for mine, theirs in zip(document["Rules"], kept, strict=True):
            assert theirs["Transitions"] == mine["Transitions"]
            if prefix:  # moto keeps the prefix of a filter, and forgets its sizes
                assert theirs["Filter"]["And"]["Prefix"] == mine["Filter"]["And"]["Prefix"]


def test_cloudformation_passes_its_linter(lifecycle: Make) -> None:
    from cfnlint.api import lint

    for policy, prefix in (("rules", "logs/"), ("recency", "")):
        found = with_prefix(lifecycle(Provider.AWS, policy), prefix)
        template = FORMS["cloudformation"].render(found)
        assert lint(template) == []
        bucket = json.loads(template)["Resources"]["Bucket"]
        assert len(bucket["Metadata"]["Astra"]["NotExpressed"]) == len(found.gaps)
        assert bucket["DeletionPolicy"] == "Retain"
    wrong = template.replace("INTELLIGENT_TIERING", "LUKEWARM")
    assert lint(wrong)  # it does look


# -- Google -----------------------------------------------------------------------------------

_STRINGS = {"type": "array", "items": {"type": "string"}}
_DAYS = {"type": "integer", "minimum": 0}
_GOOGLE_CLASSES = ["STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE"]
# The parts lifecycle and autoclass of the resource Bucket, from the API's description (storage.v1).
GOOGLE = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "autoclass": {
            "type": "object",
            "additionalProperties": False,
            "required": ["enabled"],
            "properties": {
                "enabled": {"type": "boolean"},
                "terminalStorageClass": {"enum": ["NEARLINE", "ARCHIVE"]},
            },
        },
        "lifecycle": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "rule": {
                    "type": "array",
                    "maxItems": 100,
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["action", "condition"],
                        "properties": {
                            "action": {
                                "type": "object",
                                "additionalProperties": False,
                                "required": ["type", "storageClass"],
                                "properties": {
                                    "type": {"enum": ["SetStorageClass"]},
                                    "storageClass": {"enum": _GOOGLE_CLASSES},
                                },
                            },
                            "condition": {
                                "type": "object",
                                "additionalProperties": False,
                                "minProperties": 1,
                                "properties": {
                                    "age": _DAYS,
                                    "createdBefore": {"type": "string", "format": "date"},
                                    "customTimeBefore": {"type": "string", "format": "date"},
                                    "daysSinceCustomTime": _DAYS,
                                    "daysSinceNoncurrentTime": _DAYS,
                                    "isLive": {"type": "boolean"},
                                    "matchesPrefix": _STRINGS,
                                    "matchesStorageClass": {
                                        "type": "array",
                                        "items": {"enum": _GOOGLE_CLASSES},
                                    },
                                    "matchesSuffix": _STRINGS,
                                    "noncurrentTimeBefore": {"type": "string", "format": "date"},
                                    "numNewerVersions": _DAYS,
                                },
                            },
                        },
                    },
                }
            },
        },
    },
}


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("policy", POLICIES)
def test_gcs_json_fits_the_bucket_resource(lifecycle: Make, policy: str, prefix: str) -> None:
    found = with_prefix(lifecycle(Provider.GCP, policy), prefix)
    document = json.loads(FORMS["gcs-json"].render(found))
    jsonschema.Draft202012Validator.check_schema(GOOGLE)
    jsonschema.validate(document, GOOGLE)
    rules = document.get("lifecycle", {}).get("rule", [])
    for rule in rules:
        condition = rule["condition"]
        assert rule["action"]["storageClass"] not in condition["matchesStorageClass"]
        assert condition.get("matchesPrefix", [""]) == [prefix]
        endings = condition.get("matchesSuffix", [])
        assert len(endings) + len(condition.get("matchesPrefix", [])) <= 50
    assert bool(rules) == (policy == "rules")
    assert (policy == "recency") == ("autoclass" in document)


# -- Azure ------------------------------------------------------------------------------------


def fields_of(model: Any) -> Iterator[str]:
    """Fields that a model of the SDK does not know, anywhere below it."""
    known = {field._rest_name for field in type(model)._attr_to_rest_field.values()}
    yield from (name for name in model if name not in known)
    for attribute in type(model)._attr_to_rest_field:
        value = getattr(model, attribute)
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, Mapping):
                yield from fields_of(part)


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("policy", POLICIES)
def test_azure_json_fits_the_models_of_its_sdk(lifecycle: Make, policy: str, prefix: str) -> None:
    from azure.mgmt.storage.models import ManagementPolicySchema

    found = with_prefix(lifecycle(Provider.AZURE, policy), prefix)
    document = json.loads(FORMS["azure-json"].render(found))
    schema = ManagementPolicySchema(document)
    assert list(fields_of(schema)) == []
    assert list(fields_of(ManagementPolicySchema({"rules": [], "wrong": 1}))) == ["wrong"]
    (rule,) = schema.rules
    assert rule.enabled
    assert rule.type == "Lifecycle"
    assert rule.name.replace("-", "").isalnum()
    assert rule.definition.filters.blob_types == ["blockBlob"]
    assert rule.definition.filters.prefix_match == [f"photos/{prefix}"]
    blob = rule.definition.actions.base_blob
    if policy == "rules":
        assert blob.tier_to_cool.days_after_modification_greater_than == 30
        assert blob.tier_to_cold.days_after_modification_greater_than == 90
        assert blob.tier_to_archive.days_after_modification_greater_than == 180
        assert blob.delete is None
    else:
        assert blob.tier_to_cold.days_after_last_access_time_greater_than == 1
        assert blob.tier_to_cold.days_after_modification_greater_than is None


def test_azure_takes_back_from_cool_what_is_read() -> None:
    found = Lifecycle(
        *(Provider.AZURE, "", "", "", "recency", "1", Clock.ACCESS),
        rules=(Rule("astra", (Step(30, "Cool"), Step(90, "Archive"))),),
    )
    actions = azure_document(found)["rules"][0]["definition"]["actions"]["baseBlob"]
    assert actions["enableAutoTierToHotFromCool"] is True
    assert "prefixMatch" not in azure_document(found)["rules"][0]["definition"]["filters"]
    assert "auto_tier_to_hot_from_cool_enabled" in terraform(found)


# -- Terraform --------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """What the parser gives, without its quotes and marks."""
    if isinstance(value, dict):
        return {plain(k): plain(v) for k, v in value.items() if k != "__is_block__"}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, str) and value[:1] == '"':
        return value[1:-1]
    return value


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("policy", POLICIES)
def test_terraform_is_hcl_and_says_the_same(
    lifecycle: Make, provider: Provider, policy: str
) -> None:
    found = with_prefix(lifecycle(provider, policy), "logs/")
    document = FORMS["terraform"].render(found)
    comments = [line for line in document.splitlines() if line.startswith("# Not expressed")]
    assert len(comments) == len(found.gaps)
    (entry,) = plain(hcl2.loads(document))["resource"]
    ((kind, named),) = entry.items()
    resource = named["astra"]
    if provider is Provider.AWS:
        assert kind == "aws_s3_bucket_lifecycle_configuration"
        assert resource["bucket"] == "photos"
        rules = s3_document(found)["Rules"]
        for mine, theirs in zip(rules, resource["rule"], strict=True):
            assert theirs["id"] == mine["ID"]
            steps = [(step["days"], step["storage_class"]) for step in theirs["transition"]]
            assert steps == [(step["Days"], step["StorageClass"]) for step in mine["Transitions"]]
            (both,) = theirs["filter"][0]["and"]
            assert both["prefix"] == "logs/"
            assert (
                both["object_size_greater_than"] == mine["Filter"]["And"]["ObjectSizeGreaterThan"]
            )
    elif provider is Provider.GCP:
        assert kind == "google_storage_bucket"
        rules = gcs_document(found).get("lifecycle", {"rule": []})["rule"]
        assert len(resource.get("lifecycle_rule", [])) == len(rules)
        for mine, theirs in zip(rules, resource.get("lifecycle_rule", []), strict=True):
            (condition,) = theirs["condition"]
            assert condition["age"] == mine["condition"]["age"]
            assert condition["matches_prefix"] == ["logs/"]
            assert condition.get("matches_suffix") == mine["condition"].get("matchesSuffix")
            assert theirs["action"][0]["storage_class"] == mine["action"]["storageClass"]
        if policy == "recency":
            assert resource["autoclass"][0]["terminal_storage_class"] == "ARCHIVE"
    else:
        assert kind == "azurerm_storage_management_policy"
        (rule,) = resource["rule"]
        assert rule["filters"][0]["prefix_match"] == ["photos/logs/"]
        blob = rule["actions"][0]["base_blob"][0]
        assert len(blob) == len(found.rules[0].steps)
        assert all(str(days) in str(blob.values()) for days in (found.rules[0].steps[0].days,))


def test_terraform_asks_for_what_it_was_not_told(lifecycle: Make) -> None:
    for provider in PROVIDERS:
        document = terraform(lifecycle(provider, bucket=""))
        variables = plain(hcl2.loads(document)).get("variable", [])
        assert {name for entry in variables for name in entry} == {
            Provider.AWS: {"bucket"},
            Provider.GCP: {"bucket", "location"},
            Provider.AZURE: {"storage_account_id"},
        }[provider]


@given(st.text(max_size=12), st.text(max_size=12))
def test_hostile_names_stay_strings_and_comments(prefix: str, part: str) -> None:
    found = Lifecycle(
        *(Provider.AWS, "us-east-1", "photos", prefix, "rules", "1", Clock.AGE),
        rules=(Rule("astra", (Step(30, "STANDARD_IA"),), min_size=131_072),),
        gaps=(Gap(part, "why", "instead"),),
    )
    document = terraform(found)
    (entry,) = plain(hcl2.loads(document))["resource"]
    rule = entry["aws_s3_bucket_lifecycle_configuration"]["astra"]["rule"][0]
    assert rule["id"] == "astra"
    assert rule["transition"] == [{"days": 30, "storage_class": "STANDARD_IA"}]
    escaped = hcl_text(prefix)
    assert "\n" not in escaped
    assert document.count("\nresource") == 1
    json.loads(FORMS["s3-json"].render(found))


FOLDERS = Rule("astra-folders", (Step(30, "COLD"),), min_size=131_072, prefixes=("2024/", "a/"))


def folders(provider: Provider, storage_class: str) -> Lifecycle:
    rule = replace(FOLDERS, steps=(Step(30, storage_class),))
    return Lifecycle(*(provider, "", "photos", "", "mine", "1", Clock.AGE), rules=(rule,))


@mock_aws
def test_s3_has_a_rule_for_each_folder() -> None:
    found = folders(Provider.AWS, "STANDARD_IA")
    client = boto3.client("s3", region_name="us-east-1")
    client.create_bucket(Bucket="photos")
    document = s3_document(found)
    client.put_bucket_lifecycle_configuration(Bucket="photos", LifecycleConfiguration=document)
    kept = client.get_bucket_lifecycle_configuration(Bucket="photos")["Rules"]
    assert [(rule["ID"], rule["Filter"]["And"]["Prefix"]) for rule in kept] == [
        ("astra-folders-1", "2024/"),
        ("astra-folders-2", "a/"),
    ]
    resource = plain(hcl2.loads(terraform(found)))["resource"][0]
    rules = resource["aws_s3_bucket_lifecycle_configuration"]["astra"]["rule"]
    assert [rule["filter"][0]["and"][0]["prefix"] for rule in rules] == ["2024/", "a/"]
    template = json.loads(FORMS["cloudformation"].render(found))
    rules = template["Resources"]["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert [rule["Prefix"] for rule in rules] == ["2024/", "a/"]


def test_google_and_azure_have_one_rule_for_many_folders() -> None:
    google = folders(Provider.GCP, "COLDLINE")
    document = gcs_document(google)
    jsonschema.validate(document, GOOGLE)
    (rule,) = document["lifecycle"]["rule"]
    assert rule["condition"]["matchesPrefix"] == ["2024/", "a/"]
    azure = folders(Provider.AZURE, "Cold")
    (rule,) = azure_document(azure)["rules"]
    assert rule["definition"]["filters"]["prefixMatch"] == ["photos/2024/", "photos/a/"]
    for found, begins in ((google, "2024/"), (azure, "photos/2024/")):
        assert begins in str(plain(hcl2.loads(terraform(found))))


# -- forms ------------------------------------------------------------------------------------


def test_a_form_is_its_providers() -> None:
    assert form_named("terraform", Provider.GCP).provider is None
    with pytest.raises(UsageError, match="no form for gcp") as caught:
        form_named("s3-json", Provider.GCP)
    assert "gcs-json, terraform" in caught.value.todo
    assert all(form.note for form in FORMS.values())
