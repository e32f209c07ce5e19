"""The shells that hx records, one record for each.

Two files belong to each record: hooks/hx.NAME, which records the shell, and completions/hx.NAME.
The format of their history files is in hx.core.shell_files. CONTRIBUTING.md says how to add a
shell.
"""

from __future__ import annotations

import os

from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

BASH, ZSH, FISH = "bash", "zsh", "fish"


class UserFolders(NamedTuple):
    """The folders in which shells and other tools keep files of this user; absolute paths."""

    home: str
    config: str  # XDG_CONFIG_HOME
    data: str  # XDG_DATA_HOME
    zsh: str  # ZDOTDIR, else the home folder

    def path(self, template: str) -> str:
        """Return a path such as `{home}/.bashrc` with the folder in place of its name."""
        return template.format(**self._asdict())

    def filled(self, template: str, environment: Mapping[str, str]) -> str:
        """Return a path as `path` does; a part may be `$NAME`. Empty without that variable."""
        parts = [
            environment.get(part[1:], "") if part.startswith("$") else self.path(part)
            for part in template.split("/")
        ]
        return "/".join(parts) if all(parts) else ""


class Shell(NamedTuple):
    """What hx has to know about one shell. Its paths are templates for UserFolders.path."""

    name: str
    least: tuple[int, int]  # the oldest version that hx records
    rc_path: str  # the file that an interactive shell reads at its start
    history_paths: tuple[str, ...]  # where it keeps its own history, the usual place first
    keeps_times: bool = True  # by default its history says when a command ran
    posix: bool = True  # it quotes and tests as sh does; else as fish does
    variable: str = ""  # a variable that only this shell sets: others of its kind may read its file
    owns_prompt: bool = True  # the line with its prompt stays while the picker is open
    hook_parts: tuple[tuple[str, str], ...] = ()  # line in the hook -> file that replaces it

    @property
    def load(self) -> str:
        """Return the command that reads a file into the running shell."""
        return "." if self.posix else "source"

    @property
    def least_version(self) -> str:
        return ".".join(map(str, self.least))

    def quoted(self, text: str) -> str:
        """Return the text as one word of this shell."""
        if self.posix:
            return "'" + text.replace("'", "'\\''") + "'"
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


SHELLS: dict[str, Shell] = {
    shell.name: shell
    for shell in (
        Shell(
            BASH,
            (5, 0),
            "{home}/.bashrc",
            ("{home}/.bash_history", "{home}/.history"),
            keeps_times=False,
            variable="BASH_VERSION",
            owns_prompt=False,  # readline removes its prompt before it calls a key's function
            hook_parts=(
                ("@PLACES@\n", "hx-places.bash"),
                ("@LINES@\n", "hx-lines.bash"),
                ("@BLE@\n", "hx-ble.bash"),
                ("@COMPLETION@\n", "hx-completions.bash"),
            ),
        ),
        Shell(
            ZSH,
            (5, 8),
            "{zsh}/.zshrc",
            (
                "{zsh}/.zsh_history",
                "{home}/.zsh_history",
                "{home}/.zhistory",
                "{home}/.histfile",  # the name that zsh-newuser-install proposes
            ),
            variable="ZSH_VERSION",
            hook_parts=(("@COMPLETION@\n", "hx-completions.zsh"),),
        ),
        Shell(
            FISH,
            (3, 4),
            "{config}/fish/config.fish",
            ("{data}/fish/fish_history",),
            posix=False,
            hook_parts=(("@COMPLETION@\n", "hx-completions.fish"),),
        ),
    )
}


def shell_names() -> str:
    """Return the names for a sentence: `bash, zsh or fish`."""
    return _listed(list(SHELLS))


def least_versions() -> str:
    """Return what can be installed: `bash 5.0, zsh 5.8 or fish 3.4`."""
    return _listed([f"{shell.name} {shell.least_version}" for shell in SHELLS.values()])


def _listed(words: list[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def completions_path(shell: str) -> str:
    """Return the file of this package that holds the completions for a shell."""
    return os.path.join(completions_folder(), f"hx.{shell}")


def completions_folder() -> str:
    """Return the folder of this package from which the hooks load completions."""
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "completions")
