"""`hx`: the dispatch, and the only place that catches everything.

A command is a module with `run(arguments, config) -> exit code`, imported when it is asked for.
"""

from __future__ import annotations

import gc
import os
import sys

from hx.cli.table import COMMANDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

INTERRUPTED = 130


def main() -> int:
    """Run the command line; gives the exit code. No traceback reaches a person."""
    umask = os.umask(0o077)  # whatever hx writes is its owner's alone
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
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001  (the only catch-all: whatever comes becomes a sentence)
        return _tell(error)
    return code


def _make_streams_safe() -> None:
    """They may be closed, or in an encoding that lacks what a command holds."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    elif sys.stdout.encoding.lower() != "utf-8":
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def _silence(stream: TextIO) -> None:
    """Nothing more can or shall be written to it, not at exit either."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _dispatch(arguments: list[str], umask: int) -> int:
    from hx.cli.help import OVERVIEW

    if not arguments or arguments[0] in ("-h", "--help", "help"):
        if len(arguments) > 1 and arguments[1] in COMMANDS:
            return _run(arguments[1], ["--help"], umask)
        print(OVERVIEW, end="")
        return 0
    name, *rest = arguments
    if name in ("-V", "--version", "version"):
        from hx import __version__

        print(f"hx {__version__}")
        return 0
    if name not in COMMANDS:
        from hx.cli.help import unknown_command

        raise unknown_command(name)
    return _run(name, rest, umask)


def _run(name: str, arguments: list[str], umask: int) -> int:
    from hx.config import load

    module = __import__(COMMANDS[name].module, fromlist=["run"])  # importlib would import warnings
    config = load(umask=umask)
    for warning in config.warnings:
        print(f"hx: warning: {warning}", file=sys.stderr)
    try:
        code: int = module.run(arguments, config)
    except SystemExit as done:  # argparse, when it has printed its help
        return int(done.code or 0)
    return code


def _tell(error: Exception) -> int:
    from hx.cli.error_sentence import sentence

    if os.environ.get("HX_DEBUG"):
        import traceback

        traceback.print_exc()
    message, hint, code = sentence(error)
    try:
        sys.stdout.flush()  # what was found comes before what went wrong
    except OSError:
        _silence(sys.stdout)
    try:
        print(f"hx: error: {message}", file=sys.stderr)
        if hint:
            print(f"hx: hint: {hint}", file=sys.stderr)
    except OSError:
        _silence(sys.stderr)
    return code
