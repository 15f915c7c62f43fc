"""The keymap: one place for every key, and overrides that cannot break the console."""

from typing import Any

import pytest

from astra_tui.keymap import (
    ACTIONS,
    BY_ID,
    SCOPES,
    Context,
    Keymap,
    display,
    is_key,
    markdown_table,
)

EATEN_BY_MULTIPLEXERS = {"ctrl+j", "ctrl+o", "ctrl+s", "ctrl+b", "ctrl+a"}


def test_every_action_has_words_keys_and_a_place() -> None:
    for action in ACTIONS:
        assert action.label, action.id
        assert action.help.endswith("."), action.id
        assert action.keys, action.id
        assert all(is_key(key) for key in action.keys), action.id
        assert action.contexts, action.id


def test_ids_are_unique() -> None:
    assert len(BY_ID) == len(ACTIONS)


@pytest.mark.parametrize("scope", SCOPES)
def test_no_two_actions_share_a_key_where_both_work(scope: str) -> None:
    owner: dict[str, str] = {}
    for action in ACTIONS:
        if set(action.contexts) & set(SCOPES[scope]):
            for key in action.keys:
                assert key not in owner, f"{key} is {owner.get(key)} and {action.id}"
                owner[key] = action.id


def test_every_context_belongs_to_a_scope() -> None:
    assert {context for contexts in SCOPES.values() for context in contexts} == set(Context)


def test_no_key_is_one_that_multiplexers_eat() -> None:
    assert not EATEN_BY_MULTIPLEXERS & {key for action in ACTIONS for key in action.keys}


def test_what_destroys_is_marked_as_changing() -> None:
    dangerous = {action.id for action in ACTIONS if action.dangerous}
    assert dangerous == {"approve", "cancel"}
    assert all(BY_ID[action_id].changes for action_id in dangerous)


def test_an_override_replaces_the_keys() -> None:
    keymap = Keymap({"migrate": "M,f5"})
    assert keymap["migrate"].keys == ("M", "f5")
    assert keymap.key_of("migrate") == "M"
    assert not keymap.warnings


def test_keys_may_come_as_a_list() -> None:
    assert Keymap({"filter": ["ctrl+f", "comma"]})["filter"].keys == ("ctrl+f", ",")


def test_two_actions_may_swap_their_keys() -> None:
    keymap = Keymap({"migrate": "t", "tier": "m"})
    assert (keymap["migrate"].keys, keymap["tier"].keys) == (("t",), ("m",))
    assert not keymap.warnings


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"migrat": "M"}, "did you mean 'migrate'"),
        ({"zzzz": "M"}, "no action 'zzzz'"),
        ({"migrate": "hyper+m"}, "no such key"),
        ({"migrate": "mm"}, "no such key"),
        ({"migrate": ""}, "has no key"),
        ({"migrate": "t"}, "is the key of tier"),
        ({"migrate": "?"}, "is the key of help"),
        ({"migrate": "j"}, "is the key of down"),
        ({"migrate": "ctrl+c"}, "is the key of quit"),
    ],
)
def test_a_senseless_override_warns_and_leaves_the_default(
    overrides: dict[str, Any], words: str
) -> None:
    keymap = Keymap(overrides)
    assert keymap["migrate"].keys == ("m",)
    assert len(keymap.warnings) == 1
    assert words in keymap.warnings[0]


def test_dropping_one_override_may_drop_the_next() -> None:
    # `tier` wants m, which `migrate` would have given up had its own wish not been impossible.
    keymap = Keymap({"migrate": "?", "tier": "m"})
    assert keymap["migrate"].keys == ("m",)
    assert keymap["tier"].keys == ("t",)
    assert len(keymap.warnings) == 2


def test_there_is_always_a_way_out() -> None:
    assert Keymap({"quit": "Q"})["quit"].keys == ("Q", "ctrl+q", "ctrl+c")


def test_the_same_key_may_mean_two_things_on_two_screens() -> None:
    keymap = Keymap({"save": "m"})
    assert keymap["save"].keys == ("m",)
    assert not keymap.warnings


@pytest.mark.parametrize(
    ("key", "shown"), [("ctrl+p", "^p"), ("escape", "esc"), ("?", "?"), ("pageup", "pgup")]
)
def test_keys_are_shown_short(key: str, shown: str) -> None:
    assert display(key) == shown


def test_the_table_for_the_readme_names_every_action() -> None:
    table = markdown_table()
    for action in ACTIONS:
        if not action.id.startswith("panel-"):
            assert f"`{action.id}`" in table
    assert "`panel-1` …" in table
    rows = table.splitlines()
    assert all(row.count("|") - row.count("\\|") == 5 for row in rows)
