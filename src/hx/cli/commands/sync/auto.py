"""`hx sync auto on | off | status`: what lets this machine sync by itself."""

from __future__ import annotations

import sys
import time

from hx.cli.auto_output import as_object, on_lines, status_lines
from hx.cli.auto_sync import job_of, offset, place_of, turn_off, watched_folder
from hx.cli.commands.sync.vault_access import vault_of
from hx.cli.context import now_us, open_context
from hx.cli.events_output import print_json
from hx.core.errors import HxError, SchedulerError, UsageError
from hx.database.sync import runs
from hx.scheduler import backoff, install, launchd, note, shell, user_manager
from hx.scheduler.note import CRON, LAUNCHD, SHELL, SYSTEMD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from hx.cli.context import Context
    from hx.config import Config
    from hx.database.sync.runs import Run
    from hx.scheduler.install import Place
    from hx.scheduler.job import Job
    from hx.scheduler.note import Note

# a run ends within 2 minutes; cron starts one at the next whole minute
_PATIENCE_S = {SYSTEMD: 150, LAUNCHD: 150, CRON: 100, SHELL: 150}
_PAUSE_S = 0.2
_WHERE = {
    SYSTEMD: "`journalctl --user -u hx-sync.service` shows what it has printed",
    LAUNCHD: "the Console of macOS shows what launchd says of hx.sync",
    CRON: "see whether cron runs, or let open shells start it: hx sync auto on --by shell",
    SHELL: "`hx sync --background` does the same and shows what it says",
}
_PENDING = 3  # exit code: it is on, and its first run has failed


def run(_: str, given: Namespace, config: Config) -> int:
    """Carry out `hx sync auto`, and return the exit code; 3: on, and the first run has failed."""
    if given.action != "on" and (given.by or given.when_logged_out):
        raise UsageError(
            f"`hx sync auto {given.action}` takes neither --by nor --when-logged-out",
            "leave them out",
        )
    return {"on": _on, "off": _off, "status": _status}[given.action](given, config)


def _on(given: Namespace, config: Config) -> int:
    first = turn_on(config, given.by, when_logged_out=given.when_logged_out, quiet=given.json)
    if given.json:
        print_json(as_object(note.read(config.paths.data), place_of(config), first))
    return 0 if first.error is None else _PENDING


def turn_on(
    config: Config, by: str | None = None, *, when_logged_out: bool = False, quiet: bool = False
) -> Run:
    """Let a scheduler start the sync, wait for one run of it, print both, and return the run.

    When no run comes to its end, everything is removed again. Raises NotInVault, SchedulerError,
    InputError, UsageError.
    """
    context = open_context(config)
    store = vault_of(context).store
    place = place_of(config)
    _check_keys(context, when_logged_out=when_logged_out)
    kind = by or install.best(place.user)
    job = job_of(config, kind, watched_folder(kind, store))
    # cron starts nothing at once: until the first run it is told to do so every minute
    trial = job._replace(minutes=1) if kind == CRON else job
    known = _installed(kind, trial, place, when_logged_out=when_logged_out)
    when = "within a minute" if kind == CRON else "now"
    starter = "the hook of a shell" if kind == SHELL else kind
    print(f"hx: {starter} starts one sync {when}, which shows whether that works", file=sys.stderr)
    first = _tried(kind, context, place)
    if trial != job:
        known = _installed(kind, job, place, when_logged_out=when_logged_out)
    if not quiet:
        print("\n".join(on_lines(known, first)))
    _tell_of_logout(known, place)
    if kind == SHELL:
        _tell_of_hooks(config)
    return first


def _installed(kind: str, job: Job, place: Place, *, when_logged_out: bool) -> Note:
    return install.install(kind, job, place, offset=offset(), when_logged_out=when_logged_out)


def _check_keys(context: Context, *, when_logged_out: bool) -> None:
    """Warn of keys that a sync cannot open by itself. Raises UsageError for a locked keychain."""
    from hx.cli import keys
    from hx.custody.files import read_note

    kept = read_note(keys.place(context).note)
    kind = None if kept is None else kept.kind
    if kind == "keychain" and when_logged_out:
        raise UsageError(
            "the keys of this device are in a keychain, which is locked while you are logged out",
            "leave out --when-logged-out, or move them first: hx sync custody --to file",
        )
    if kind == "passphrase" and context.config.passphrase_command is None:
        print(
            "hx: warning: the keys of this device are under a passphrase, which nobody types in the"
            " background: a sync that needs them fails\nhx: hint: set HX_PASSPHRASE_COMMAND to a"
            " command that prints it, and run `hx sync auto on` again",
            file=sys.stderr,
        )


def _tried(kind: str, context: Context, place: Place) -> Run:
    """Start one run and return how it ended; remove everything when none ends in time.

    Raises SchedulerError.
    """
    began_us = now_us()
    # else a failure before would let the run do nothing
    backoff.clear(place.data)
    try:
        if kind == SYSTEMD:
            user_manager.start(place.user, _PATIENCE_S[kind])
        elif kind == LAUNCHD:
            launchd.start(place.user)
        elif kind == SHELL:
            shell.start(place.user, place.data, began_us // 1_000_000)
        return _awaited(kind, context, began_us)
    except (HxError, KeyboardInterrupt):
        turn_off(context.config)
        raise


def _awaited(kind: str, context: Context, began_us: int) -> Run:
    """Return the run that a scheduler has started since then. Raises SchedulerError."""
    # systemd has waited for its end already
    until_s = time.monotonic() + (0 if kind == SYSTEMD else _PATIENCE_S[kind])
    while True:
        last = runs.newest(context.database)
        # runs in a row with one outcome are one: its beginning is that of the first
        if last is not None and last.trigger != runs.HAND and last.last_began_us >= began_us:
            return last
        if time.monotonic() >= until_s:
            break
        time.sleep(_PAUSE_S)
    starter = "a shell" if kind == SHELL else kind
    raise SchedulerError(
        f"{starter} has started no sync that came to its end: sync by itself is off", _WHERE[kind]
    )


def _off(given: Namespace, config: Config) -> int:
    there = install.remove(place_of(config))
    if given.json:
        last = runs.newest(open_context(config).database)
        print_json(as_object(None, place_of(config), last))
    elif there:
        print("sync by itself is off: `hx sync` syncs by hand, `hx sync auto on` turns it on again")
    else:
        print("sync by itself was off already")
    return 0


def _status(given: Namespace, config: Config) -> int:
    known, place = note.read(config.paths.data), place_of(config)
    last = runs.newest(open_context(config).database)
    if given.json:
        print_json(as_object(known, place, last))
    elif known is None:
        print("sync by itself is off: `hx sync auto on` turns it on")
    else:
        print("\n".join(status_lines(known, place, last)))
    return 0


def _tell_of_logout(known: Note, place: Place) -> None:
    """Say where the sync stops while nobody is logged in."""
    from hx.config_background import is_graphical

    if known.by == SYSTEMD and not is_graphical() and not user_manager.lingers(place.user):
        print(
            "hx: it stops while you are logged out; to go on then too, run"
            " `hx sync auto on --when-logged-out`",
            file=sys.stderr,
        )


def _tell_of_hooks(config: Config) -> None:
    """Warn where the shell that runs hx cannot start the sync: it has no hook, or an older one."""
    from hx.cli import this_shell

    fault = this_shell.fault_of_hook(config)
    if fault is not None:
        print(
            f"hx: warning: no sync starts from here: {fault.sentence}\nhx: hint: {fault.fix}",
            file=sys.stderr,
        )
