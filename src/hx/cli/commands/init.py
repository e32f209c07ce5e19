"""`hx init SHELL` prints the hook of a shell with the paths of this machine, or removes it."""

from __future__ import annotations

import sys

from hx.cli.hook_paths import of_hook
from hx.core.errors import UsageError
from hx.shells import SHELLS
from hx.shells.hook import removal, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.cli.parsers import Parser
    from hx.config import Config
    from hx.shells.hook import HookPaths

OPTIONS = ("--no-ctrl-r", "--up-arrow", "--off")


def run(arguments: list[str], config: Config) -> int:
    """Print the hook of one shell, or with `--off` what removes it from the running shell."""
    # read by hand: argparse takes longer than the rest, and each new shell waits for it
    options = [word for word in arguments if word.startswith("-")]
    words = [word for word in arguments if not word.startswith("-")]
    if "--help" in options or "-h" in options:
        parser("init").print_help()
        return 0
    for option in options:
        if option not in OPTIONS:
            raise UsageError(f"there is no option {option}", "`hx init --help` lists them")
    if len(words) != 1 or words[0] not in SHELLS:
        raise UsageError(
            "hx init needs the name of one shell", 'say bash, zsh or fish: eval "$(hx init bash)"'
        )
    if "--off" in options:
        sys.stdout.write(removal(words[0]))
    else:
        sys.stdout.write(text(words[0], places(config, options)))
    return 0


def places(config: Config, options: list[str]) -> HookPaths:
    """Return what the hook has in it; the options change the keys of this hook only."""
    paths = of_hook(config)
    keys = {*paths.keys} | {"up" for option in options if option == "--up-arrow"}
    keys -= {"ctrl-r" for option in options if option == "--no-ctrl-r"}
    return paths._replace(keys=tuple(sorted(keys)))


def parser(name: str) -> Parser:
    from hx.cli.parsers import Parser

    made = Parser(name, _ABOUT)
    made.add_argument("shell", choices=list(SHELLS), help="the shell")
    made.add_argument("--no-ctrl-r", action="store_true", help="do not bind Ctrl-R to the picker")
    made.add_argument(
        "--up-arrow",
        action="store_true",
        help="bind the up arrow too: it opens the picker with the commands of this session",
    )
    made.add_argument(
        "--off", action="store_true", help="print what removes the hook from the running shell"
    )
    return made


_ABOUT = """\
Prints the hook that records a shell. `hx setup` writes it to a file that new
shells load; by hand, put one of these lines at the end of the rc file:

  bash  ~/.bashrc                   eval "$(hx init bash)"
  zsh   ~/.zshrc                    eval "$(hx init zsh)"
  fish  ~/.config/fish/config.fish  hx init fish | source

With --off it prints what removes the hook from the shell that runs it, until
the next one starts: eval "$(hx init bash --off)". `hx setup --undo` removes it
from the rc file.
"""
