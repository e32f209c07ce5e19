"""`hx completions SHELL` prints a file that `make docs` has written, so that it is fast."""

from __future__ import annotations

import sys

from hx.shells import SHELLS, completions_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.cli.parsers import Parser
    from hx.config import Config


def run(arguments: list[str], config: Config) -> int:  # noqa: ARG001  (every command takes both)
    given = parser("completions").parse_args(arguments)
    with open(completions_path(given.shell), encoding="utf-8") as file:
        sys.stdout.write(file.read())
    return 0


def parser(name: str) -> Parser:
    from hx.cli.parsers import Parser

    made = Parser(name, _ABOUT)
    made.add_argument("shell", choices=list(SHELLS), help="the shell")
    return made


_ABOUT = """\
Prints what a shell needs to complete the words after `hx`. The hook offers the
same, so this is for shells that do not load it:

  bash  hx completions bash > ~/.local/share/bash-completion/completions/hx
  zsh   hx completions zsh > FOLDER/_hx      (FOLDER: one of $fpath)
  fish  hx completions fish > ~/.config/fish/completions/hx.fish
"""
