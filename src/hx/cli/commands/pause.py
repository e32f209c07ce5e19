"""`hx pause` stops recording, for a while or until `hx resume`, which starts it again."""

from __future__ import annotations

from hx.capture import pause
from hx.cli.context import now_us
from hx.cli.health import described
from hx.cli.times import duration_us

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.cli.parsers import Parser
    from hx.config import Config


def run(arguments: list[str], config: Config) -> int:
    span = parser("pause").parse_args(arguments).span
    until_s = None
    if span is not None:
        until_s = -(-(now_us() + duration_us(span, "--for")) // 1_000_000)  # rounded up
    paused = pause.Pause(until_s, pause.ASKED)
    pause.write(config.paths.pause, paused)
    print(described(paused))
    return 0


def resume(arguments: list[str], config: Config) -> int:
    parser("resume").parse_args(arguments)
    paused = pause.active(config.paths.pause, now_us())
    pause.remove(config.paths.pause)
    print("recording again" if paused else "recording was not paused")
    return 0


def parser(name: str) -> Parser:
    """Return the parser of `hx pause` or of `hx resume`."""
    from hx.cli.parsers import Parser

    made = Parser(name, _ABOUT[name])
    if name == "pause":
        made.add_argument(
            "--for", dest="span", metavar="SPAN", help="for this long: 90s, 10m, 2h, 1d"
        )
    return made


_ABOUT = {
    "pause": "Stops recording: while it is paused, no command of any shell reaches the disk.",
    "resume": "Records again, from the next command on.",
}
