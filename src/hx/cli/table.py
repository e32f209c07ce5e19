"""Every subcommand, its module and its line in `hx --help`, and the first page of help.

`hx` prints that page without an argument parser.
"""

from __future__ import annotations

from hx.core.errors import UsageError
from hx.core.record import NamedTuple


class Command(NamedTuple):
    """One subcommand. Its module has `parser(name)` and the function `function(arguments, config)`.

    The function returns the exit code. The module is imported when the command is called.
    """

    module: str
    group: str  # the heading above it in `hx --help`
    summary: str
    function: str = "run"


COMMANDS = {
    "setup": Command(
        "hx.cli.commands.setup", "Record", "set hx up: hook, rc files, the old history"
    ),
    "init": Command("hx.cli.commands.init", "Record", "print the hook for a shell's rc file"),
    "pause": Command(
        "hx.cli.commands.pause", "Record", "record nothing, for a while or until `hx resume`"
    ),
    "resume": Command("hx.cli.commands.pause", "Record", "record again", "resume"),
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
    "unpin": Command(
        "hx.cli.commands.pin", "Keep", "let retention remove a session again", "unpin"
    ),
    "forget": Command(
        "hx.cli.commands.forget", "Keep", "remove events here at once, everywhere by sync"
    ),
    "sync": Command(
        "hx.cli.commands.sync.subcommands", "Sync", "exchange history with your other devices"
    ),
    "import": Command(
        "hx.cli.commands.import_", "Set up", "take in the history of a shell or another tool"
    ),
    "config": Command(
        "hx.cli.commands.config", "Set up", "every setting, its value and its source"
    ),
    "completions": Command("hx.cli.commands.completions", "Set up", "print a shell's completions"),
}


def overview() -> str:
    """Return the first page of help: the usage, then each command under its group."""
    lines = ["usage: hx COMMAND [OPTIONS]", ""]
    group = ""
    for name, command in COMMANDS.items():
        if command.group != group:
            group = command.group
            lines.append(f"{group}:")
        lines.append(f"  {name:<12} {command.summary}")
    lines += ["", "`hx COMMAND --help` says more. `hx --version` prints the version.", ""]
    return "\n".join(lines)


def unknown_command(name: str) -> UsageError:
    """Return the error for a command that does not exist; its hint names the nearest command."""
    from difflib import get_close_matches

    near = get_close_matches(name, COMMANDS, n=1)
    hint = f"did you mean `hx {near[0]}`?" if near else "`hx --help` lists the commands"
    return UsageError(f"there is no command {name!r}", hint)
