"""One history file is imported on three devices of a vault: shown, counted and forgotten once."""

from __future__ import annotations

import pytest

from cli.vaults import Member, vault

SECRET = "rsync hunter2@backup:/srv ."
COMMON = b"".join(
    b": %d:%d;%s\n" % line
    for line in (
        (1_700_000_000, 0, b"echo old"),
        (1_700_000_001, 0, b"echo old"),
        (1_700_000_001, 0, b"echo old"),  # twice in one second
        (1_700_000_001, 2, b"git push"),
        (1_700_000_002, 0, SECRET.encode()),
        (1_700_000_100, 0, b"make"),
    )
)
SHOWN = [
    "echo old",
    "echo old",
    "echo old",
    "git push",
    SECRET,
    "make",
    "grown on laptop",
    "grown on desktop",
    "grown on old",
]
LIVE_S = 1_700_000_500


@pytest.fixture(scope="module")
def members(tmp_path_factory) -> list[Member]:
    """Each has imported its copy, which has grown since, before it heard of the others."""
    path = tmp_path_factory.mktemp("copies")
    members = vault(path, "laptop", "desktop", "old")
    members[0].record("typed here", at=LIVE_S * 1_000_000 + 300_000)
    copied = COMMON + b": %d:0;typed here\n" % LIVE_S
    for number, member in enumerate(members):
        grown = b": %d:0;grown on %s\n" % (LIVE_S + 100 + number, member.name.encode())
        (member.cwd / ".zsh_history").write_bytes(copied + grown)
        result = member.hx("import", str(member.cwd / ".zsh_history"), "--all")
        assert result.code == 0, result
    sync(members)
    return members


def sync(members: list[Member]) -> None:
    for member in (*members, *members[:-1]):
        member.sync()


def commands(member: Member) -> list[str]:
    return member.hx("find", "--all", "--json", "--reverse").commands


def test_each_line_is_shown_and_counted_once_and_alike_on_each_device(members):
    laptop, desktop, old = (
        [(event["id"], event["device"], event["command"]) for event in member.history]
        for member in members
    )
    assert laptop == desktop == old
    assert sorted(command for _, _, command in laptop) == sorted([*SHOWN, "typed here"])
    assert members[2].hx("status", "--json").json["database"]["events"] == len(laptop)


def test_what_ran_is_counted_and_found_once(members):
    stats = members[1].hx("stats", "--json").json
    assert stats["total"]["events"] == len(SHOWN) + 1
    assert members[1].hx("search", "git", "--json").json[0]["runs"] == 1
    assert members[2].hx("find", "push", "--unique", "--json").json[0]["runs"] == 1


def test_a_file_without_times_that_has_grown_is_counted_once_up_to_there(tmp_path):
    members = vault(tmp_path, "laptop", "desktop")
    for member in members:
        history = b"echo one\necho two\necho one\nmake %s\n" % member.name.encode()
        (member.cwd / ".bash_history").write_bytes(history)
        assert member.hx("import", str(member.cwd / ".bash_history"), "--all").code == 0
    sync(members)
    shown = ["echo one", "echo one", "echo two", "make desktop", "make laptop"]
    for member in members:
        assert member.hx("stats", "--json").json["total"]["events"] == len(shown)
        assert member.hx("search", "echo one", "--json").json[0]["runs"] == 2
    assert members[1].hx("forget", "--match", "echo one", "--yes").code == 0
    sync(members)
    for member in members:
        assert sorted(commands(member)) == ["echo two", "make desktop", "make laptop"]


def test_a_forgotten_line_goes_from_every_copy_also_from_those_that_are_imported_later(members):
    laptop, desktop, _ = members
    late = Member(laptop.folder.parent / "late", laptop.folder, "late")
    copy = late.cwd / ".zsh_history"
    copy.write_bytes((laptop.cwd / ".zsh_history").read_bytes())
    late.hx("import", str(copy), "--all")  # before it knows of the vault
    [secret] = desktop.hx("find", "hunter2", "--json").json
    [typed] = desktop.hx("find", "typed here", "--json").json
    result = desktop.hx("forget", secret["id"], typed["id"], "--yes", "--json")
    assert (result.code, result.json["forgotten"]) == (0, 2), result
    assert late.join(laptop.invite()).code == 0
    sync([*members, late])
    left = sorted(set(SHOWN) - {SECRET})
    assert [sorted({*commands(member)}) for member in (*members, late)] == [left] * 4
    for options in (("--dry-run",), ()):  # what only marks name is neither announced nor imported
        [again] = late.hx("import", str(copy), "--all", "--json", *options).json
        assert (again["new"], again["forgotten"]) == (0, 2)
