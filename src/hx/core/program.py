"""Which program a command line runs: `sudo -u ann /usr/bin/git -C x commit -m y` -> `git commit`.

A guess by words, for counting: no quotes are taken apart, of a pipeline the first command counts.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Programs that are one name for many: the word behind them belongs to it
FAMILIES = frozenset(
    (
        *("apt", "apt-get", "aws", "az", "brew", "bun", "cargo", "conda", "composer", "deno"),
        *("dnf", "docker", "docker-compose", "dotnet", "flatpak", "flyctl", "gcloud", "gem"),
        *("gh", "git", "glab", "go", "gradle", "helm", "heroku", "hx", "ip", "jj", "just"),
        *("kubectl", "make", "mix", "mvn", "nix", "npm", "npx", "pacman", "pip", "pip3"),
        *("pipx", "pnpm", "podman", "poetry", "rake", "rustup", "snap", "svn", "systemctl"),
        *("terraform", "tmux", "tofu", "uv", "yarn", "zfs"),
    )
)
# They run what stands behind them
CARRIERS = frozenset(
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
_SLOW = FAMILIES | CARRIERS
_LONGEST = 64  # characters of a name


def program(text: str) -> str:
    """The name of the program without its path, of a family with the subcommand; may be empty."""
    first, _, rest = text.partition(" ")
    if first.isalnum():  # most of them, and a third of a million are asked for at once
        if first not in _SLOW:
            return first[:_LONGEST]
        second, _, _ = rest.partition(" ")
        if first in FAMILIES and second.isalnum():
            return f"{first} {second}"[:_LONGEST]
    words = _words(text[:4096])
    name = next(words, "")
    if name in FAMILIES:
        sub = _subcommand(words)
        return f"{name} {sub}"[:_LONGEST] if sub else name
    return name[:_LONGEST]


def program_by_head() -> Callable[[str], str]:
    """`program`, remembered by the one or two words that decide it: for very many texts."""
    known: dict[str, str] = {}

    def named(text: str) -> str:
        head, _, rest = text.partition(" ")
        name = known.get(head)
        if name is not None:
            return name
        if head not in FAMILIES:
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
    """The program's name, then what stands behind it."""
    rest = iter(text.split())
    while word := next(rest, ""):
        name = word.lstrip("({!\\").rpartition("/")[2] or word
        if _is_assignment(word):
            _skip_quoted(word, rest)
        elif name in CARRIERS:
            rest = _past_options(rest)
        elif name not in ("(", "{", "!"):
            yield name.rstrip(";)") or name
            yield from rest


def _is_assignment(word: str) -> bool:
    name, equals, _ = word.partition("=")
    return bool(equals) and name.isidentifier()


def _skip_quoted(word: str, rest: Iterator[str]) -> None:
    """Past the end of a value whose quotes hold blanks."""
    for quote in "'\"":
        if word.count(quote) % 2:
            next((one for one in rest if one.count(quote) % 2), None)
            return


def _past_options(words: Iterator[str]) -> Iterator[str]:
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
