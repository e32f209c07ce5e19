"""Two machines in a vault at a moment when a sync has every kind of work; back to it at will."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from cli.vaults import Member
from dump import dump
from robustness.store_folder import histories, manifests, objects, opener, require_kept
from robustness.strace import Ended, run

if TYPE_CHECKING:
    from pathlib import Path

SMALL = 33  # pushes: one more than a device leaves small segments
FORGOTTEN = "echo forgotten"
IMPORTED = "echo imported"


class Scene:
    """`one` and `other`, and all that their owner ever typed there and did not forget."""

    def __init__(self, folder: Path, *, small: int = 3) -> None:
        self._folder = folder
        live = folder / "live"
        live.mkdir()
        store = live / "store"
        store.mkdir()
        self.one = Member(live / "one", store, "one")
        self.other = Member(live / "other", store, "other")
        self.members = (self.one, self.other)
        self._enter()
        self._live(small)
        self.opened = opener(*self.members)
        shutil.copytree(live, folder / "kept")

    def _enter(self) -> None:
        one, other = self.members
        must(run(one, "sync", "init", *one.at, "--yes", "--json"))
        code = must(run(one, "sync", "invite")).text.splitlines()[0]
        joined = run(other, "sync", "join", *other.at, "--code-file", "-", stdin=code.encode())
        must(joined)
        for member in (one, other, one):
            must(run(member, "sync"))

    def _live(self, small: int) -> None:
        """Segments to merge and to write anew, something to take, a spool, a file to import."""
        one, other = self.members
        one.record(FORGOTTEN)
        for number in range(small):
            one.record(f"echo small {number}")
            must(run(one, "sync", "push"))
        other.record("echo of the other")
        for member in (other, one, other):
            must(run(member, "sync"))
        must(run(other, "forget", "--match", FORGOTTEN, "--yes"))
        other.record("echo of the other, later")
        must(run(other, "sync"))
        one.record("echo in the database")
        must(run(one, "find", "--limit", "1"))
        one.record("echo in the spool")
        (one.cwd / ".zsh_history").write_text(f": 1700000000:0;{IMPORTED}\n")
        self.typed = {f"echo small {number}" for number in range(small)} | {
            *("echo of the other", "echo of the other, later"),
            *("echo in the database", "echo in the spool"),
        }

    def again(self) -> None:
        """All files as they were."""
        live = self._folder / "live"
        shutil.rmtree(live)
        shutil.copytree(self._folder / "kept", live)

    def require_sound(self) -> None:
        """Nothing is named in the store that is not there."""
        require_kept(objects(self.one), self.opened)

    def require_mended(self, *more: str) -> None:
        """The next syncs end well; both then have all, and nothing of it is left to do."""
        for member in (self.one, self.other, self.one, self.other):
            must(run(member, "sync"))
            self.require_sound()
        one, other = (_history(member) for member in self.members)
        assert one == other
        assert {event.command.decode() for event in one.events} == self.typed | {*more}
        self._require_clean()

    def _require_clean(self) -> None:
        held = objects(self.one)
        named = {
            listed.object_id
            for one in manifests(held, self.opened).values()
            for listed in one.objects
        }
        for key, history in histories(held, self.opened).items():
            assert bytes.fromhex(key[-35:-3]) in named, f"{key} is left behind"
            assert FORGOTTEN.encode() not in {event.command for event in history.events}
        assert left_behind(self.one.folder) == []
        assert [left_behind(member.home) for member in self.members] == [[], []]


def left_behind(folder: Path) -> list[str]:
    """Files that something cut short has left."""
    names = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    return [name for name in names if name.endswith(".tmp") or name.startswith("outbox/")]


def must(done: Ended, *codes: int) -> Ended:
    assert done.code in (codes or (0,)), done
    assert "Traceback" not in done.text, done
    return done


def _history(member: Member):
    with member.database() as database:
        assert database.value("PRAGMA integrity_check") == "ok"
        return dump(database)
