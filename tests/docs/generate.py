"""Writes docs/cli.md, docs/messages.md and the completions from the source (`make docs`)."""

# ruff: noqa: E501  (the lines of a page are as long as they are)
from __future__ import annotations

import argparse
import functools
import os
import re
import sys
from typing import TYPE_CHECKING

import shtab

from hx.cli.commands.sync.subcommand_options import add_run_options
from hx.cli.commands.sync.subcommands import SUBCOMMANDS, subcommand_parser
from hx.cli.parsers import Parser, parser_of
from hx.cli.table import COMMANDS
from hx.shells import SHELLS, completions_path

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLI_PAGE = os.path.join(ROOT, "docs", "cli.md")

EXIT_CODES = {
    0: "it worked, also when the reader of the output closed it",
    1: "nothing was found",
    2: "wrong arguments, unreadable input, or a question answered with no",
    3: "something is pending: it will be done later, and hx says what",
    4: "something in the store was rejected: `hx sync status` says what and why",
    5: "the store of the vault cannot be used now: it is not mounted, denies access, is full or read-only",
    6: "a key is missing or wrong, or there is no vault, or another one",
    7: "a newer hx wrote something: upgrade this one; a sync has done everything else, and rejected nothing",
    8: "the local database or a folder of hx cannot be used, or a scheduler did not do what was asked",
    70: "a fault of hx itself; `HX_DEBUG=1` shows where it is",
    130: "interrupted",
}

_HEAD = """\
# Every command

<!-- Written by `make docs` from the parsers; edit those. -->

Results go to stdout; progress, hints and errors go to stderr. Every command that prints data has `--json`: one object or one array with stable names, unknown values null.
An error is `hx: error: …`, often followed by `hx: hint: …`; [messages.md](messages.md) lists all of them. Commands that remove something show what they will do and ask, unless
`--yes` is given; without a terminal and without `--yes` they refuse. `history-extended` is another name for `hx`.

## Exit codes

| code | means |
|---|---|
"""

_JSON = """\
## An event in JSON

`hx find --json` and `hx search --json` print an array of such objects, `hx show --json` prints one of them with more names.

| name | value |
|---|---|
| `id` | 12 characters, the same on every device; the first 4 or more name the event while no other event begins so |
| `command` | the text; bytes that are not UTF-8 are replaced |
| `command_b64` | only where the text is not UTF-8: its bytes |
| `exit_status` | null while it runs, or when it is not known |
| `pipestatus` | for a pipeline of two or more commands: their statuses in order |
| `started_at` | RFC 3339, UTC, microseconds; null where an imported history has no times |
| `duration_us` | microseconds |
| `cwd`, `repo`, `branch` | where it ran; `repo` is the URL of the remote, else the root of the work tree |
| `session_id`, `device_id`, `device` | hexadecimal ids, the device's name |
| `host`, `user`, `shell` | as the shell reported them |
| `origin` | `live` or `import` |
| `redacted` | whether a secret was masked |
| `artifacts` | what was kept with it |
| `runs`, `failures`, `last_started_at` | only with `--unique` and in `hx search`: about all runs of this command that were found; in `hx find` also for runs without a time, which are one row for each command |
"""

