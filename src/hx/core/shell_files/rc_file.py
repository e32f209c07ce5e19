"""The line of hx in a shell's rc file: add it, find it and remove it.

The line is added at the end, after a newline of its own. So a file that had no newline at its end
can be told from one that had it, and removing the line restores the bytes that were there before.
After a backslash without a newline, which would join the line to that before, a blank line precedes
it, and a blank tells that.

Whether a command is needed where the line was (`if true; then`, `[ -t 0 ] &&`) is not decided by
a parser: only the end of the line before the place and the beginning of the line after it count.
"""

from __future__ import annotations

import re

from hx.core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MARK = b"# hx: `hx setup --undo` removes this line"
MISSING = "hook.missing"  # a file beside the hooks: it was said that one of them is missing
_HEADS = (b"__hx_data=", b"begin; ", b"[ ", b"test ")
_RIVALS = re.compile(
    rb"^(?!\s*(?:alias|abbr)\b)[^#\n]*?\b(atuin|mcfly|hstr|hishtory|fzf)(?:_\w+)?\b", re.MULTILINE
)
_INIT = re.compile(
    rb"(?:^|[\s/\"'`(\\])(?:hx|history-extended)[\"']?\s+init\s+(?!.*--off)(bash\b|zsh\b|fish\b)?"
)
_HOOK = re.compile(rb"hook\.(\w+)")
_OPEN = re.compile(rb"(?<!\\)(?:\\\\)*\\\Z")  # an odd number of backslashes at the end of a text
_AFTER_OPEN = b" "  # indents our line after such a text
_BASHRC = re.compile(rb"^[^#\n]*\bbashrc\b", re.MULTILINE)
# what may hold a `#` that begins no comment, or a comment: `#` at the beginning of a word
_PARTS = re.compile(
    rb"\\.|\$'(?:\\.|[^'\\])*'|'[^']*'|\"(?:\\.|[^\"\\])*\"|\$\{[^}]{0,256}\}"
    rb"|(?P<comment>(?<![^\s;&|()<>])#.*)",
    re.DOTALL,
)
_OPENS = re.compile(
    rb"(?:^|[\s;&|)!])(?:then|else|do|if|elif|while|until|\{|\()$"
)  # a command must follow before the block goes on
_CLOSES = re.compile(rb"(?:(?:then|do|fi|elif|else|done)\b|[})])")
_JOINS = re.compile(rb"&&$|\|&?$")  # a command must follow, also at the end of the file
_GOES_ON = re.compile(rb"(?:^|[\s;&|({])!$")  # a command that follows belongs to this line


def line(folder: bytes, shell: str, variable: str = "", *, posix: bool = True) -> bytes:
    """Return the line that loads the hook file of a shell from a folder.

    `folder` is an expression of the shell. Where there is no such file, the line says so in an
    interactive shell, once: an rc file may be shared with a machine that has no hx. `posix`: the
    shell reads its lines as sh does; else as fish does. `variable` is one that only this shell
    sets, so that another one passes over the line: sh reads ~/.profile, and a .zshrc may read
    ~/.bashrc or be the same file.
    """
    hook, missing = f"$__hx_data/hook.{shell}".encode(), f"$__hx_data/{MISSING}".encode()
    said = b"hx: %b is missing, so shells are not recorded here: run hx setup" % hook
    text = (_POSIX if posix else _FISH) % {
        b"folder": folder,
        b"hook": hook,
        b"missing": missing,
        b"said": said,
    }
    if variable:
        text = b"%b{ %b; }" % (_unless_set(variable), text)
    return text + b" " + MARK


def _unless_set(variable: str) -> bytes:
    """Return a test before a command that shall run only where the variable is set."""
    return b'[ -z "${%b-}" ] || ' % variable.encode() if variable else b""


_POSIX = (
    b'__hx_data=%(folder)b; if [ -r "%(hook)b" ]; then . "%(hook)b"; else case $- in *i*)'
    b' [ -e "%(missing)b" ] || { (umask 077; mkdir -p "$__hx_data" && : >"%(missing)b")'
    b' 2>/dev/null && echo "%(said)b" >&2; } || :;; esac; fi; unset -v __hx_data'
)
_FISH = (
    b'begin; set -l __hx_data %(folder)b; if test -r "%(hook)b"; source "%(hook)b"'
    b'; else if status is-interactive; and not test -e "%(missing)b"'
    b'; sh -c \'umask 077; mkdir -p "$1" && : >"$2"\' sh "$__hx_data" "%(missing)b" 2>/dev/null'
    b'; and echo "%(said)b" >&2; end; end'
)


def line_by_hand(folder: bytes, shell: str, variable: str = "", *, posix: bool = True) -> bytes:
    """Return a short line that loads the hook file, for a file that only its owner changes."""
    hook = b"%b/hook.%b" % (folder, shell.encode())
    if posix:
        return b"%b[ ! -r %b ] || . %b" % (_unless_set(variable), hook, hook)
    return b"begin; set -l hook %b; test -r $hook; and source $hook; end" % hook


def with_line(text: bytes, added: bytes) -> bytes:
    """Return the text of a file with the line, in the place of an older one or at the end.

    The line of another shell stays: two shells may read the file.
    """
    lines = _lines(text)
    replaced = {_shell(added), None}  # the line of an older hx may name no shell
    older = [_is_ours(existing) and _shell(existing) in replaced for existing in lines]
    if any(older):
        return b"".join(
            _indentation(existing) + added + _newline(existing) if is_older else existing
            for existing, is_older in zip(lines, older, strict=True)
        )
    newline = b"\r\n" if b"\n" in text and text.count(b"\n") == text.count(b"\r\n") else b"\n"
    beside_another = lines and _is_ours(lines[-1]) and _newline(lines[-1])
    if _OPEN.search(text):
        return text + newline + newline + _AFTER_OPEN + added + newline
    return text + (newline if text and not beside_another else b"") + added + newline


