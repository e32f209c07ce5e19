"""`hx unpin`: lets retention have a session again."""

from __future__ import annotations

from hx.cli.commands import pin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.cli.parsers import Parser
    from hx.config import Config


def run(arguments: list[str], config: Config) -> int:
    return pin.change(arguments, config, pinned=False)


def parser(name: str) -> Parser:
    return pin.parser(name)