# What the other commands print with --json; a dot goes inside, [] is an array
OBJECTS = {
    "status": {
        "recording": "whether this shell is recorded now",
        "reason": "why not; null when it is",
        "shells[].shell, shells[].last_started_at": "the newest event of each shell on this device",
        "picker": "what the keys of the picker call in this shell, a sentence each, where it is not the picker",
        "spool.path, spool.files, spool.pending_bytes": "what is not in the database yet",
        "database.path, database.size_bytes, database.journal_mode": "the file",
        "database.events, database.commands, database.sessions, database.devices": "what is in it: events, distinct commands, sessions, and devices with events (each name once; an import is none)",
        "database.unclean": "whether the file may still hold forgotten text, because another process was using it",
        "last_ingest_at": "when the last event was read from the spool",
        "lost[].reason, lost[].count, lost[].last_at": "records in the spool that could not be read",
        "ignored": "how many commands were not recorded because of the rules in the settings",
        "retention.days, retention.due": "how many days events are kept, 0 for ever; how many events are still to be removed",
        "retention.unsynced": "how many events are old enough and stay until `hx sync` has published them",
        "retention.counted_from": "the time from which the age of events is counted, where no event vouches for the clock since then; null: from now",
        "warnings": "settings that are not in force, and why",
        "trouble.error, trouble.hint": "why the database could not be used; null when it could",
        "sync.forgotten": "as in `hx sync status`",
        "sync.vault, sync.store, sync.last_pull, sync.last_push, sync.unpublished, sync.pending, sync.rejected": "the vault in short, more in `hx sync status`; null when sync is not set up",
    },
    "doctor": {
        "[].check": "what was looked at",
        "[].level": "`ok`, `warning` or `fault`",
        "[].sentence, [].fix": "the result, and a command or what to do",
    },
    "stats": {
        "by": "the kind of group; null for the overview, whose groups are programs",
        "since, until": "as given",
        "total.events, total.commands, total.ended, total.failures, total.duration_us": "of everything that was counted: events, distinct commands, events whose exit status is known, the failures among these, the time they took",
        "total.first_started_at, total.last_started_at, total.unknown_time": "when the first and the last event began; how many have no time",
        "groups[].name": "program, directory, repository, device, or the local hour as a number; null where it is unknown",
        "groups[].events, groups[].commands, groups[].ended, groups[].failures, groups[].duration_us": "the same of each group; the groups with the most events come first, hours in their order",
        "left_out": "number of groups beyond the limit",
        "days[].day, days[].events, days[].failures": "only in the overview: the last 14 local days",
        "failing[].name, failing[].events, failing[].commands, failing[].ended, failing[].failures, failing[].duration_us": "only in the overview: the programs that failed most often",
    },
    "forget": {
        "forgotten": "number of forgotten events",
        "artifacts": "number of forgotten artifacts",
        "devices[].device_id, devices[].device, devices[].events": "the devices that recorded the events",
        "window.since, window.until, window.device_id": "the time from which everything is forgotten, also what arrives later; null without `--since` and `--until`; `device_id` null: of all devices",
        "session_id": "with `--session`",
        "elsewhere": "where copies remain, as `forgotten` in `hx sync status`; null when this device is in no vault",
        "everywhere.texts, everywhere.until": "with `--everywhere`: the number of whole texts that the other devices forget, and until when they compare; else null",
        "may_hold[].device_id, may_hold[].device, may_hold[].last_seen": "with `--match`: the other devices, which may hold the same text in what they have not synced",
        "erased": "number of places in the spool and in text files of shells that were overwritten",
        "clean": "false when the files of the database may still hold the text, because another process uses them",
        "shell_histories": "history files of shells that still hold the same text",
        "shell_histories_cleaned[].path, shell_histories_cleaned[].entries": "files that were cleaned, and the number of commands that were removed from each",
    },
    "import": {
        "[].path, [].kind": "a history and the tool that wrote it: `bash`, `zsh`, `fish`, `atuin`, `hishtory`, `mcfly` or `zsh-histdb`; null when that is not known",
        "[].new": "number of new events",
        "[].known, [].duplicates": "number of events that were imported before; that hx recorded or another tool had",
        "[].later": "number of events from the time when hx recorded that shell already; `--all` imports them",
        "[].forgotten, [].ignored": "number of events that were not imported: they are, or may be, forgotten; your rules ignore them",
        "[].untimed, [].redacted, [].expired": "among the new events: without a time, with a masked secret, older than `retention_days`",
        "[].unreadable[].reason, [].unreadable[].count": "entries that could not be read",
        "[].error": "why the file could not be read; null when it could",
        "[].number": "by which `--undo` knows this import; null when it brought nothing",
    },
    "import --list": {
        "[].number, [].at, [].path, [].kind": "an import of this device that brought events: its number, when it began, the file and the tool",
        "[].new, [].untimed, [].redacted": "number of events that it brought; of these without a time, with a masked secret",
        "[].here": "how many of them are still there",
        "[].complete": "whether the whole file was read",
        "[].undone_at": "when it was undone; null when it was not",
    },
    "sync status": {
        "vault.id, vault.name, vault.encrypted, vault.fingerprint": "the vault; the words are the same on every device in it",
        "store.url, store.last_pull, store.last_push": "where the vault is, and when this device last read it and wrote to it",
        "store.outcome": "the error of the last sync; null when there was none",
        "store.conditions": "limitations of the store that were noticed",
        "objects.imported, objects.pending, objects.skipped, objects.rejected": "number of objects in the store with this status",
        "reasons[].status, reasons[].reason, reasons[].count, reasons[].since, reasons[].devices, reasons[].objects": "why objects were not read, how many, since when, the names of their devices, and their keys",
        "foreign[].reason, foreign[].count, foreign[].names": "with `--check`, else null: files in the store that are no objects of hx, with a few of their names; with `--verbose` up to 100,000",
        "devices[].device_id, devices[].name, devices[].last_seen, devices[].active, devices[].admin, devices[].epoch, devices[].clock_ahead_s, devices[].note": "the devices that are or were in the vault; `last_seen` is by the device's own clock; `epoch` is the number of the key under which its newest manifest is sealed; `clock_ahead_s` is how far its clock seemed ahead of this one, in seconds, 0 below a minute",
        "shared_codes[]": "for each invitation by which several devices of the vault came in, the ids of these devices",
        "unpublished": "number of events that are in no segment of the store yet",
        "forgotten.at, forgotten.told": "when something was last forgotten on this device (null: only on other devices), and whether the store holds the tombstone (null: not known); `forgotten` is null when nothing was forgotten",
        "forgotten.confirmed[].device_id, forgotten.confirmed[].device": "devices that have written to the store since they read the tombstone",
        "forgotten.silent[].device_id, forgotten.silent[].device": "devices that have not; they may have had nothing to write",
        "forgotten.may_hold[].device_id, forgotten.may_hold[].device": "those of them that may hold the same text in what they have not synced; empty when the newest tombstone names a time, a session or a text",
        "forgotten.copies[].device_id, forgotten.copies[].device, forgotten.copies[].objects, forgotten.copies[].last_seen, forgotten.copies[].active": "devices whose segments in the store hold, or may hold, forgotten records; `active`: the next sync of the device replaces them",
        "forgotten.holding[].device_id, forgotten.holding[].device, forgotten.holding[].held, forgotten.holding[].refused": "devices that hold back what was forgotten here, or have refused it: an id for each `hx forget`",
        "held[].id, held[].ids": "what waits for `hx sync accept` or `hx sync refuse` here: the id of a `hx forget` of another device, and the ids of all its tombstones",
        "held[].reason": "`future`: its time ends more than a day from now; `large`: with it, that device would have taken more than 1,000 events and more than a tenth of those here since something of it was accepted; `many`: with it, more than 448 would reach what is recorded from now on, and it waits until others have ended; `revoked`: it was held when that device was revoked",
        "held[].device_id, held[].device, held[].made, held[].since, held[].events": "who has made it and when (by that clock), since when it is held here, and how many events it would take here (null: not counted, because very much waits of that device)",
        "custody": "where the keys of this device are kept",
        "place": "the place of this device in the vault: `member`, `waiting`, `not admitted`, `revoked` or `departed`",
        "copy_seen": "when another copy of this device was last noticed; null when the last push noticed none",
        "behind[].device_id, behind[].device, behind[].seq, behind[].here, behind[].since, behind[].told_by": "devices of which a newer manifest exists than the one that was read here: its number, that of the one here (null: none), since when this is known, and the id of the device that has read it (null: an invitation said so)",
    },
    "sync check": {
        "objects, bytes": "number and size of the objects in the store",
        "read, read_bytes": "number and size of those that were read",
        "problems[].key, problems[].status, problems[].reason, problems[].detail": "an object that is bad (`rejected`), or that a manifest lists and that is missing or not whole (`pending`)",
        "problems[].device_id, problems[].device": "the device that publishes it; null for the vault file and for an invitation",
        "ignored[].reason, ignored[].count": "objects that are not needed, and files that do not belong to hx",
        "unnamed[].device_id, unnamed[].device, unnamed[].count": "segments that no manifest of their device lists: they are being written, or an interrupted sync left them",
        "behind[].device_id, behind[].device": "devices of which the store holds less than this device or another one has read",
    },
    "sync repair": {
        "read, events": "number of objects that were read again and are whole; number of events that this device lacked",
        "published": "number of own objects that the store had lost; their content is in new ones",
        "removed, invitations": "number of own segments that no manifest lists, and of closed invitations: both were removed",
        "slots, vault_file": "number of keys that were published for other devices; whether the vault file was restored",
        "problems[].key, problems[].status, problems[].reason, problems[].detail": "objects that cannot be repaired here",
        "problems[].device_id, problems[].device": "the device whose repair publishes it again",
        "pulled.objects, pulled.events, pulled.forgotten, pulled.dropped, pulled.pending, pulled.rejected": "as in `hx sync`",
        "pushed.events, pushed.objects, pushed.bytes, pushed.rewritten, pushed.removed": "as in `hx sync`",
        "rebuilt.replaced": "with `--rebuild`, else null: whether the new database was equal to the old one and has replaced it",
        "rebuilt.events, rebuilt.artifacts, rebuilt.pins, rebuilt.tombstones, rebuilt.only_here": "what is in the new database; `only_here`: events that are in no segment",
        "rebuilt.differences[].kind, rebuilt.differences[].lacking, rebuilt.differences[].more, rebuilt.differences[].other, rebuilt.differences[].examples": "`event`, `artifact`, `pin` or `tombstone`: how many only the old database has, how many only the new one, how many differ; some ids",
    },
    "sync move": {
        "store": "the URL through which this device syncs now",
        "copied.objects, copied.bytes, not_copied[]": "what was copied from the old store; keys of objects that were not, because they are damaged or closed",
        "note": "whether a note at the old place tells the other devices",
        "lost": "number of own objects that the new place lacked; their content is published again",
        "pushed.events, pushed.objects, pushed.bytes, pushed.rewritten, pushed.removed": "as in `hx sync`",
        "behind[].device_id, behind[].device, behind[].seq, behind[].here, behind[].since, behind[].told_by": "as in `hx sync`",
    },
    "sync devices": {
        "[].device_id, [].name, [].last_seen, [].active, [].admin, [].epoch, [].clock_ahead_s, [].note": "as in `hx sync status`",
    },
    "sync admin": {
        "device_id, name, changed": "the device, and whether it was no admin before",
        "admins[]": "ids of the admins that are in the vault",
    },
    "sync init": {
        "vault_id, vault_name, device_id": "the new vault, and this device",
        "recovery_words": "12 words; hx does not store them and never prints them again",
    },
    "sync renew": {
        "vault_id, vault_name, device_id": "the new vault, and this device there",
        "recovery_words": "12 words; hx does not store them and never prints them again",
        "old_store": "the URL of the old vault",
        "note": "whether a note there tells the other devices; `hx sync invite --json` makes their codes",
    },
    "sync invite": {"code, expires_at": "the code for the next device, and until when it is valid"},
    "sync join": {
        "vault_id, vault_name, device_id, events": "the vault, this device, and the number of events that it received; 0 with `--new-id`",
        "behind[].device_id, behind[].device, behind[].seq, behind[].here, behind[].since, behind[].told_by": "as in `hx sync status`; not with `--new-id`",
        "former_id": "the id that this device had in the vault until its keys were lost; null: it was not in it; not with `--new-id`",
    },
    "sync auto": {
        "on": "whether a scheduler or a shell starts the sync; while it is off most others are null",
        "by, every_minutes": "`systemd`, `launchd`, `cron` or `shell`, and the minutes between two runs, at least",
        "watched": "the folder whose changes start a sync too; null: none",
        "files": "units, agents, or the file of the shells; none for a crontab",
        "executable, is_this_program": "the hx that is started, and whether it is the one that prints this",
        "when_logged_out": "whether it was asked for with `--when-logged-out`",
        "faults": "why it does not start any more, a sentence each",
        "last_run.trigger, last_run.at, last_run.error": "what started the last sync: `hand`, `timer`, `watch` or `shell`; its end; its message, null when it has succeeded",
        "last_run.events_in, last_run.events_out": "how many events it has exchanged",
    },
    "sync custody": {
        "device_id": "this device",
        "custody, where": "the kind and the place of its keys; null when they cannot be reached",
        "readable": "whether the keys can be read; null: that needs the passphrase, which is not asked for",
        "fault": "why they cannot be read, or null",
    },
    "sync leave": {
        "vault_id, vault_name, device_id": "the vault, and the id of this device in it",
        "published": "whether the store says that this device left",
        "unpublished": "number of events that are not in the store",
    },
    "sync revoke": {
        "device_id, name, last_seen": "the device that was taken out",
        "untold": "ids of the other devices, which learn of it at their next sync",
        "needs_words": "whether it is an admin and the recovery words have not signed: with its keys somebody can revoke other admins until they do",
        "invitations": "number of its open invitations, by which nobody comes in any more",
        "secrets[].id, secrets[].kinds": "events in the history that it held whose commands hold secrets that are not masked, and the kinds of these; never a secret",
        "store": "the store, from which its access is to be taken away",
        "admins": "number of admins that are left in the vault; not with `--dry-run`",
        "held[]": "what the device has forgotten and still waits for an answer here, as in `hx sync status`",
        "accepted[], refused[]": "of the same, what was accepted or refused at the question; not with `--dry-run`",
    },
    "sync rotate": {
        "epoch, key_id": "number and id of the new key",
        "untold": "ids of the other devices, which write under the new key from their next sync on",
    },
    "sync recover": {
        "vault_id, vault_name, device_id, events, former_id": "as in `hx sync join`",
        "behind[].device_id, behind[].device, behind[].seq, behind[].here, behind[].since, behind[].told_by": "as in `hx sync status`",
    },
    "sync": {
        "pulled.objects, pulled.events, pulled.forgotten, pulled.dropped, pulled.pending, pulled.rejected": "what was read: segments, new events, events that another device has forgotten, events that were forgotten before they arrived; and the objects that are pending or rejected; null without a pull",
        "pushed.objects, pushed.events, pushed.bytes, pushed.rewritten, pushed.removed": "what was published: segments, events, their size, rewritten segments, removed objects; null without a push",
        "dry_run": "true when nothing was changed",
        "clocks_ahead[].device_id, clocks_ahead[].ahead_us, clocks_ahead[].forgotten[].device_id,"
        " clocks_ahead[].forgotten[].events": "devices whose clock seems ahead, by how many"
        " microseconds, and how many events of each device their time windows have forgotten here;"
        " what was recorded after such a `hx forget` may be among them",
        "behind[].device_id, behind[].device, behind[].seq, behind[].here, behind[].since, behind[].told_by": "as in `hx sync status`",
        "held[]": "what waits for `hx sync accept` or `hx sync refuse` here, as in `hx sync status`",
    },
    "sync accept": {
        "accepted[]": "what was accepted, as `held[]` of `hx sync status`",
        "forgotten": "number of events that were forgotten here",
    },
    "sync refuse": {
        "refused[]": "what was refused, as `held[]` of `hx sync status`",
        "kept": "number of events that are kept",
    },
    "config": {
        "settings[].name, settings[].value, settings[].default, settings[].source, settings[].meaning": "each setting",
        "places": "name -> path",
        "warnings": "settings in the file that are not in force, and why",
    },
}


