"""`hx sync auto` with a real cron, where systemd manages nothing of the user."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from cli.vaults import Member
from hx.database.sync import runs

# the jobs of the system are hidden from this cron, and the crontabs of the users too
_START = """
mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/spool/cron || exit
mount -t tmpfs tmpfs /etc/cron.d && mount --bind /dev/null /etc/crontab || exit
mkdir /var/spool/cron/crontabs && chgrp crontab /var/spool/cron/crontabs || exit
chmod 1730 /var/spool/cron/crontabs || exit
echo ready
exec cron -f
"""


class Machine(Member):
    """A member of a vault that runs where a cron of its own is."""

    inside: tuple[str, ...] = ()
    timeout_s = 150

    def run(self, line, **options):
        return super().run([*self.inside, *line], **options)


@pytest.fixture
def laptop(tmp_path):
    if os.geteuid() or not all(map(shutil.which, ("cron", "crontab", "unshare", "nsenter"))):
        pytest.skip("no cron here, or not root: apt-get install --no-install-recommends cron")
    process = subprocess.Popen(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", _START],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    if not process.stdout.readline():
        process.wait()
        pytest.skip("no cron starts here")
    (tmp_path / "store").mkdir()
    made = Machine(tmp_path / "it's 100%", tmp_path / "store", "laptop")
    made.inside = ("nsenter", "--mount", "--target", str(process.pid))
    made.init("--no-auto")
    yield made
    process.terminate()
    process.wait(30)


@pytest.mark.long
def test_cron_runs_it_and_the_lines_of_the_user_stay_byte_for_byte(laptop):
    """It takes up to a minute: cron starts nothing sooner."""
    own = "# mine\nSHELL=/bin/false\nMAILTO=nobody@example.org\n0 4 * * * backup \\%d\n"
    laptop.run(["crontab", "-"], stdin=own)
    on = laptop.hx("sync", "auto", "on", "--json")
    assert on.code == 0, on
    assert (on.json["by"], on.json["every_minutes"], on.json["watched"]) == ("cron", 5, None)
    assert on.json["last_run"]["error"] is None
    with laptop.database() as database:
        assert runs.newest(database).trigger == runs.TIMER
    table = laptop.run(["crontab", "-l"]).out
    assert table.endswith(own)
    assert "-59/5 * * * * " in table
    assert laptop.hx("sync", "auto", "off").code == 0
    assert laptop.run(["crontab", "-l"]).out == own
