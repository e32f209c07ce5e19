"""A real user manager of systemd, with a /run of its own, for tests of `hx sync auto`."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from cli.vaults import Member

if TYPE_CHECKING:
    from pathlib import Path

    from cli.machine import Result

_SYSTEMD = "/lib/systemd/systemd"
_NEEDED = ("unshare", "nsenter", "dbus-run-session", "systemctl")
# hx asks for /run/systemd/system to see whether systemd runs here
_START = f"""
mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system /run/groups "$XDG_RUNTIME_DIR" || exit
mount -t cgroup2 cgroup2 /run/groups && group=$(mktemp -d /run/groups/hx-tests-XXXXXX) || exit
(echo 0 >"$group/cgroup.procs" && exec unshare --cgroup sh -c '
    mount -t cgroup2 cgroup2 /sys/fs/cgroup || exit
    exec dbus-run-session -- sh -c "
        {_SYSTEMD} --user >/dev/null 2>&1 & manager=\\$!
        while ! [ -S \\"$XDG_RUNTIME_DIR/systemd/private\\" ]; do
            kill -0 \\$manager || exit; sleep 0.05
        done
        echo ready
        wait \\$manager"')
echo 1 >"$group/cgroup.kill"
while grep -q "populated 1" "$group/cgroup.events"; do sleep 0.02; done
find "$group" -depth -type d -exec rmdir {{}} +
"""


class UserManager:
    """The manager of this user, whose home folder is `home`, until `end`.

    Each has a control group of its own and sees nothing outside of it, so several run at once. In
    one group each would end the services of the other.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self._environment = {
            "HOME": str(home),
            "PATH": os.environ["PATH"],
            "XDG_RUNTIME_DIR": f"/run/user/{os.getuid()}",
        }
        self._process = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", _START],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            self.end()
            pytest.skip("no user manager of systemd starts here, in a control group of its own")

    @property
    def inside(self) -> list[str]:
        """Return the beginning of a command line that runs where the manager is."""
        return ["nsenter", "--mount", "--target", str(self._process.pid)]

    def systemctl(self, *arguments: str) -> str:
        """Run `systemctl --user` and return what it prints, on stderr too."""
        line = [*self.inside, "systemctl", "--user", "--no-pager", *arguments]
        process = subprocess.run(
            line, env=self._environment, capture_output=True, text=True, timeout=120, check=False
        )
        return process.stdout + process.stderr

    def end(self) -> None:
        if self._process.poll() is None:
            self.systemctl("exit")
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            line = [*self.inside, "sh", "-c", "echo 1 >/run/groups/hx-tests-*/cgroup.kill"]
            subprocess.run(line, env=self._environment, check=False)
            self._process.wait(30)


class Scheduled(Member):
    """A member of a vault whose hx runs where the manager is, in a folder of its own."""

    def __init__(self, manager: UserManager, path: Path, folder: Path, name: str) -> None:
        path.parent.mkdir(exist_ok=True)
        super().__init__(path, folder, name)
        folder.mkdir(exist_ok=True)
        self.manager, self.cwd = manager, manager.home
        self.variables = {"XDG_RUNTIME_DIR": f"/run/user/{os.getuid()}"}

    def run(self, line: list[str | bytes], **options: object) -> Result:
        return super().run([*self.manager.inside, *line], **options)  # type: ignore[arg-type]

    def on_terminal(self, *line: str, timeout: float = 60, **variables: str) -> Any:
        program, *options = self.manager.inside
        variables = {**self.variables, **variables}
        return super().on_terminal(*line, timeout=timeout, before=[program, *options], **variables)

    @property
    def units(self) -> list[str]:
        """Return the names of all files below the folder of units."""
        folder = self.manager.home / ".config" / "systemd"
        return sorted(path.name for path in folder.rglob("*") if not path.is_dir())


def started(home: Path) -> UserManager:
    """Start a manager, or skip the test with the reason."""
    missing = [name for name in _NEEDED if shutil.which(name) is None]
    if missing or not os.path.exists(_SYSTEMD):
        pytest.skip(f"not here: {' '.join(missing) or _SYSTEMD}")
    if os.geteuid():
        pytest.skip("a /run of its own needs root")
    home.mkdir()
    return UserManager(home)
