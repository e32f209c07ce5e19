"""`hx pause`: records nothing for a while, or until `hx resume`."""

from __future__ import annotations

from hx.capture import pause
from hx.cli.context import now_us
from hx.cli.times import duration_us, local

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.cli.parsers import Parser
    from hx.config import Config


def run(arguments: list[str], config: Config) -> int:
    span = parser("pause").parse_args(arguments).span
    until_s = None
    if span is not None:
        until_s = -(-(now_us() + duration_us(span, "--for")) // 1_000_000)  # never too short
    paused = pause.Pause(until_s, pause.ASKED)
    pause.write(config.paths.pause, paused)
    print(said(paused))
    return 0


def said(paused: pause.Pause) -> str:
    """A pause as a sentence."""
    if paused.reason == pause.SPOOL_FULL:
        return "paused, the spool is full; hx records again once it is drained"
    if paused.until_s is None:
        return "paused until `hx resume`"
    return f"paused until {local(paused.until_s * 1_000_000)}; `hx resume` ends it"


def parser(name: str) -> Parser:
    from hx.cli.parsers import Parser

    made = Parser(name, _ABOUT)
    made.add_argument("--for", dest="span", metavar="SPAN", help="for so long: 90s, 10m, 2h, 1d")
    return made


_ABOUT = "Records nothing: while paused, no command of any shell reaches the disk."
