"""The keymap: one place for every key, and overrides that cannot break the console."""

from typing import Any

import pytest

from astra_tui.flavours import FLAVOURS
from astra_tui.keymap import (
    ACTIONS,
    BY_ID,
    SCOPES,
    Context,
    Keymap,
    display,
    first_clash,
    is_key,
    markdown_table,
    meeting,
)

DANGEROUS = {"approve", "cancel"}
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


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_no_key_means_two_things_in_any_flavour(flavour: str) -> None:
    keymap = Keymap(flavour=flavour)
    assert not keymap.warnings
    assert first_clash({action.id: action.keys for action in keymap.actions}) is None


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_every_flavour_has_keys_and_ways_out(flavour: str) -> None:
    keymap = Keymap(flavour=flavour)
    for action in keymap.actions:
        assert all(is_key(key) for key in action.keys), action.id
        assert not EATEN_BY_MULTIPLEXERS & set(action.keys), action.id
        if {Context.LIST, Context.READER} & set(action.contexts):
            assert any(" " not in key for key in action.keys), f"lists know no strokes: {action.id}"
    assert {"ctrl+q", "ctrl+c"} <= set(keymap["quit"].keys)
    assert "escape" in keymap["back"].keys
    assert {"?", "f1"} <= set(keymap["help"].keys)
    assert ":" in keymap["palette"].keys


def test_flavours_name_known_actions_and_only_what_differs() -> None:
    for name, keys in FLAVOURS.items():
        for action_id, wanted in keys.items():
            assert action_id in BY_ID, f"{name}: {action_id}"
            assert wanted != BY_ID[action_id].keys, f"{name}: {action_id} is as usual"


def test_what_is_dangerous_asks_in_every_flavour() -> None:
    # A confirmation stands behind these; no flavour may add others or take their marks away.
    for flavour in FLAVOURS:
        assert {a.id for a in Keymap(flavour=flavour).actions if a.dangerous} == DANGEROUS


def test_no_letter_moves_in_the_arrows_flavour() -> None:
    keymap = Keymap(flavour="arrows")
    for action in keymap.valid_in([Context.LIST]):
        assert not any(len(key) == 1 for key in action.keys), action.id


def test_overrides_lie_on_the_flavour() -> None:
    keymap = Keymap({"lab": "ctrl+g"}, "vim")
    assert keymap["lab"].keys == ("ctrl+g",)
    assert keymap["first"].keys == ("home", "g g")
    assert not keymap.warnings
    assert Keymap({"migrate": "g"}, "vim")["migrate"].keys == ("m",)  # gg begins with it
    assert Keymap({"migrate": "g m"}, "vim").key_of("migrate") == "gm"


def test_an_unknown_flavour_is_told() -> None:
    keymap = Keymap(flavour="emacs")
    assert keymap.flavour == "astra"
    assert "no flavour 'emacs'" in keymap.warnings[0]


@pytest.mark.parametrize("contexts", meeting())
def test_no_two_actions_share_a_key_where_both_work(contexts: tuple[Context, ...]) -> None:
    owner: dict[str, str] = {}
    for action in ACTIONS:
        if set(action.contexts) & set(contexts):
            for key in action.keys:
                assert key not in owner, f"{key} is {owner.get(key)} and {action.id}"
                owner[key] = action.id


def test_every_context_belongs_to_a_scope() -> None:
    assert {context for contexts in SCOPES.values() for context in contexts} == set(Context)


@pytest.mark.parametrize("scope", ["preview", "versions", "usage", "lab", "plan", "object", "log"])
def test_help_and_readme_head_a_screens_keys_by_its_own_name(scope: str) -> None:
    assert Context(scope) in SCOPES[scope]


def test_no_key_is_one_that_multiplexers_eat() -> None:
    assert not EATEN_BY_MULTIPLEXERS & {key for action in ACTIONS for key in action.keys}


def test_what_destroys_is_marked_as_changing() -> None:
    dangerous = {action.id for action in ACTIONS if action.dangerous}
    assert dangerous == DANGEROUS
    assert all(BY_ID[action_id].changes for action_id in dangerous)


def test_an_override_replaces_the_keys() -> None:
    keymap = Keymap({"migrate": "I,f5"})
    assert keymap["migrate"].keys == ("I", "f5")
    assert keymap.key_of("migrate") == "I"
    assert not keymap.warnings


def test_keys_may_come_as_a_list() -> None:
    assert Keymap({"filter": ["ctrl+t", "comma"]})["filter"].keys == ("ctrl+t", ",")


def test_two_actions_may_swap_their_keys() -> None:
    keymap = Keymap({"migrate": "t", "tier": "m"})
    assert (keymap["migrate"].keys, keymap["tier"].keys) == (("t",), ("m",))
    assert not keymap.warnings


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"migrat": "I"}, "did you mean 'migrate'"),
        ({"zzzz": "I"}, "no action 'zzzz'"),
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
    ("key", "shown"),
    [
        ("ctrl+p", "^p"),
        ("g g", "gg"),
        ("ctrl+w w", "^w w"),
        ("escape", "esc"),
        ("?", "?"),
        ("pageup", "pgup"),
    ],
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
