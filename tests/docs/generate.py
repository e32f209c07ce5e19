"""Writes what follows from the parsers: docs/cli.md and the completions (`make docs`)."""

# ruff: noqa: E501  (the lines of a page are as long as they are)
from __future__ import annotations

import argparse
import os

import shtab

from hx.cli.commands.sync.table import PARTS, add_run_options, part_parser
from hx.cli.parsers import Parser, parser_of
from hx.cli.table import COMMANDS
from hx.shells import SHELLS, completions_path

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLI_PAGE = os.path.join(ROOT, "docs", "cli.md")

EXIT_CODES = {
    0: "it worked; also when the reader of the output closed it",
    1: "nothing found",
    2: "wrong arguments, unreadable input, or a question answered with no",
    3: "something is pending: it will be done later, and hx says what",
    4: "something in the store was rejected: `hx sync status` says what and why",
    5: "the store of the vault cannot be used now: not mounted, denied, full, read-only",
    6: "a key is missing or wrong, or the vault is another one or none",
    7: "something was written by a newer hx: upgrade this one; a sync has done all else, and rejected nothing",
    8: "the local database, or the folders of hx",
    70: "a fault of hx itself; `HX_DEBUG=1` shows where",
    130: "interrupted",
}

_HEAD = """\
# Every command

<!-- Written by `make docs` from the parsers; edit those. -->

Answers go to stdout; progress, hints and errors to stderr. Every command that prints data has `--json`: one object or one array with stable names, unknown values null.
An error is `hx: error: …`, often followed by `hx: hint: …`. Commands that destroy show what they will do and ask, unless `--yes`; without a terminal and without `--yes`
they refuse. `history-extended` is another name for `hx`.

## Exit codes

| code | means |
|---|---|
"""

_JSON = """\
## An event in JSON

`hx find --json` and `hx search --json` print an array of these, `hx show --json` one of them with more around it.

| name | value |
|---|---|
| `id` | 12 characters, the same on every device; any beginning of 4 or more that is unique names the event |
| `command` | the text; bytes that are not UTF-8 are replaced |
| `command_b64` | only where the text is not UTF-8: its bytes |
| `exit_status` | null while it runs, or when nobody saw it |
| `pipestatus` | of a pipeline with two commands or more: the statuses in order |
| `started_at` | RFC 3339, UTC, microseconds; null where an imported history did not say |
| `duration_us` | microseconds |
| `cwd`, `repo`, `branch` | where it ran; `repo` is the URL of the remote, else the root of the work tree |
| `session_id`, `device_id`, `device` | hexadecimal ids, the device's name |
| `host`, `user`, `shell` | as the shell knew them |
| `origin` | `live` or `import` |
| `redacted` | whether a secret was masked |
| `artifacts` | what was kept with it |
| `runs`, `failures`, `last_started_at` | only with `--unique`, and in `hx search`: of all that was found of this command |
"""

