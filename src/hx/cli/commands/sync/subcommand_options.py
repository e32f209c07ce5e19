"""The options of each subcommand of `hx sync`."""

from __future__ import annotations

from argparse import BooleanOptionalAction

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.cli.parsers import Parser


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
        choices=("systemd", "launchd", "cron", "shell"),
        help="what starts the sync; by default the best that works on this machine, and `shell`,"
        " the hook of each open shell, only when you name it",
    )
    made.add_argument(
        "--when-logged-out",
        action="store_true",
        help="with systemd: also while you are logged out, from the start of the machine on",
    )
    made.add_json()


def _add_auto(made: Parser) -> None:
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


OPTIONS = {
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