def _object_rows(name: str) -> str:
    def spelled(names: str) -> str:
        return ", ".join(f"`{name}`" for name in names.split(", "))

    rows = "".join(f"| {spelled(names)} | {text} |\n" for names, text in OBJECTS[name].items())
    option = " ".join([f"--{part}" for part in name.split(" --")[1:]] + ["--json"])
    return f"\n| with `{option}` | |\n|---|---|\n{rows}"


def cli_page() -> str:
    codes = "".join(f"| {code} | {meaning} |\n" for code, meaning in EXIT_CODES.items())
    chapters = []
    group = ""
    for name, command in COMMANDS.items():
        if command.group != group:
            group = command.group
            chapters.append(f"\n## {group}\n")
        chapters.append(_chapter(name, parser_of(name), command.summary))
        if name == "sync":
            chapters += [
                _chapter(f"sync {part}", subcommand_parser(part), about.summary)
                for part, about in SUBCOMMANDS.items()
            ]
    return _HEAD + codes + "\n" + _JSON + "".join(chapters)


def _chapter(name: str, parser: argparse.ArgumentParser, summary: str) -> str:
    text = f"\n### hx {name}\n\n{summary[0].upper()}{summary[1:]}.\n\n"
    text += f"```text\n{_usage(parser)}\n\n{parser.description.rstrip()}\n```\n"
    rows = [_row(action) for action in parser._actions if action.dest != "help"]
    if rows:
        text += "\n| argument | means |\n|---|---|\n" + "".join(rows)
    objects = [each for each in OBJECTS if each == name or each.startswith(f"{name} --")]
    return text + "".join(map(_object_rows, objects))