# What the other commands print with --json; a dot goes inside, [] is an array
OBJECTS = {
    "status": {
        "recording": "whether commands reach the disk now",
        "reason": "why not; null when they do",
        "shells[].shell, shells[].last_started_at": "the newest event of each shell on this device",
        "spool.path, spool.files, spool.pending_bytes": "what waits to be drained",
        "database.path, database.size_bytes, database.journal_mode": "the file",
        "database.events, database.commands, database.sessions, database.devices": "what is in it; commands are distinct ones, devices those whose events are here, each name once",
        "database.unclean": "whether forgotten text may still stand in the file: a reader was in the way",
        "last_ingest_at": "when the last event came out of the spool",
        "lost[].reason, lost[].count, lost[].last_at": "what in the spool gave no event",
        "ignored": "how many commands the rules in the settings kept out",
        "retention.days, retention.due": "how long events are kept, 0 for ever; how many are still to be removed",
        "warnings": "what in the settings is not in force",
        "trouble.error, trouble.hint": "why the database could not be used; null when it could",
        "sync.forgotten": "as in `hx sync status`",
        "sync.vault, sync.store, sync.last_pull, sync.last_push, sync.unpublished, sync.pending, sync.rejected": "the vault in short, more in `hx sync status`; null: not set up",
    },
    "doctor": {
        "[].check": "what was looked at",
        "[].level": "`ok`, `warning` or `fault`",
        "[].sentence, [].fix": "what was found, and a command or what to do",
    },
    "stats": {
        "by": "the kind of group; null: the overview, whose groups are programs",
        "since, until": "as asked",
        "total.events, total.commands, total.ended, total.failures, total.duration_us": "of all that was counted: events, distinct commands, events whose exit status is known, of these the failures, the time they took",
        "total.first_started_at, total.last_started_at, total.unknown_time": "when they began; how many began nobody knows when",
        "groups[].name": "program, directory, repository, device, or the local hour as a number; null where it is unknown",
        "groups[].events, groups[].commands, groups[].ended, groups[].failures, groups[].duration_us": "of each group; the most events first, hours in their order",
        "left_out": "groups beyond the limit",
        "days[].day, days[].events, days[].failures": "of the overview: the last 14 local days",
        "failing[].name, failing[].events, failing[].commands, failing[].ended, failing[].failures, failing[].duration_us": "of the overview: the programs that failed most often",
    },
    "forget": {
        "forgotten": "how many events there were",
        "artifacts": "how many artifacts",
        "devices[].device_id, devices[].device, devices[].events": "whose",
        "window.since, window.until, window.device_id": "the time in which nothing is kept any more; null for the other forms; device null: of all",
        "session_id": "with `--session`",
        "elsewhere": "what is still true of it elsewhere, as `forgotten` in `hx sync status`; null in no vault",
        "erased": "pieces of the spool and of shells' text files that were overwritten",
        "clean": "false: another process reads the database, so text may still stand in its files",
        "shell_histories": "history files of shells that still hold the same text",
        "shell_histories_cleaned[].path, shell_histories_cleaned[].entries": "files that were cleaned of it, and of how many commands",
    },
    "import": {
        "[].path, [].kind": "a history, and whose it is: `bash`, `zsh`, `fish` or `atuin`; null when that could not be told",
        "[].new": "events that were not there",
        "[].known, [].twins": "imported before; recorded by hx or imported from another tool",
        "[].later": "of a time when hx recorded that shell already; `--all` takes them",
        "[].forgotten, [].ignored": "what stays away: forgotten, or in doubt whether it was; kept out by your rules",
        "[].untimed, [].redacted, [].expired": "of the new ones: without a time, with a secret masked, older than `retention_days`",
        "[].unreadable[].reason, [].unreadable[].count": "what gave no event",
        "[].error": "why the file could not be read; null when it could",
    },
    "sync status": {
        "vault.id, vault.name, vault.encrypted, vault.fingerprint": "the vault; the words are the same on every device in it",
        "store.url, store.last_pull, store.last_push": "where it lies, and when it was last asked",
        "store.outcome": "what went wrong in the last sync; null: nothing",
        "store.conditions": "what was noticed of the store",
        "objects.imported, objects.pending, objects.skipped, objects.rejected": "how many objects of the store are so",
        "reasons[].status, reasons[].reason, reasons[].count, reasons[].since, reasons[].devices, reasons[].objects": "why objects were not taken, since when, whose they are, and which",
        "strangers[].reason, strangers[].count, strangers[].objects": "with `--check`, else null: what in the store is no object of hx, with a few of the names; with `--verbose` up to 100,000",
        "devices[].device_id, devices[].name, devices[].last_seen, devices[].active, devices[].note": "who is or was in the vault; `last_seen` by the device's own clock",
        "unpublished": "events that are in no segment of the store yet",
        "forgotten.at, forgotten.told": "when something was last forgotten here (null: only other devices forgot), and whether the store holds the order (null: not known); null: there is nothing to tell",
        "forgotten.confirmed[].device_id, forgotten.confirmed[].device": "who has written to the store since it read the order",
        "forgotten.silent[].device_id, forgotten.silent[].device": "who has not; it may have had no reason to",
        "forgotten.copies[].device_id, forgotten.copies[].device, forgotten.copies[].objects, forgotten.copies[].last_seen, forgotten.copies[].active": "whose segments in the store hold, or may hold, what was forgotten; active: its next sync replaces them",
        "custody": "where the keys of this device are kept",
        "place": "of this device: `member`, `waiting`, `not admitted`, `revoked` or `left`",
        "copy_seen": "when another copy of this device was last met; null: not since the last push that met none",
    },
    "sync check": {
        "objects, bytes": "what lies in the store under names of hx",
        "read, read_bytes": "of these, what was read",
        "problems[].key, problems[].status, problems[].reason, problems[].detail": "an object that is bad (`rejected`), or named and not there, or not whole (`pending`)",
        "problems[].device_id, problems[].device": "who has to have put it there; null: the mark of the vault, an invitation",
        "ignored[].reason, ignored[].count": "what nobody misses, and files that are not of hx",
        "unnamed[].device_id, unnamed[].device, unnamed[].count": "segments that no manifest of their device names: being written, or left over",
        "behind[].device_id, behind[].device": "devices of which the store shows less than was seen here",
    },
    "sync repair": {
        "read, events": "objects that were read again and are whole; events that were not here any more",
        "published": "own objects that the store had lost: what was in them is in new ones",
        "removed, invitations": "own segments that nothing named, closed invitations: taken out",
        "slots, marker": "keys that were put down; whether the mark of the vault was put back",
        "problems[].key, problems[].status, problems[].reason, problems[].detail": "what cannot be mended here",
        "problems[].device_id, problems[].device": "whose repair mends it",
        "pulled.objects, pulled.events, pulled.forgotten, pulled.dropped, pulled.pending, pulled.rejected": "as in `hx sync`",
        "pushed.events, pushed.objects, pushed.bytes, pushed.rewritten, pushed.removed": "as in `hx sync`",
        "rebuilt.replaced": "with `--rebuild`, else null: whether the new database is equal to the old one, and in its place",
        "rebuilt.events, rebuilt.artifacts, rebuilt.pins, rebuilt.orders, rebuilt.only_here": "what is in the new one; `only_here`: events that are in no segment",
        "rebuilt.differences[].kind, rebuilt.differences[].lacking, rebuilt.differences[].more, rebuilt.differences[].other, rebuilt.differences[].examples": "event, artifact, pin or order (to forget): how many only the old one has, only the new one, are not alike; some ids",
    },
    "sync devices": {
        "[].device_id, [].name, [].last_seen, [].active, [].note": "as in `hx sync status`",
    },
    "sync init": {
        "vault_id, vault_name, device_id": "the new vault, and this device",
        "recovery_words": "12 words; they are printed nowhere else and never again",
    },
    "sync invite": {"code, expires_at": "what the next device is asked for, and until when"},
    "sync join": {
        "vault_id, vault_name, device_id, events": "and how many events came with it; with `--new-id` 0",
    },
    "sync leave": {
        "vault_id, vault_name, device_id": "which vault, and as whom",
        "published": "whether the others can read that it left",
        "unpublished": "events that are not in the store",
    },
    "sync recover": {"vault_id, vault_name, device_id, events": "the same"},
    "sync": {
        "pulled.objects, pulled.events, pulled.forgotten, pulled.dropped, pulled.pending, pulled.rejected": "what came: segments, events that were new, events that another device has forgotten, events that came too late; and what is left; null where nothing was pulled",
        "pushed.objects, pushed.events, pushed.bytes, pushed.rewritten, pushed.removed": "what went: segments, events, their size, segments written anew, objects taken out; null where nothing was pushed",
        "dry_run": "whether it was only said",
    },
    "config": {
        "settings[].name, settings[].value, settings[].default, settings[].source, settings[].meaning": "each setting",
        "places": "name -> path",
        "warnings": "what in the file is not in force",
    },
}


