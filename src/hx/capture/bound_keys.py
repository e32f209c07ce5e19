r"""What the keys of the picker are bound to in each open shell, as its hook noted it.

Another tool may bind a key after hx. The hook looks once, at the second prompt, and writes a record
K; it is kept in the database as long as the session has a spool file. The value of a field of that
record is what the shell prints about one key:

    zsh   "^R" fzf-history-widget
    bash  "\C-r": "\C-x\C-_hx1\C-x\C-_hx0"
          "\C-r" "function"
    fish  bind --preset \cr history-pager
          bind -M insert \cr __hx_pick
"""

from __future__ import annotations

from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.spool_records import SpoolRecord
    from hx.database.connection import Database

IN_META = "keys."  # the beginning of a key in meta; the id of a session follows
CTRL_R, UP = "Ctrl-R", "the up arrow"
PICKER = "hx"
_TAGS = {"k": CTRL_R, "a": UP}  # of a record K
_OURS = "hx-pick", "__hx_pick", "\\C-x\\C-_hx"
_UNBOUND = "undefined-key"
_MOST = 200  # characters of a binding: a macro may be long
# part of a binding -> who binds it
_TOOLS = {
    "fzf": "fzf",
    "atuin": "atuin",
    "mcfly": "mcfly",
    "hstr": "hstr",
    "zvm": "zsh-vi-mode",
    "history-substring-search": "zsh-history-substring-search",
    "autocomplete": "zsh-autocomplete",
    "_hishtory": "hishtory",
    "ble/": "ble.sh",
}


class BoundKey(NamedTuple):
    """One key of the picker, and what it calls in a shell."""

    key: str  # CTRL_R or UP
    holder: str  # what the shell calls: "" is nothing, PICKER is hx

    @property
    def tool(self) -> str:
        """Return the name of the tool that a binding belongs to, or an empty string."""
        return next((tool for part, tool in _TOOLS.items() if part in self.holder.lower()), "")


def noted(records: list[SpoolRecord]) -> str:
    """Return the keys of the last record K, as `write` keeps them. One record must be a K."""
    return packed(bound_keys([record.fields for record in records if record.kind == "K"][-1]))


def write(database: Database, session: str, text: str) -> None:
    """Write the keys of a session; the caller holds the transaction."""
    database.set_meta(IN_META + session, text)


def read(database: Database, session: str) -> list[BoundKey]:
    """Return the keys of a session; none when its shell has not looked at them."""
    text = database.meta(IN_META + session)
    return unpacked(text) if isinstance(text, str) else []


def bound_keys(fields: dict[str, bytes]) -> list[BoundKey]:
    """Return the keys of a record K."""
    texts = {tag: fields[tag].decode(errors="replace") for tag in _TAGS if tag in fields}
    return [BoundKey(_TAGS[tag], _holder(text)) for tag, text in texts.items()]


def packed(keys: list[BoundKey]) -> str:
    """Return keys as one text, which `unpacked` reads."""
    return "\n".join(f"{key}\t{holder}" for key, holder in keys)


def unpacked(text: str) -> list[BoundKey]:
    lines = (line.partition("\t") for line in text.split("\n"))
    return [BoundKey(key, holder) for key, tab, holder in lines if tab]


def _holder(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # a binding of the user's wins over one that comes with fish
    own = [line for line in lines if " --preset" not in line] or lines
    others = [line for line in own if not any(name in line for name in _OURS)]
    if others:
        return "".join(filter(str.isprintable, _command(others[-1])))[:_MOST]
    return PICKER if own else ""


def _command(line: str) -> str:
    r"""Return what follows the key: `f` of `"^R" f`, of `"\C-r": f` and of `bind -M m \cr f`."""
    if line.startswith('"'):
        name = line[1:].partition('"')[2].lstrip()
        if line.startswith('"\\'):  # bash; 5.3 prints no colon before the name of a shell command
            name = name.lstrip(": ").strip('"')
        return "" if name == _UNBOUND else name
    words = line.split()[1:]
    while words and words[0].startswith("-"):
        words = words[2 if words[0] in {"-M", "-m"} else 1 :]
    return " ".join(words[1:])
