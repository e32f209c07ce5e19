"""A user without systemd whose crontab is a program of the test."""

import os

import pytest

from hx.scheduler.job import User


@pytest.fixture
def user(tmp_path):
    """Return a user whose crontab is a program of the test: a file, and what it says."""
    program = tmp_path / "crontab"
    program.write_text(
        f"""#!/bin/sh
case $1 in
-l) [ -e {tmp_path}/refuses ] && {{ echo 'cannot be opened' >&2; exit 1; }}
    [ -e {tmp_path}/tab ] || {{ echo 'no crontab for ann' >&2; exit 1; }}; cat {tmp_path}/tab ;;
-r) rm {tmp_path}/tab ;;
-) cat >{tmp_path}/tab ;;
esac
"""
    )
    program.chmod(0o700)
    home, path = tmp_path / "home", tmp_path / "bin"
    home.mkdir()
    path.mkdir()
    program.rename(path / "crontab")
    for name in ("sh", "cat", "rm"):  # and no systemctl
        (path / name).symlink_to(f"/bin/{name}")
    environment = {"PATH": str(path)}
    return User(os.getuid(), "ann", str(home), str(home / ".config"), "Linux", environment)
