"""Every subcommand: where it lives, and its line in `hx --help`."""

from __future__ import annotations

from hx.core.record import NamedTuple


class Command(NamedTuple):
    module: str
    group: str
    summary: str


COMMANDS = {
    "setup": Command(
        "hx.cli.commands.setup", "Record", "set hx up: hook, rc files, the old history"
    ),
    "init": Command("hx.cli.commands.init", "Record", "print the hook for a shell's rc file"),
    "pause": Command(
        "hx.cli.commands.pause", "Record", "record nothing, for a while or until `hx resume`"
    ),
    "resume": Command("hx.cli.commands.resume", "Record", "record again"),
    "status": Command("hx.cli.commands.status", "Record", "what is recorded, and what went wrong"),
    "doctor": Command(
        "hx.cli.commands.doctor", "Record", "check everything, with the fix for each fault"
    ),
    "find": Command("hx.cli.commands.find", "Look", "events whose command contains a text"),
    "search": Command("hx.cli.commands.search", "Look", "distinct commands, the likeliest first"),
    "last": Command(
        "hx.cli.commands.last", "Look", "what failed in the last session, and what fixed it"
    ),
    "show": Command("hx.cli.commands.show", "Look", "everything about one event"),
    "stats": Command(
        "hx.cli.commands.stats", "Look", "what ran how often, failed, and took how long"
    ),
    "pin": Command("hx.cli.commands.pin", "Keep", "spare a session from retention"),
    "unpin": Command("hx.cli.commands.unpin", "Keep", "let retention have a session again"),
    "forget": Command(
        "hx.cli.commands.forget", "Keep", "remove events here at once, everywhere by sync"
    ),
    "sync": Command(
        "hx.cli.commands.sync.table", "Sync", "exchange history with your other devices"
    ),
    "import": Command(
        "hx.cli.commands.import_", "Set up", "take in the history of a shell or of atuin"
    ),
    "config": Command(
        "hx.cli.commands.config", "Set up", "every setting, its value and its source"
    ),
    "completions": Command("hx.cli.commands.completions", "Set up", "print a shell's completions"),
}
