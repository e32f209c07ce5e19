"""The first page of help, printed without an argument parser."""

from __future__ import annotations

from hx.cli.table import COMMANDS
from hx.core.errors import UsageError


def _overview() -> str:
    lines = ["usage: hx COMMAND [OPTIONS]", ""]
    group = ""
    for name, command in COMMANDS.items():
        if command.group != group:
            group = command.group
            lines.append(f"{group}:")
        lines.append(f"  {name:<12} {command.summary}")
    lines += ["", "`hx COMMAND --help` says more. `hx --version` prints the version.", ""]
    return "\n".join(lines)


OVERVIEW = _overview()


def unknown_command(name: str) -> UsageError:
    from difflib import get_close_matches

    near = get_close_matches(name, COMMANDS, n=1)
    hint = f"did you mean `hx {near[0]}`?" if near else "`hx --help` lists the commands"
    return UsageError(f"there is no command {name!r}", hint)
