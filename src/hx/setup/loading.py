"""Where the hook is loaded by a line that setup did not write: in an rc file, or in what it reads.

chezmoi, stow, yadm and Nix write such lines, often in a file of their own (`~/.zshrc.d/hx.zsh`,
`~/.config/fish/conf.d/hx.fish`).
"""

from __future__ import annotations

import os

from hx.core.record import NamedTuple
from hx.core.shell_files import rc_file, rc_paths
from hx.files import beginning
from hx.shells import FISH, ZSH, hook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.shells import UserFolders

_MAX_BYTES = 256 << 10  # of a file that an rc file reads
_MOST_FILES = 500
_DEPTH = 2  # an rc file reads a file, and that one reads another
# what a shell or a framework reads without a path in the rc file: (shell, a word in it, pattern)
_UNNAMED = (
    (FISH, b"", "{config}/fish/conf.d/*.fish"),
    (FISH, b"", "{config}/fish/functions/fish_user_key_bindings.fish"),
    (ZSH, b"oh-my-zsh", "{home}/.oh-my-zsh/custom/*.zsh"),
    (ZSH, b"prezto", "{zsh}/.zpreztorc"),
)


class Loading(NamedTuple):
    """A line that loads the hook and that setup did not write."""

    path: str
    number: int  # of the line, from 1
    from_file: bool  # it reads the hook file; else it runs `hx init`


def found(path: str, text: bytes, shell: str, data: str, folders: UserFolders) -> Loading | None:
    """Return the first such line of an rc file and of the files that it reads, or None."""
    place = os.fsencode(hook.path(data, shell))
    known = {os.path.realpath(path), os.path.realpath(hook.path(data, shell))}
    for name, each in _texts(path, text, shell, folders, known):
        loader = rc_file.loader(each, shell, place)
        if loader is not None:
            return Loading(name, loader.number, loader.from_file)
    return None


def _texts(
    path: str, text: bytes, shell: str, folders: UserFolders, seen: set[str]
) -> Iterator[tuple[str, bytes]]:
    """Yield an rc file and every file that it may read, each once, with its text.

    `seen` are the real paths of files that are not read; those that are read join them.
    """
    yield path, text
    patterns = [
        folders.path(pattern) for name, word, pattern in _UNNAMED if name == shell and word in text
    ]
    level = [text]
    for _ in range(_DEPTH):
        for each in level:
            patterns += map(os.fsdecode, rc_paths.of_sourced(each, variables(folders)))
        level = []
        for name in _files(patterns):
            if os.path.realpath(name) not in seen and len(seen) < _MOST_FILES:
                seen.add(os.path.realpath(name))
                level.append(beginning(name, _MAX_BYTES))
                yield name, level[-1]
        patterns = []


def variables(folders: UserFolders) -> dict[bytes, bytes]:
    """Return the variables by which rc files name these folders."""
    values = {
        "HOME": folders.home,
        "ZDOTDIR": folders.zsh,
        "XDG_CONFIG_HOME": folders.config,
        "XDG_DATA_HOME": folders.data,
        "ZSH": f"{folders.home}/.oh-my-zsh",
        "__fish_config_dir": f"{folders.config}/fish",
    }
    return {name.encode(): os.fsencode(path) for name, path in values.items()}


def _files(patterns: list[str]) -> Iterator[str]:
    """Yield the regular files that the patterns name, sorted within a pattern."""
    from glob import has_magic, iglob
    from itertools import islice

    for pattern in dict.fromkeys(patterns):
        # `**` would look through the whole home folder
        names = islice(iglob(pattern), _MOST_FILES) if has_magic(pattern) else [pattern]
        yield from (name for name in sorted(names) if os.path.isfile(name))