def without_line(text: bytes) -> bytes:
    """Return the text without our line; text that was added after it stays on its own lines.

    Where the user has moved it to a place at which the shell needs a command, `:` takes its place.
    """
    kept, owed = b"", b""  # owed: the newline that text after our line needs before it
    lines = _lines(text)
    for number, existing in enumerate(lines):
        if not _is_ours(existing):
            kept, owed = kept + owed + existing, b""
        elif _needs_command(_of_others(lines[:number]), _of_others(lines[number + 1 :])):
            kept, owed = kept + owed + _indentation(existing) + b":" + _newline(existing), b""
        elif number == 0 or not _is_ours(lines[number - 1]):  # a copy has no newline of its own
            newline = _newline(existing) or _newline(kept)
            if newline and _is_after_open(kept, existing, newline):
                kept = kept.removesuffix(newline + newline)
                owed = newline + newline
            elif newline and kept.endswith(newline) and kept != newline:
                kept = kept.removesuffix(newline)
                owed = b"" if kept.endswith(b"\n") else newline
    return kept


def _is_after_open(kept: bytes, existing: bytes, newline: bytes) -> bool:
    """Return whether a line of ours follows a text whose end was a backslash without a newline."""
    is_marked = _indentation(existing) == _AFTER_OPEN and kept.endswith(newline + newline)
    return is_marked and _OPEN.search(kept.removesuffix(newline + newline)) is not None


def _of_others(lines: list[bytes]) -> list[bytes]:
    return [each for each in lines if not _is_ours(each)]


def has_line(text: bytes, shell: str = "") -> bool:
    """Return whether the text contains the line of hx, or that for one shell."""
    ours = filter(_is_ours, _lines(text))
    return any(not shell or _shell(existing) == shell.encode() for existing in ours)


class Loader(NamedTuple):
    """A line that loads the hook and that hx did not write."""

    number: int  # from 1
    from_file: bool  # it loads a hook file; else it runs `hx init`


def loader(text: bytes, shell: str, hook: bytes) -> Loader | None:
    """Return the first line that loads the hook and is not ours, or None.

    It runs `hx init`, or loads a hook file: the one given, or one at the default place.
    """
    place = rb"hx(?:_data)?[\"'}]*/hook\.%b" % shell.encode()
    file = re.compile(rb"%b|%b|HX_HOME\S*/hook\.%b" % (re.escape(hook), place, shell.encode()))
    for number, existing in enumerate(_lines(text), 1):
        code = _without_comment(existing)
        from_file, init = file.search(code) is not None, _INIT.search(code)
        is_init = init is not None and init[1] in (None, shell.encode())
        if not _is_ours(existing) and (from_file or is_init):
            return Loader(number, from_file)
    return None


def mentions_bashrc(text: bytes) -> bool:
    """Return whether a login file of bash loads ~/.bashrc."""
    return _BASHRC.search(text) is not None


def rivals(text: bytes) -> list[str]:
    """Return the names of other history tools that the file names; the last one has the keys."""
    names = [name.decode() for name in _RIVALS.findall(text)]
    return [*dict.fromkeys(reversed(names))][::-1]


def _lines(text: bytes) -> list[bytes]:
    """Return lines with their line ends; only LF ends a line."""
    return [part for part in re.split(rb"(?<=\n)", text) if part]


def _newline(text: bytes) -> bytes:
    return b"\r\n" if text.endswith(b"\r\n") else b"\n" if text.endswith(b"\n") else b""


def _is_ours(existing: bytes) -> bool:
    return existing.rstrip().endswith(MARK) and existing.lstrip(b" \t").startswith(_HEADS)


def _shell(existing: bytes) -> bytes | None:
    """Return the shell of a line of ours: the name of its folder comes first, and may be hook.d."""
    return next(reversed(_HOOK.findall(existing)), None)


def _indentation(existing: bytes) -> bytes:
    return existing[: len(existing) - len(existing.lstrip(b" \t"))]


def _without_comment(line: bytes) -> bytes:
    """Return a line without its comment; a `#` in quotes, in `$#` or in `${x#y}` begins none."""
    return _PARTS.sub(lambda part: b"" if part["comment"] else part[0], line)


def _needs_command(before: list[bytes], after: list[bytes]) -> bool:
    """Return whether the lines before and after a place need a command between them.

    Without one they are a syntax error, or a line after the place would belong to one before it.
    """
    opening, following = next(_code(reversed(before)), b""), next(_code(after), b"")
    is_continued = bool(before) and _masked(before[-1]).endswith(b"\\")
    if _JOINS.search(opening) or (following and (is_continued or _GOES_ON.search(opening))):
        return True
    return bool(_OPENS.search(opening) and _CLOSES.match(following))


def _code(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what the lines hold besides blanks and comments; lines that hold nothing are left out.

    What is quoted stands as `_`.
    """
    for each in lines:
        code = _masked(each).strip()
        if code:
            yield code


def _masked(line: bytes) -> bytes:
    line = line.rstrip(b"\r\n")
    return _PARTS.sub(lambda part: b"" if part["comment"] else b"_", line)
