"""`hx sync renew`: another vault, with new words and keys, takes the place of the old one."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest

from cli.home_folders import tree
from cli.machine import HX
from cli.vaults import KEYS, Member, is_error, vault
from robustness.store_folder import require_no_keys, secrets
from shells.terminal import Terminal

ALL = ["make desktop", "make laptop", "make phone"]


class Renewed(NamedTuple):
    """Three machines; the first one has renewed their vault, and nobody has come over."""

    laptop: Member
    desktop: Member
    phone: Member
    refused: list  # results of runs that changed nothing
    before: tuple  # of these: trees of the folder of the old vault, before and after
    screen: str  # what the terminal showed
    former: list  # the keys that the machines had in the old vault
    old_words: str


@pytest.fixture(scope="module")
def renewed(tmp_path_factory):
    path = tmp_path_factory.mktemp("renew")
    members = vault(path, "laptop", "desktop", "phone")
    laptop = members[0]
    for member in members:
        member.record(f"make {member.name}")
    for member in (*members, laptop):
        member.sync()
    former, old = [secrets(member) for member in members], laptop.folder
    new, inside = path / "a new place", old / "inside"
    for folder in (new, inside):
        folder.mkdir()
    (laptop.home / "config.toml").write_text("retention_days = 36500\n")
    held = tree(old)
    refused = [
        laptop.hx("sync", "renew", "--store", f"folder:{place}", *options)
        for place, *options in ((old, "--yes"), (inside, "--yes"), (new,))
    ]
    before = (held, tree(old))
    screen = on_terminal(laptop, "sync", "renew", "--store", f"folder:{new}", "--yes")
    old_words = laptop.words
    for member in members:
        member.folder = new
        member.at = ("--store", f"folder:{new}", *KEYS)
    return Renewed(*members, refused, before, screen, former, old_words)


def on_terminal(member, *line):
    environment = {"HOME": str(member.cwd), "HX_HOME": str(member.home), "TERM": "xterm"}
    terminal = Terminal([HX, *line], member.cwd, environment | {"LANG": "C.UTF-8"})
    terminal.wait()
    return terminal.output.decode().replace("\r\n", "\n")


def codes_on(screen):
    return dict(re.findall(r"^  (\w+) +([0-9a-z]{4}(?:-[0-9a-z]{4}){6})$", screen, re.MULTILINE))


def words_on(screen):
    rows = re.findall(r"^ +\d+ [a-z]+ +\d.*$", screen, re.MULTILINE)
    return re.findall(r"[a-z]+", " ".join(rows))


def test_two_vaults_never_lie_in_one_folder_and_a_question_comes_first(renewed):
    *places, unasked = renewed.refused
    for result in places:
        assert is_error(result, 2, "the new vault cannot be in")
    assert unasked.code == 2
    assert "a note in the old place tells the other devices" in unasked.out
    assert "the old words still open what lies in" in unasked.out
    assert "removed after 36,500 days comes from the others" in unasked.out
    before, after = renewed.before
    assert before == after


def test_words_and_a_code_for_each_other_device_are_shown(renewed):
    assert len(words_on(renewed.screen)) == 12
    assert set(codes_on(renewed.screen)) == {"desktop", "phone"}
    assert f"hx sync join --store 'folder:{renewed.laptop.folder}'" in renewed.screen


def test_the_others_come_over_by_a_code_or_by_the_new_words(renewed):
    laptop, desktop, phone = renewed[:3]
    desktop.record("make late")
    for line in (["sync"], ["sync", "push"], ["sync", "leave", "--yes"], ["sync", "check"]):
        result = desktop.hx(*line)
        assert is_error(result, 6, "is replaced by a new one in", "says 'laptop'"), line
    assert desktop.join(codes_on(renewed.screen)["desktop"]).code == 0
    refused = phone.recover(renewed.old_words)
    assert is_error(refused, 6, "was not made with these recovery words")
    assert phone.recover(" ".join(words_on(renewed.screen))).code == 0
    for member in (laptop, desktop, phone, laptop):
        member.sync()
    for member in (laptop, desktop, phone):
        assert member.commands == sorted([*ALL, "make late"])
        assert not member.hx("sync", "status").err
    devices = {each["name"]: each["admin"] for each in laptop.sync("devices")}
    assert devices == {"laptop": True, "desktop": False, "phone": True}
    for member, keys in zip(renewed[:3], renewed.former, strict=True):
        require_no_keys(member, keys)
    assert laptop.sync("check", "--read-data")["problems"] == []


def test_an_output_for_scripts_has_the_words_and_no_terminal_is_needed(tmp_path):
    [laptop] = vault(tmp_path, "laptop", options=("--no-encrypt",))
    laptop.record("make laptop")
    first = laptop.folder
    laptop.folder = tmp_path / "new"
    laptop.folder.mkdir()
    made = laptop.sync("renew", "--store", f"folder:{laptop.folder}", "--yes")
    assert (made["old_store"], made["note"]) == (f"folder:{first}", True)
    other = Member(tmp_path / "other", laptop.folder, "other")
    assert other.recover(made["recovery_words"]).code == 0
    assert other.commands == ["make laptop"]
    assert laptop.sync("status")["vault"]["encrypted"] is True


def test_a_vault_that_is_not_all_read_is_replaced_only_anyway(tmp_path):
    laptop, desktop = vault(tmp_path, "laptop", "desktop")
    desktop.record("make desktop")
    desktop.sync()
    for path in (laptop.folder / "o").rglob("*.hx"):
        path.unlink()
    folder = tmp_path / "new"
    folder.mkdir()
    line = ("sync", "renew", "--store", f"folder:{folder}", "--yes", "--json")
    result = laptop.hx(*line)
    assert is_error(result, 2, "not all of the old vault is read here yet: 1 object pending")
    assert not list(folder.iterdir())
    assert laptop.hx(*line, "--anyway").code == 0
