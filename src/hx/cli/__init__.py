"""`hx`: this module runs a subcommand and turns every exception into a message and an exit code.

A command is a module with `run(arguments, config) -> exit code`. It is imported when it is called.
"""

from __future__ import annotations

import gc
import os
import sys

from hx.cli.table import COMMANDS, overview, unknown_command
from hx.core.errors import HxError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

REPORT = "this is a fault of hx: run the command again with HX_DEBUG=1 and report what it prints"
_UNREACHABLE = 8  # as DatabaseError: a file or folder cannot be used
_INTERRUPTED = 130
_INTERNAL = 70  # EX_SOFTWARE of sysexits.h


def main() -> int:
    """Run the command line of this process and return the exit code. No traceback is printed."""
    umask = os.umask(0o077)  # only the owner may read what hx writes
    gc.disable()  # a command ends before a collection would pay: a tenth of a large ingest
    _make_streams_safe()
    try:
        code = _dispatch(sys.argv[1:], umask)
        sys.stdout.flush()
    except BrokenPipeError:
        _silence(sys.stdout)  # the reader (head, a pager) has seen enough
        return 0
    except KeyboardInterrupt:
        _silence(sys.stdout)
        print("hx: interrupted", file=sys.stderr)
        return _INTERRUPTED
    except Exception as error:  # noqa: BLE001  (the only place that catches everything)
        return _print_error(error)
    return code


def _make_streams_safe() -> None:
    """Replace closed streams, and let stdout escape characters that its encoding lacks."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    elif sys.stdout.encoding.lower() != "utf-8":
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def _silence(stream: TextIO) -> None:
    """Redirect a stream to the null device, so that flushing it at exit cannot fail again."""
    null_device = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null_device, stream.fileno())
    os.close(null_device)


def _dispatch(arguments: list[str], umask: int) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        # `hx help find` is `hx find --help`
        if len(arguments) > 1 and arguments[1] in COMMANDS:
            return _run(arguments[1], ["--help"], umask)
        print(overview(), end="")
        return 0
    name, *rest = arguments
    if name in ("-V", "--version", "version"):
        from hx import __version__

        print(f"hx {__version__}")
        return 0
    if name not in COMMANDS:
        raise unknown_command(name)
    return _run(name, rest, umask)


def _run(name: str, arguments: list[str], umask: int) -> int:
    from hx.config import load

    command = COMMANDS[name]
    module = __import__(command.module, fromlist=["run"])  # importlib would import warnings
    config = load(umask=umask)
    for warning in config.warnings:
        print(f"hx: warning: {warning}", file=sys.stderr)
    try:
        code: int = getattr(module, command.function)(arguments, config)
    except SystemExit as done:  # argparse raises it after printing help
        return int(done.code or 0)
    return code


def _print_error(error: Exception) -> int:
    """Print an exception as a message and a hint on stderr, and return the exit code."""
    if os.environ.get("HX_DEBUG"):
        import traceback

        traceback.print_exc()
    message, hint, code = explained(error)
    try:
        sys.stdout.flush()  # the results come before the error
    except OSError:
        _silence(sys.stdout)
    try:
        print(f"hx: error: {message}", file=sys.stderr)
        if hint:
            print(f"hx: hint: {hint}", file=sys.stderr)
    except OSError:
        # nobody can read the message, but the exit code still tells
        _silence(sys.stderr)
    return code


def explained(error: Exception) -> tuple[str, str, int]:
    """Return the message, the hint and the exit code of any exception."""
    if isinstance(error, HxError):
        return error.message, error.hint, error.exit_code
    # by name: a command that needs no database must not import apsw
    if type(error).__module__.startswith("apsw"):
        from hx.database.connection import explained as explained_sqlite

        known = explained_sqlite(error, None)  # type: ignore[arg-type]
        return known.message, known.hint, known.exit_code
    if isinstance(error, OSError):
        from hx.files import sentence

        hint = "check that the path exists and that you may use it; `hx doctor` checks those of hx"
        return sentence(error), hint, _UNREACHABLE
    if isinstance(error, ImportError):  # each part of hx is loaded when it is needed
        hint = "run it again: hx may have been replaced meanwhile; if not, install hx again"
        return f"a part of hx cannot be loaded: {error}", hint, _UNREACHABLE
    return f"unexpected {type(error).__name__}: {error}", REPORT, _INTERNAL
