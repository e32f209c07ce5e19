"""`hx init SHELL`: the hook, with the places of this machine written into it."""

from __future__ import annotations

import os
import sys

from hx.core.errors import UsageError
from hx.shells import SHELLS, shell_names
from hx.shells.hook import HookPaths, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.cli.parsers import Parser
    from hx.config import Config

OPTIONS = ("--no-ctrl-r", "--up-arrow")


def run(arguments: list[str], config: Config) -> int:
    """Print the hook of one shell."""
    options = [word for word in arguments if word.startswith("-")]
    words = [word for word in arguments if not word.startswith("-")]
    if "--help" in options or "-h" in options:
        parser("init").print_help()
        return 0
    for option in options:
        if option not in OPTIONS:
            raise UsageError(f"there is no option {option}", "`hx init --help` lists them")
    if len(words) != 1 or words[0] not in SHELLS:
        raise UsageError(f"name one shell: {shell_names()}", 'eval "$(hx init bash)"')
    sys.stdout.write(text(words[0], places(config, options)))
    return 0


def places(config: Config, options: list[str]) -> HookPaths:
    known = {*keys(config)} | {"up" for option in options if option == "--up-arrow"}
    known -= {"ctrl-r" for option in options if option == "--no-ctrl-r"}
    return HookPaths(config.paths.spool, config.paths.pause, executable(), tuple(sorted(known)))


def keys(config: Config) -> tuple[str, ...]:
    """That open the picker."""
    settings = {"ctrl-r": "picker_ctrl_r", "up": "picker_up_arrow"}
    return tuple(key for key, setting in settings.items() if config.values[setting])


def executable() -> str:
    """Absolute path of hx: another `hx` on PATH (the Helix editor has one) is not ours."""
    path = sys.argv[0]
    if os.sep not in path:
        from shutil import which

        path = which(path) or path
    return os.path.abspath(path)


def parser(name: str) -> Parser:
    from hx.cli.parsers import Parser

    made = Parser(name, _ABOUT)
    made.add_argument("shell", choices=list(SHELLS), help="whose hook")
    made.add_argument(
        "--no-ctrl-r", action="store_true", help="leave Ctrl-R as it is: it opens no picker"
    )
    made.add_argument(
        "--up-arrow",
        action="store_true",
        help="the up arrow opens the picker too, with the commands of this session",
    )
    return made


_ABOUT = """\
Prints the hook that records a shell. `hx setup` has a new shell load it from a
file; by hand, put one of these lines at the end of the rc file:

  bash  ~/.bashrc                   eval "$(hx init bash)"
  zsh   ~/.zshrc                    eval "$(hx init zsh)"
  fish  ~/.config/fish/config.fish  hx init fish | source
"""