def _object_rows(name: str) -> str:
    def spelled(names: str) -> str:
        return ", ".join(f"`{one}`" for one in names.split(", "))

    rows = "".join(f"| {spelled(names)} | {text} |\n" for names, text in OBJECTS[name].items())
    return f"\n| with `--json` | |\n|---|---|\n{rows}"


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
                _chapter(f"sync {part}", part_parser(part), about.summary)
                for part, about in PARTS.items()
            ]
    return _HEAD + codes + "\n" + _JSON + "".join(chapters)


def _chapter(name: str, parser: argparse.ArgumentParser, summary: str) -> str:
    text = f"\n### hx {name}\n\n{summary[0].upper()}{summary[1:]}.\n\n"
    text += f"```text\n{_usage(parser)}\n\n{parser.description.rstrip()}\n```\n"
    rows = [_row(action) for action in parser._actions if action.dest != "help"]
    if rows:
        text += "\n| argument | means |\n|---|---|\n" + "".join(rows)
    return text + (_object_rows(name) if name in OBJECTS else "")


def _usage(parser: argparse.ArgumentParser) -> str:
    """By hand, since argparse wraps differently in each version of Python."""
    words = [parser.prog]
    if any(action.option_strings for action in parser._actions if action.dest != "help"):
        words.append("[OPTIONS]")
    words += [
        f"[{_value(action)}…]" if action.nargs == "*" else _value(action)
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
    return f"| `{spelled}` | {action.help or ''} |\n"


def _add_sync(commands: argparse._SubParsersAction, summary: str) -> None:
    options = Parser("sync", "")
    add_run_options(options)
    made = commands.add_parser("sync", help=summary, parents=[options], conflict_handler="resolve")
    parts = made.add_subparsers(dest="part")
    for part, about in PARTS.items():
        parts.add_parser(
            part, help=about.summary, parents=[part_parser(part)], conflict_handler="resolve"
        )


def whole_parser() -> argparse.ArgumentParser:
    """All commands in one parser, as shtab wants them."""
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


# What shtab does not do: the second name of the command, and zsh's `source FILE`
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
    made: str = shtab.complete(whole_parser(), shell=shell)
    for old, new in _CHANGES[shell]:
        assert old in made, f"shtab writes {shell} differently now"
        made = made.replace(old, new, 1)
    return made.rstrip() + "\n"


def generated() -> dict[str, str]:
    """Path -> text."""
    return {CLI_PAGE: cli_page()} | {
        completions_path(shell): completions(shell) for shell in SHELLS
    }


def main() -> None:
    for place, text in generated().items():
        with open(place, "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main()
