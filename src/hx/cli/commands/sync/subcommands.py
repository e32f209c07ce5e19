"""`hx sync …`: every subcommand of sync. Its module is imported when it is called."""

from __future__ import annotations

from hx.core.errors import UsageError
from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.cli.parsers import Parser
    from hx.config import Config


class Subcommand(NamedTuple):
    """A subcommand of sync. Its module has `run(name, given, config) -> exit code`."""

    module: str
    summary: str


SUBCOMMANDS = {
    "init": Subcommand(
        "hx.cli.commands.sync.enroll", "make a vault in a store, and put this device into it"
    ),
    "invite": Subcommand(
        "hx.cli.commands.sync.enroll", "print a code that lets one more device in"
    ),
    "join": Subcommand("hx.cli.commands.sync.enroll", "put this device into a vault, with a code"),
    "recover": Subcommand(
        "hx.cli.commands.sync.enroll", "put this device into a vault, with its recovery words"
    ),
    "leave": Subcommand("hx.cli.commands.sync.leave", "take this device out of its vault"),
    "revoke": Subcommand(
        "hx.cli.commands.sync.revoke", "take another device out of the vault: lost, stolen, sold"
    ),
    "admin": Subcommand(
        "hx.cli.commands.sync.admin", "make a device an admin: it may let in and take out others"
    ),
    "rotate": Subcommand(
        "hx.cli.commands.sync.rotate", "make a new key for what is published from now on"
    ),
    "accept": Subcommand(
        "hx.cli.commands.sync.decide",
        "forget here too what another device has forgotten and hx holds back",
    ),
    "refuse": Subcommand(
        "hx.cli.commands.sync.decide",
        "keep, on all devices, what another device has forgotten and hx holds back",
    ),
    "auto": Subcommand("hx.cli.commands.sync.auto", "let this machine sync by itself, or end that"),
    "custody": Subcommand(
        "hx.cli.commands.sync.custody", "show where the keys of this device are, or change that"
    ),
    "push": Subcommand("hx.cli.commands.sync.sync", "publish what is new here"),
    "pull": Subcommand("hx.cli.commands.sync.sync", "read what is new in the store"),
    "status": Subcommand(
        "hx.cli.commands.sync.status", "show what is in the vault, what is pending, and why"
    ),
    "check": Subcommand(
        "hx.cli.commands.sync.check", "verify what is in the store, without changing it"
    ),
    "repair": Subcommand(
        "hx.cli.commands.sync.repair", "read everything again, and publish what the store has lost"
    ),
    "move": Subcommand(
        "hx.cli.commands.sync.move", "sync through another place: the vault has moved, or is lost"
    ),
    "renew": Subcommand(
        "hx.cli.commands.sync.renew",
        "replace the vault by one with new recovery words: they were seen, or are lost",
    ),
    "log": Subcommand("hx.cli.commands.sync.log", "list the last runs of sync"),
    "devices": Subcommand("hx.cli.commands.sync.devices", "list the devices in the vault"),
    "rename": Subcommand("hx.cli.commands.sync.devices", "give this device another name"),
}


_SHELL = "shell"
_TRIGGERS = ("timer", "watch", _SHELL)  # of a sync in the background


def run(arguments: list[str], config: Config) -> int:
    name, rest = "sync", arguments
    if arguments[:1] == ["--background"]:
        trigger = _trigger(arguments[1:])
        if trigger is not None:
            return _in_background(trigger, config)
    # not by a subparser of argparse: that would build the parsers of all subcommands
    if arguments and arguments[0] in SUBCOMMANDS:
        name, *rest = arguments
    given = (subcommand_parser(name) if name in SUBCOMMANDS else parser(name)).parse_args(rest)
    if name == "sync" and given.background:
        raise UsageError("`--background` stands alone, or with --trigger", "leave the rest out")
    from importlib import import_module

    # imported when it is called: most subcommands need the cryptography, and the help does not
    module = SUBCOMMANDS[name].module if name in SUBCOMMANDS else "hx.cli.commands.sync.sync"
    code: int = import_module(module).run(name, given, config)
    return code


def _trigger(options: list[str]) -> str | None:
    """Return the trigger in the options of `--background`, or empty; None: they are others."""
    if not options:
        return ""
    is_known = options[0] == "--trigger" and options[1:] in ([each] for each in _TRIGGERS)
    return options[1] if is_known else None


def _in_background(trigger: str, config: Config) -> int:
    """Run a sync in the background, unless an earlier failure lets it do nothing.

    No parser: most of these runs do nothing, and there are 288 of them a day.
    """
    import time

    from hx.scheduler import backoff

    now_us = time.time_ns() // 1000
    if trigger == _SHELL:
        from hx.scheduler import shell

        shell.detach()
        shell.sweep(config.paths.data, now_us // 1_000_000)
    if backoff.is_skipped(config.paths.data, now_us):
        return 0
    from hx.cli.commands.sync import background

    return background.run(trigger, config)


def parser(name: str) -> Parser:
    """Return the parser of `hx sync` itself; each subcommand has its own."""
    from hx.cli.commands.sync import subcommand_options
    from hx.cli.parsers import Parser

    parts = "".join(f"  {each:<9} {summary}\n" for each, (_, summary) in SUBCOMMANDS.items())
    made = Parser(name, f"{_ABOUT}\n{parts}")
    made.add_argument(
        "part", nargs="?", choices=tuple(SUBCOMMANDS), help="what to do instead of a sync"
    )
    subcommand_options.add_run_options(made)
    made.add_argument(
        "--background",
        action="store_true",
        help="ask nothing, and push only what is due: what `hx sync auto` starts",
    )
    made.add_argument(
        "--trigger",
        choices=_TRIGGERS,
        help="with --background: what has started it, for `hx sync log`",
    )
    return made


def subcommand_parser(each: str) -> Parser:
    """Return the parser of the subcommand `hx sync NAME`."""
    from hx.cli.commands.sync import subcommand_options
    from hx.cli.parsers import Parser

    summary = SUBCOMMANDS[each].summary
    made = Parser(f"sync {each}", f"{summary[0].upper()}{summary[1:]}.\n")
    subcommand_options.OPTIONS[each](made)
    return made


_ABOUT = """\
Syncs this device with the others of its vault through a store: a folder that
all of them can reach (NAS, Syncthing, a USB stick). Without PART: pull, then push.
What is in the store is encrypted; there is no server.
"""
