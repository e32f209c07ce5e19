"""Find out whether the shell that runs hx is recorded, and if not, why.

The proof is that the command line that runs hx was recorded before hx began.
"""

from __future__ import annotations

import os

from hx.capture import proof, spool
from hx.cli import health
from hx.cli.health import OK, WARNING, Finding
from hx.config import hook_variables
from hx.shells import BASH, FISH, SHELLS
from hx.shells import hook as hook_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.capture.spool import SessionHeader, SpoolFile
    from hx.config import Config
    from hx.database.connection import Database

_RESTRICTED = (b"-r", b"--restricted")
_FISH_PRIVATE = (b"-P", b"--private")
_AGAIN = "open a new shell"
# what the hook of bash writes into HX_UNRECORDED: why, and what to do
_GIVEN_UP = {
    "ble.sh": ("its ble.sh is too old to hand over the lines", "install ble.sh 0.4 or later"),
    "readonly": ("PROMPT_COMMAND or PS0 is readonly", "load the hook before they become readonly"),
    "restricted": ("a restricted shell may write no file", "use a shell without restrictions"),
}
_LOAD_LAST = f"load the hook at the end of the rc file, then {_AGAIN}"


def findings(
    config: Config, database: Database | None, word: bytes, now_us: int
) -> Iterator[Finding]:
    """Check whether this shell is recorded, and whether it has loaded the hook of this hx.

    The command line that runs hx must have been recorded before; `word` is a word of it. While
    recording is paused or impossible in all shells, only the hook is checked.
    """
    session = config.session
    if not session:
        yield _without_hook()
        return
    # a command that could not be written proves nothing about the hook
    is_off = health.prevented(config.paths) or health.paused(config.paths, now_us)
    file = proof.newest(config.paths.spool, session)
    if file is None:
        yield from [] if is_off else [_without_record()]
        return
    head = spool.header(file, b"")
    # an id of a session is inherited by every child, also by a shell without a hook
    if not proof.runs_us(head.pid, session):
        yield _of_another(head)
        return
    if not is_off:
        yield _recorded(file, head, database, word, now_us)
    yield from _outdated(head)


def fault_of_hook(config: Config) -> Finding | None:
    """Return why this shell does not run the hook of this hx; None: it does, as far as hx knows."""
    if not config.session:
        return _without_hook()
    file = proof.newest(config.paths.spool, config.session)
    if file is None:
        return None
    head = spool.header(file, b"")
    if not proof.runs_us(head.pid, config.session):
        return _of_another(head)
    return next(_outdated(head), None)


def _without_hook() -> Finding:
    # (a hook that gives up unsets HX_SESSION; a shell below it that is recorded sets its own)
    *_, unrecorded = hook_variables()
    if unrecorded in _GIVEN_UP:
        return _given_up(unrecorded)
    if _is_restricted(os.getppid()):
        return _restricted()
    sentence = "this shell has not loaded the hook, so it is not recorded"
    fix = "`hx setup`, or by hand (`hx init --help` shows the line); then open a new shell"
    return Finding("hook", WARNING, sentence, fix)


def _given_up(unrecorded: str) -> Finding:
    why, fix = _GIVEN_UP[unrecorded]
    return Finding("hook", WARNING, f"this shell is not recorded: {why}", fix)


def _restricted() -> Finding:
    sentence = "this shell is restricted and may write no file, so it is not recorded"
    return Finding("hook", WARNING, sentence, "use a shell without restrictions")


def _without_record() -> Finding:
    private, *_ = hook_variables()
    if private:
        return _private()
    if _is_restricted(os.getppid()):
        return _restricted()
    sentence = "the hook of this shell has written nothing, so it is not recorded"
    fix = "run the same command again without a blank before it; if it says the same, `hx setup`"
    return Finding("hook", WARNING, sentence, fix)


def _of_another(head: SessionHeader) -> Finding:
    shell = (head.facts.shell or b"?").decode(errors="replace")
    sentence = (
        "this shell has not loaded the hook, so it is not recorded; HX_SESSION comes from the"
        f" {shell} with process id {head.pid}"
    )
    fix = "`hx setup`, or by hand (`hx init --help` shows the line); then open a new shell"
    return Finding("hook", WARNING, sentence, fix)