def _usage(parser: argparse.ArgumentParser) -> str:
    """Return the usage line; argparse would wrap it differently in each version of Python."""
    words = [parser.prog]
    if any(action.option_strings for action in parser._actions if action.dest != "help"):
        words.append("[OPTIONS]")
    words += [
        {"*": f"[{_value(action)}…]", "?": f"[{_value(action)}]"}.get(action.nargs, _value(action))
        for action in parser._actions
        if not action.option_strings
    ]
    return " ".join(words)


def _value(action: argparse.Action) -> str:
    if isinstance(action.metavar, str):
        return action.metavar
    return "|".join(action.choices) if action.choices else action.dest.upper()


def _row(action: argparse.Action) -> str:
    spelled = ", ".join(action.option_strings)
    if not spelled:
        spelled = _value(action)
    elif action.nargs == "?":
        spelled += f" [{_value(action)}]"
    elif action.nargs != 0:
        spelled += f" {_value(action)}"
    spelled = spelled.replace("|", "\\|")
    return f"| `{spelled}` | {(action.help or '').replace('%%', '%')} |\n"


def _add_sync(commands: argparse._SubParsersAction, summary: str) -> None:
    options = Parser("sync", "")
    add_run_options(options)
    sync_parser = commands.add_parser(
        "sync", help=summary, parents=[options], conflict_handler="resolve"
    )
    parts = sync_parser.add_subparsers(dest="part")
    for part, about in SUBCOMMANDS.items():
        parts.add_parser(
            part, help=about.summary, parents=[subcommand_parser(part)], conflict_handler="resolve"
        )


