import pytest

from hx.capture.bound_keys import (
    CTRL_R,
    PICKER,
    UP,
    BoundKey,
    bound_keys,
    packed,
    unpacked,
)

PRESET = "bind --preset \\cr history-pager\n"


@pytest.mark.parametrize(
    ("printed", "holder"),
    [
        ('"^R" hx-pick\n', PICKER),
        ('"^R" fzf-history-widget\n', "fzf-history-widget"),
        ('"^R" undefined-key\n', ""),
        ('"^R" "echo a^M"\n', '"echo a^M"'),
        ('"^[OA" hx-pick-up\n"^[[A" up-line-or-history\n', "up-line-or-history"),
        ('"\\C-r": "\\C-x\\C-_hx1\\C-x\\C-_hx0"', PICKER),
        ('"\\C-r": reverse-search-history', "reverse-search-history"),
        ('"\\C-r": "__fzf_history__"', "__fzf_history__"),
        ('"\\C-r" "__fzf_history__"', "__fzf_history__"),  # bash 5.3
        (PRESET, "history-pager"),
        (PRESET + "bind \\cr __hx_pick\n", PICKER),
        (PRESET + "bind -M insert \\cr fzf-history-widget\n", "fzf-history-widget"),
        ("bind -M default -m insert \\cr 'a b' c\n", "'a b' c"),
        ("bind ctrl-r _atuin_search\n", "_atuin_search"),
        ("", ""),
        ("bind\n", ""),
        ('"', ""),
    ],
)
def test_what_a_shell_prints_says_who_has_the_key(printed, holder):
    assert bound_keys({"k": printed.encode()}) == [BoundKey(CTRL_R, holder)]


def test_each_key_has_a_field():
    fields = {"k": b'"^R" x', "a": b'"^[OA" hx-pick-up', "n": b"1"}
    keys = bound_keys(fields)
    assert keys == [BoundKey(CTRL_R, "x"), BoundKey(UP, PICKER)]
    assert unpacked(packed(keys)) == keys


def test_no_field_is_no_key():
    assert bound_keys({}) == unpacked(packed([])) == []


@pytest.mark.parametrize("junk", [b"\xff\xfe", b"\x1b[31m", b"\n\t\n", b'"^R" ' + b"x" * 5000])
def test_whatever_a_macro_holds_the_text_is_one_short_line(junk):
    [key] = bound_keys({"k": b'"^R" ' + junk})
    assert len(key.holder) <= 200
    assert key.holder.isprintable()
    assert unpacked(packed([key])) == [key]


@pytest.mark.parametrize(
    ("holder", "tool"),
    [
        ("fzf-history-widget", "fzf"),
        ("_fzf_search_history", "fzf"),
        ("atuin-search", "atuin"),
        ("_atuin_search", "atuin"),
        ("zvm_readkeys_handler", "zsh-vi-mode"),
        ("history-incremental-search-backward", ""),
        ("", ""),
    ],
)
def test_the_tool_is_known_by_the_name_of_its_function(holder, tool):
    assert BoundKey(CTRL_R, holder).tool == tool
