"""The program that a command line runs: `sudo -u ann /usr/bin/git -C x commit` is `git commit`.

This is a guess by words, for statistics. Quotes are not parsed, and only the first command of a
pipeline is used.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Programs with subcommands: the first word after the name is counted with it
WITH_SUBCOMMANDS = frozenset(
    (
        *("apt", "apt-get", "aws", "az", "brew", "bun", "cargo", "conda", "composer", "deno"),
        *("dnf", "docker", "docker-compose", "dotnet", "flatpak", "flyctl", "gcloud", "gem"),
        *("gh", "git", "glab", "go", "gradle", "helm", "heroku", "hx", "ip", "jj", "just"),
        *("kubectl", "make", "mix", "mvn", "nix", "npm", "npx", "pacman", "pip", "pip3"),
        *("pipx", "pnpm", "podman", "poetry", "rake", "rustup", "snap", "svn", "systemctl"),
        *("terraform", "tmux", "tofu", "uv", "yarn", "zfs"),
    )
)
# Programs that run the program named after them
WRAPPERS = frozenset(
    ("sudo", "doas", "env", "time", "nohup", "command", "exec", "builtin", "nice", "noglob")
)
# Options whose value is the next word
_WITH_VALUE = frozenset(
    (
        *("-C", "-c", "-H", "-f", "-g", "-n", "-u", "--context", "--file", "--git-dir"),
        *("--group", "--kubeconfig", "--namespace", "--prefix", "--project", "--user"),
        "--work-tree",
    )
)
_SLOW = WITH_SUBCOMMANDS | WRAPPERS
_LONGEST = 64  # characters of a name


def program(text: str) -> str:
    """Return the name of the program without its path, which may be empty.

    For a program with subcommands the name includes the subcommand.
    """
    first, _, rest = text.partition(" ")
    if first.isalnum():  # the usual case; `hx stats` asks for a third of a million texts
        if first not in _SLOW:
            return first[:_LONGEST]
        second, _, _ = rest.partition(" ")
        if first in WITH_SUBCOMMANDS and second.isalnum():
            return f"{first} {second}"[:_LONGEST]
    words = _words(text[:4096])
    name = next(words, "")
    if name in WITH_SUBCOMMANDS:
        sub = _subcommand(words)
        return f"{name} {sub}"[:_LONGEST] if sub else name
    return name[:_LONGEST]


def program_by_head() -> Callable[[str], str]:
    """Return a function like `program` that caches by the first one or two words.

    It is for very many texts.
    """
    known: dict[str, str] = {}

    def named(text: str) -> str:
        head, _, rest = text.partition(" ")
        name = known.get(head)
        if name is not None:
            return name
        if head not in WITH_SUBCOMMANDS:
            name = program(text)
            if head.isalnum() and head not in _SLOW:
                known[head] = name
            return name
        both = f"{head} {rest.partition(' ')[0]}"
        name = known.get(both)
        if name is None:
            name = program(text)
            if both[len(head) + 1 :].isalnum():
                known[both] = name
        return name

    return named


def _words(text: str) -> Iterator[str]:
    """Yield the name of the program, then the words after it."""
    rest = iter(text.split())
    while word := next(rest, ""):
        name = word.lstrip("({!\\").rpartition("/")[2] or word
        if _is_assignment(word):
            _skip_quoted(word, rest)
        elif name in WRAPPERS:
            rest = _past_options(rest)
        elif name not in ("(", "{", "!"):
            yield name.rstrip(";)") or name
            yield from rest


def _is_assignment(word: str) -> bool:
    name, equals, _ = word.partition("=")
    return bool(equals) and name.isidentifier()


def _skip_quoted(word: str, rest: Iterator[str]) -> None:
    """Skip the words up to the end of a value whose quotes contain blanks."""
    for quote in "'\"":
        if word.count(quote) % 2:
            next((following for following in rest if following.count(quote) % 2), None)
            return


def _past_options(words: Iterator[str]) -> Iterator[str]:
    """Yield the words from the first one that is neither an option nor its value."""
    for word in words:
        if word in _WITH_VALUE:
            next(words, None)
        elif not word.startswith("-"):
            yield word
            yield from words


def _subcommand(words: Iterator[str]) -> str:
    word = next(_past_options(words), "")
    plain = word.replace("-", "").replace("_", "").replace(":", "").replace(".", "")
    return word if plain.isalnum() else ""