def whole_parser() -> argparse.ArgumentParser:
    """Return one parser with all commands, as shtab needs it."""
    whole = argparse.ArgumentParser(prog="hx", description="history of the terminal")
    commands = whole.add_subparsers(dest="command")
    for name, command in COMMANDS.items():
        if name == "sync":
            _add_sync(commands, command.summary)
            continue
        commands.add_parser(
            name, help=command.summary, parents=[parser_of(name)], conflict_handler="resolve"
        )
    return whole


# What shtab does not do: the second name of the command, and zsh's `source FILE`. The completions
# of a shell that is not named here are written by hand.
_CHANGES = {
    "bash": [("-F _shtab_hx hx", "-F _shtab_hx hx history-extended")],
    "zsh": [
        ("#compdef hx\n", "#compdef hx history-extended\n"),
        ("compdef _shtab_hx -N hx\n", "compdef _shtab_hx -N hx history-extended\n"),
        ("$zsh_eval_context[-1] == eval ]]", "$zsh_eval_context[-1] == (eval|file) ]]"),
    ],
    "fish": [("\ncomplete -c hx ", "\ncomplete -c history-extended -w hx\ncomplete -c hx ")],
}


def completions(shell: str) -> str:
    script: str = shtab.complete(whole_parser(), shell=shell)
    for old, new in _CHANGES[shell]:
        assert old in script, f"shtab writes {shell} differently now"
        script = script.replace(old, new, 1)
    if shell == "zsh":
        script = _ZSH_WORDS.sub(_with_action, script)
    return script.rstrip() + "\n"


# In zsh an argument without an action is a message, beside which zsh completes no option either.
_ZSH_WORDS = re.compile(r'^(  "(?:\(\*\):)?:([^":]*):)"$', re.MULTILINE)


def _with_action(line: re.Match[str]) -> str:
    action = "_files" if line[2].startswith("a history file") else "{:}"
    return f'{line[1]}{action}"'


def generated() -> dict[str, Callable[[], str]]:
    """Return path -> what makes its text. The page of the messages takes seconds."""
    from docs.messages import PAGE, messages_page

    return {CLI_PAGE: cli_page, PAGE: messages_page} | {
        completions_path(shell): functools.partial(completions, shell)
        for shell in SHELLS
        if shell in _CHANGES
    }


def main() -> None:
    texts = {place: text() for place, text in generated().items()}
    for place, text in texts.items():
        with open(place, "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    sys.path.insert(0, os.path.join(ROOT, "tests"))  # as pytest finds docs.messages
    main()