def _recorded(
    file: SpoolFile, head: SessionHeader, database: Database | None, word: bytes, now_us: int
) -> Finding:
    if _is_restricted(head.pid):
        return _restricted()
    private, line, _ = hook_variables()
    is_bash = head.facts.shell == BASH.encode()
    # the hook of bash exports the number of the line that runs
    if is_bash and line.isdigit() and int(line):
        return Finding("hook", OK, "this shell is recorded")
    if proof.is_recorded(file, head, database, word, now_us):
        return Finding("hook", OK, "this shell is recorded")
    if private:
        return _private()
    if is_bash:
        return _unrecorded_in_bash(line)
    return _unrecorded(head)


def _private() -> Finding:
    sentence = "HX_PRIVATE is set, so this shell is not recorded"
    return Finding("hook", WARNING, sentence, "unset HX_PRIVATE")


def _unrecorded_in_bash(line: str) -> Finding:
    """Return the finding for a value of HX_LINE; docs/design/capture.md lists the values."""
    if line == "-2":
        return _private()
    if line == "-1":
        sentence = (
            "bash did not remember this line, so it is not recorded: it began with a blank,"
            " HISTIGNORE or HISTCONTROL excludes it, or the history is off"
        )
        return Finding("hook", WARNING, sentence, "`set -o history`, and HISTSIZE must not be 0")
    if line == "-3":
        sentence = (
            "PROMPT_COMMAND does not call the hook any more, so this shell is not recorded; or this"
            " line was pasted with others"
        )
        return Finding("hook", WARNING, sentence, _LOAD_LAST)
    if line == "-4":
        sentence = "the hook could not read the text of the line, so this shell is not recorded"
        fix = f"make the folder in XDG_RUNTIME_DIR writable, then {_AGAIN}"
        return Finding("hook", WARNING, sentence, fix)
    if line == "-5":
        sentence = (
            "the hook could not write the last line, so this shell is not recorded: the disk is"
            " full, or the shell is restricted (`set -r`)"
        )
        return Finding("hook", WARNING, sentence, f"free some space, or {_AGAIN}")
    sentence = "PS0 does not call the hook, so this shell is not recorded"
    fix = f"`shopt -s promptvars`, and add to PS0 instead of replacing it; else {_LOAD_LAST}"
    return Finding("hook", WARNING, sentence, fix)


def _unrecorded(head: SessionHeader) -> Finding:
    # other programs cannot see HX_PRIVATE of a shell that does not export it
    words = proof.words_of(head.pid)
    if head.facts.shell == FISH.encode() and any(word in _FISH_PRIVATE for word in words):
        sentence = "fish is in its private mode, so this shell is not recorded"
        return Finding("hook", WARNING, sentence, _AGAIN)
    sentence = (
        "this line is not recorded: it began with a blank, HX_PRIVATE is set in this shell, or"
        " another tool has replaced the hook's functions"
    )
    fix = f"`hx doctor` without a blank before it; if it says the same, {_LOAD_LAST}"
    return Finding("hook", WARNING, sentence, fix)


def _is_restricted(pid: int) -> bool:
    words = proof.words_of(pid)
    name = os.path.basename(words[0]).lstrip(b"-") if words else b""
    # rbash and rzsh are restricted by their names alone
    return (name.startswith(b"r") and name[1:].decode(errors="replace") in SHELLS) or any(
        word in _RESTRICTED for word in words[1:]
    )


def _outdated(head: SessionHeader) -> Iterator[Finding]:
    """Yield a finding when this shell has loaded the hook of another version of hx."""
    shell = (head.facts.shell or b"").decode(errors="replace")
    if shell not in SHELLS or head.hook == hook_file.version(shell):
        return
    sentence = "this shell has loaded the hook of another version of hx"
    yield Finding("hook", WARNING, sentence, f"{_AGAIN}, or here: {reloading(shell)}")


def reloading(shell: str) -> str:
    """Return the commands that replace the hook that is loaded by the current one."""
    if shell == FISH:
        return "hx init fish --off | source; hx init fish | source"
    return f'eval "$(hx init {shell} --off)"; eval "$(hx init {shell})"'
