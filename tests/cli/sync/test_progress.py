"""Commands that read or write a vault show their progress on a terminal, and remove it."""

from __future__ import annotations

import pexpect
import pytest

from cli.vaults import Member, vault


def on_terminal(member, *arguments, code=""):
    """Run a command on a terminal, and return what it wrote."""
    line = ["sync", *arguments]
    if code:
        path = member.cwd / "code"
        path.write_text(code)
        line += ["--code-file", str(path)]
    child = member.on_terminal(*line, TERM="xterm")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0, child.before
    return child.before


@pytest.fixture
def first(tmp_path):
    (tmp_path / "store").mkdir()
    member = Member(tmp_path / "laptop", tmp_path / "store", "laptop")
    member.record("echo one")
    return member


def test_making_a_vault_shows_progress(first):
    said = on_terminal(first, "init", *first.at, "--yes", "--no-auto")
    assert b"publishing [" in said
    assert said.split(b"publishing [")[-1].count(b"\r\x1b[K") == 1, "it is removed"


def test_joining_moving_and_repairing_show_progress(tmp_path):
    [laptop] = vault(tmp_path, "laptop")
    laptop.record("echo one")
    laptop.sync()
    desktop = Member(tmp_path / "desktop", laptop.folder, "desktop")
    assert b"syncing [" in on_terminal(
        desktop, "join", *desktop.at, "--no-auto", code=laptop.invite()
    )
    assert b"repairing [" in on_terminal(laptop, "repair")
    (tmp_path / "new").mkdir()
    moved = on_terminal(laptop, "move", "--store", f"folder:{tmp_path / 'new'}", "--yes")
    assert b"copying [" in moved


def test_with_json_nothing_of_it_is_written(first):
    assert b"[=" not in on_terminal(first, "init", *first.at, "--yes", "--json")
