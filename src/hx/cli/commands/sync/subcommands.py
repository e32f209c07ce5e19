"""`hx sync …`: every subcommand of sync. Its module is imported when it is called."""

from __future__ import annotations

from importlib import import_module

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
    # imported when it is called: most subcommands need the cryptography, and the help does not
    module = SUBCOMMANDS[name].module if name in SUBCOMMANDS else "hx.cli.commands.sync.sync"
    code: int = import_module(module).run(name, given, config)
    return code


def _trigger(options: list[str]) -> str | None:
    """Return the trigger in the options of `--background`, or empty; None: they are others."""
    if not options:
        return ""
    is_known = options[0] == "--trigger" and options[1:] in (["timer"], ["watch"], ["shell"])
    return options[1] if is_known else None


def _in_background(trigger: str, config: Config) -> int:
    """Run a sync in the background, unless an earlier failure lets it do nothing.

    No parser: most of these runs do nothing, and there are 288 of them a day.
    """
    import time

    from hx.scheduler import backoff

    if backoff.is_skipped(config.paths.data, time.time_ns() // 1000):
        return 0
    from hx.cli.commands.sync import background

    return background.run(trigger, config)


def parser(name: str) -> Parser:
    """Return the parser of `hx sync` itself; each subcommand has its own."""
    from hx.cli.parsers import Parser

    parts = "".join(f"  {each:<9} {summary}\n" for each, (_, summary) in SUBCOMMANDS.items())
    made = Parser(name, f"{_ABOUT}\n{parts}")
    made.add_argument(
        "part", nargs="?", choices=tuple(SUBCOMMANDS), help="what to do instead of a sync"
    )
    add_run_options(made)
    made.add_argument(
        "--background",
        action="store_true",
        help="ask nothing, and push only what is due: what `hx sync auto` starts",
    )
    made.add_argument(
        "--trigger",
        choices=("timer", "watch", "shell"),
        help="with --background: what has started it, for `hx sync log`",
    )
    return made


def subcommand_parser(each: str) -> Parser:
    """Return the parser of the subcommand `hx sync NAME`."""
    from hx.cli.parsers import Parser

    summary = SUBCOMMANDS[each].summary
    made = Parser(f"sync {each}", f"{summary[0].upper()}{summary[1:]}.\n")
    _OPTIONS[each](made)
    return made


def add_run_options(made: Parser) -> None:
    made.add_json()
    made.add_argument("--verbose", action="store_true", help="print a line for each object")
    made.add_argument(
        "--dry-run", action="store_true", help="print what a push would publish, and change nothing"
    )


def _add_store(made: Parser, *, required: bool = True) -> None:
    made.add_text(
        "--store", required=required, meta="URL", about="where the vault is: folder:/path"
    )
    made.add_text(
        "--vault-name",
        meta="NAME",
        about="the name of the vault on this device; by default the folder's name",
    )
    made.add_argument(
        "--custody",
        choices=("keychain", "passphrase", "file"),
        help="where the keys of this device are kept; by default the safest place that works",
    )
    made.add_text(
        "--name", meta="NAME", about="the name of this device; by default that of the host"
    )


def _init(made: Parser) -> None:
    _add_store(made)
    _add_no_encrypt(made)
    made.add_argument("--yes", action="store_true", help="do not ask for two of the words")
    _add_auto(made)
    made.add_json()


def _add_no_encrypt(made: Parser) -> None:
    made.add_argument(
        "--no-encrypt",
        action="store_true",
        help="do not encrypt the vault: whoever can read the folder can read it",
    )


def _join(made: Parser) -> None:
    _add_store(made, required=False)
    made.add_argument(
        "--code-file",
        metavar="FILE",
        help="read the code from a file; - is stdin; without it hx asks",
    )
    made.add_argument(
        "--new-id",
        action="store_true",
        help="this is a copy of a device in the vault: make it a device of its own; needs no code",
    )
    _add_words(made, "with --new-id: read the recovery words from a file; an admin needs none")
    _add_lost(made)
    _add_auto(made)
    made.add_json()


def _recover(made: Parser) -> None:
    _add_store(made, required=False)
    _add_words(
        made,
        "read the words from a file; - is stdin; without it hx asks, unless this device still has"
        " keys of the vault",
    )
    _add_lost(made)
    _add_auto(made)
    made.add_json()


def _add_lost(made: Parser) -> None:
    made.add_argument(
        "--keys-lost",
        action="store_true",
        help="nobody can open the keys of this device any more: it gets a new id and keeps its"
        " history",
    )
    made.add_argument(
        "--yes", action="store_true", help="do not ask before a device whose keys are lost gets one"
    )


def _leave(made: Parser) -> None:
    made.add_yes()
    made.add_argument(
        "--offline", action="store_true", help="leave without the store: nothing is published"
    )
    made.add_argument(
        "--anyway", action="store_true", help="also when no admin is left in the vault afterwards"
    )
    made.add_json()


def _revoke(made: Parser) -> None:
    made.add_text("device", meta="DEVICE", about="its name, or the first digits of its id")
    made.add_yes()
    made.add_argument(
        "--dry-run", action="store_true", help="print what would be true then, and change nothing"
    )
    made.add_argument(
        "--anyway", action="store_true", help="also when not all of its history is read here yet"
    )
    _add_words(made, "read the recovery words from a file; - is stdin; an admin needs none")
    made.add_json()


def _admin(made: Parser) -> None:
    made.add_argument(
        "device",
        nargs="?",
        metavar="DEVICE",
        help="its name, or the first digits of its id; by default this device",
    )
    _add_words(made, "read the recovery words from a file; - is stdin; without it hx asks")
    made.add_json()


def _add_words(made: Parser, about: str) -> None:
    made.add_argument("--words-file", metavar="FILE", help=about)


def _add_answer(made: Parser) -> None:
    made.add_yes()
    made.add_json()


def _accept(made: Parser) -> None:
    made.add_argument(
        "id",
        nargs="?",
        metavar="ID",
        help="the first digits of its id; without it all that is held",
    )
    _add_answer(made)


def _refuse(made: Parser) -> None:
    made.add_text("id", meta="ID", about="the first digits of its id, as `hx sync status` shows it")
    _add_answer(made)


def _auto(made: Parser) -> None:
    made.add_argument(
        "action",
        choices=("on", "off", "status"),
        help="start it and try it once; end it; show how the sync is started",
    )
    made.add_argument(
        "--by",
        choices=("systemd", "launchd", "cron"),
        help="what starts the sync; by default the best that works on this machine",
    )
    made.add_argument(
        "--when-logged-out",
        action="store_true",
        help="with systemd: also while you are logged out, from the start of the machine on",
    )
    made.add_json()


def _add_auto(made: Parser) -> None:
    from argparse import BooleanOptionalAction

    about = "let this machine sync by itself from now on, or not; else hx asks on a terminal"
    made.add_argument("--auto", action=BooleanOptionalAction, help=about)


def _custody(made: Parser) -> None:
    made.add_argument(
        "--to",
        choices=("keychain", "passphrase", "file"),
        help="move the keys there; with the kind that they are in, a new passphrase",
    )
    made.add_json()


def _status(made: Parser) -> None:
    made.add_json()
    made.add_argument("--verbose", action="store_true", help="print a line for each object")
    made.add_argument("--check", action="store_true", help="look into the store too")


def _check(made: Parser) -> None:
    made.add_json()
    made.add_argument(
        "--verbose",
        action="store_true",
        help="print a line for each file that does not belong to hx",
    )
    made.add_argument(
        "--read-data",
        nargs="?",
        const="100%",
        metavar="PART",
        help="read the segments too: all, or a random part of them: --read-data=5%%",
    )


def _repair(made: Parser) -> None:
    made.add_json()
    made.add_argument(
        "--rebuild",
        action="store_true",
        help="then rebuild the database from the store, and use it if it is equal",
    )
    made.add_argument(
        "--adopt",
        metavar="DEVICE",
        help="publish too what a device wrote that will not come back: its name, or digits of its"
        " id",
    )


def _move(made: Parser) -> None:
    made.add_text(
        "--store",
        required=True,
        meta="URL",
        about="the new place: folder:/path; the vault lies there already, or it is copied there",
    )
    made.add_argument(
        "--fill",
        action="store_true",
        help="the old store is lost: publish in the new place all that this device holds, also what"
        " other devices recorded",
    )
    made.add_yes()
    made.add_json()


def _renew(made: Parser) -> None:
    made.add_text(
        "--store",
        required=True,
        meta="URL",
        about="where the new vault is to be: folder:/path, an empty folder beside the old one",
    )
    _add_no_encrypt(made)
    made.add_argument(
        "--anyway", action="store_true", help="also when not all of the old vault is read here yet"
    )
    made.add_argument(
        "--yes", action="store_true", help="do not ask before, and not for two of the words"
    )
    made.add_json()


def _rename(made: Parser) -> None:
    made.add_text("name", meta="NAME", about="the new name, at most 64 bytes")


_OPTIONS = {
    "init": _init,
    "invite": lambda made: made.add_json(),
    "join": _join,
    "recover": _recover,
    "leave": _leave,
    "revoke": _revoke,
    "admin": _admin,
    "rotate": _add_answer,
    "accept": _accept,
    "refuse": _refuse,
    "auto": _auto,
    "custody": _custody,
    "push": add_run_options,
    "pull": add_run_options,
    "status": _status,
    "check": _check,
    "repair": _repair,
    "move": _move,
    "renew": _renew,
    "log": lambda made: made.add_json(),
    "devices": lambda made: made.add_json(),
    "rename": _rename,
}

_ABOUT = """\
Syncs this device with the others of its vault through a store: a folder that
all of them can reach (NAS, Syncthing, a USB stick). Without PART: pull, then push.
What is in the store is encrypted; there is no server.
"""
