"""Two machines in a vault in a state in which a sync has every kind of work, restored by reset."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from cli.vaults import Member
from dump import dump
from robustness.store_folder import histories, manifests, objects, opener, require_listed_present
from robustness.strace import Ended, run

if TYPE_CHECKING:
    from pathlib import Path

SMALL = 33  # pushes; one more than the number of small segments that a device keeps
FORGOTTEN = "echo forgotten"
IMPORTED = "echo imported"


class BusyVault:
    """The machines `laptop` and `desktop`, and `typed`: every command that was not forgotten.

    `small` is the number of small segments that the laptop has published.
    """

    def __init__(self, folder: Path, *, small: int = 3) -> None:
        self._folder = folder
        work = folder / "work"
        work.mkdir()
        store = work / "store"
        store.mkdir()
        self.laptop = Member(work / "laptop", store, "laptop")
        self.desktop = Member(work / "desktop", store, "desktop")
        self.members = (self.laptop, self.desktop)
        self._make_vault()
        self._prepare(small)
        self.opened = opener(*self.members)
        shutil.copytree(work, folder / "saved")

    def _make_vault(self) -> None:
        laptop, desktop = self.members
        must(run(laptop, "sync", "init", *laptop.at, "--yes", "--json"))
        code = must(run(laptop, "sync", "invite")).text.splitlines()[0]
        joined = run(desktop, "sync", "join", *desktop.at, "--code-file", "-", stdin=code.encode())
        must(joined)
        for member in (laptop, desktop, laptop):
            must(run(member, "sync"))

    def _prepare(self, small: int) -> None:
        """Create segments to merge, to rewrite and to pull, a spool and a file to import."""
        laptop, desktop = self.members
        laptop.record(FORGOTTEN)
        for number in range(small):
            laptop.record(f"echo small {number}")
            must(run(laptop, "sync", "push"))
        desktop.record("echo of the desktop")
        for member in (desktop, laptop, desktop):
            must(run(member, "sync"))
        must(run(desktop, "forget", "--match", FORGOTTEN, "--yes"))
        desktop.record("echo of the desktop, later")
        must(run(desktop, "sync"))
        laptop.record("echo in the database")
        must(run(laptop, "find", "--limit", "1"))
        laptop.record("echo in the spool")
        (laptop.cwd / ".zsh_history").write_text(f": 1700000000:0;{IMPORTED}\n")
        self.typed = {f"echo small {number}" for number in range(small)} | {
            *("echo of the desktop", "echo of the desktop, later"),
            *("echo in the database", "echo in the spool"),
        }

    def reset(self) -> None:
        """Restore all files to the state at the end of __init__."""
        work = self._folder / "work"
        shutil.rmtree(work)
        shutil.copytree(self._folder / "saved", work)

    def require_sound(self) -> None:
        """Assert that each listed segment is in the store."""
        require_listed_present(objects(self.laptop), self.opened)

    def require_mended(self, *more: str) -> None:
        """Assert that the next syncs succeed and both machines have all commands and no work left.

        `more` are commands to expect in addition to `typed`.
        """
        for member in (self.laptop, self.desktop, self.laptop, self.desktop):
            must(run(member, "sync"))
            self.require_sound()
        laptop_history, desktop_history = (_history(member) for member in self.members)
        assert laptop_history == desktop_history
        assert {event.command.decode() for event in laptop_history.events} == self.typed | {*more}
        self._require_clean()

    def _require_clean(self) -> None:
        held = objects(self.laptop)
        listed = {
            entry.object_id
            for manifest in manifests(held, self.opened).values()
            for entry in manifest.objects
        }
        for key, history in histories(held, self.opened).items():
            assert bytes.fromhex(key[-35:-3]) in listed, f"{key} is left behind"
            assert FORGOTTEN.encode() not in {event.command for event in history.events}
        assert left_behind(self.laptop.folder) == []
        assert [left_behind(member.home) for member in self.members] == [[], []]


def left_behind(folder: Path) -> list[str]:
    """Return the temporary and outbox files that an interrupted run left."""
    names = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    return [name for name in names if name.endswith(".tmp") or name.startswith("outbox/")]


def must(ended: Ended, *codes: int) -> Ended:
    """Assert that a process ended with one of these codes, by default 0, without a traceback."""
    assert ended.code in (codes or (0,)), ended
    assert "Traceback" not in ended.text, ended
    return ended


def _history(member: Member):
    with member.database() as database:
        assert database.value("PRAGMA integrity_check") == "ok"
        return dump(database)
