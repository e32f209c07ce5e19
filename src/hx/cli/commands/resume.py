"""`hx resume`: records again."""

from __future__ import annotations

from hx.capture import pause
from hx.cli.context import now_us

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.cli.parsers import Parser
    from hx.config import Config


def run(arguments: list[str], config: Config) -> int:
    parser("resume").parse_args(arguments)
    paused = pause.active(config.paths.pause, now_us())
    pause.remove(config.paths.pause)
    print("recording again" if paused else "recording was not paused")
    return 0


def parser(name: str) -> Parser:
    from hx.cli.parsers import Parser

    return Parser(name, "Records again, from the next command on.")
