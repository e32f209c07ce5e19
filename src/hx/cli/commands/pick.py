"""`hx search -i [QUERY]`: the picker, and what is done when it closes."""

from __future__ import annotations

import os
import sys

from hx.cli.context import open_context
from hx.cli.options import Option, readable
from hx.core.errors import UsageError
from hx.core.query import ALL, DIRECTORY, REPOSITORY, SCOPES, SESSION
from hx.picker.model import RUN
from hx.shells import BASH, SHELLS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.cli.context import Context
    from hx.cli.options import Line
    from hx.config import Config
    from hx.core.rank import Here
    from hx.picker.model import State
    from hx.picker.terminal.screen import Area

INTERACTIVE = Option("--interactive", "", "pick one of them on the terminal")
FULL_SCREEN = Option("--full-screen", "", "with -i: on the whole screen")
SCOPE = Option("--scope", "WHERE", f"with -i: where to look first: {', '.join(SCOPES)}")
WIDGET = Option("--widget", "SHELL", "with -i: as the key in a shell's hook calls it")
PASTES = Option("--pastes", "", "with --widget: the shell has bracketed paste on")
OPTIONS = (INTERACTIVE, FULL_SCREEN, SCOPE, WIDGET, PASTES)

_CANCELLED, _SIGNALLED = 130, 128
_MOST_QUERY = 65_536  # bytes


def run(line: Line, config: Config) -> int:
    """The answer is what was picked; `r:` or `e:` before it tells a hook what to do with it."""
    given = line.options
    _check(given)
    shell = given.get("--widget", "")
    try:
        return _picked(line, config, shell)
    except Exception:
        if shell and SHELLS[shell].owns_prompt:
            print(file=sys.stderr)  # the cursor stands behind a prompt
        raise


def _check(given: dict[str, str]) -> None:
    others = [name for name in given if name not in [option.name for option in OPTIONS]]
    if others:
        raise UsageError(
            f"`-i` goes without {others[0]}", "Ctrl-R in the picker narrows the search"
        )
    if given.get("--widget", BASH) not in SHELLS:
        raise UsageError(f"--widget is one of {', '.join(SHELLS)}")
    if given.get("--scope", ALL) not in SCOPES:
        raise UsageError(f"--scope is one of {', '.join(SCOPES)}")


def _picked(line: Line, config: Config, shell: str) -> int:
    from hx.picker.terminal.screen import open_terminal

    terminal = open_terminal(config.terminal)
    context = open_context(config)
    query = _line_of_the_shell() if shell else readable(" ".join(line.words))
    here = _here(context)
    state = _start(query, context, here, line.options.get("--scope"))
    state, ended_by = _loop(terminal, _area(line.options, config), context, here, state)
    outcome = state.outcome
    if outcome and outcome.text is not None:
        _print(_exact(context, state, outcome.text), shell, outcome.action == RUN)
    context.database.close()
    failed = _forget(config, state) if outcome and outcome.forget else 0
    if ended_by:
        return _SIGNALLED + ended_by
    if failed and not shell:
        return failed
    return 0 if outcome and outcome.text is not None else _CANCELLED


def _forget(config: Config, state: State) -> int:
    """0, or the exit code: a failure takes nothing from the answer, which is given already."""
    from hx.cli.commands.pick_forget import forget
    from hx.cli.error_sentence import sentence

    try:
        forget(config, state.deleted)
    except Exception as error:  # noqa: BLE001  (whatever comes becomes a sentence)
        message, hint, code = sentence(error)
        print(f"\nhx: error: nothing was forgotten: {message}", file=sys.stderr)
        print(f"hx: hint: {hint or 'try again, or `hx forget`'}", file=sys.stderr)
        return code
    return 0


def _line_of_the_shell() -> str:
    """By a pipe: arguments and environment can be seen by others, and it may hold a secret."""
    data = b""
    while not os.isatty(0) and len(data) < _MOST_QUERY:
        part = os.read(0, _MOST_QUERY)
        if not part:
            break
        data += part
    return data[:_MOST_QUERY].decode(errors="replace").removesuffix("\n")


def _here(context: Context) -> Here:
    from hx.cli.commands.search import here

    return here(context)


def _start(query: str, context: Context, here: Here, scope: str | None) -> State:
    from hx.picker.state.state import start

    values = context.config.values
    known = {SESSION: here.session_id, DIRECTORY: here.directory, REPOSITORY: here.repo}
    scopes = tuple(one for one in SCOPES if known.get(one, b"") is not None)
    return start(
        query,
        context.now_us,
        scope=scope or str(values["picker_scope"]),
        scopes=scopes,
        enter=str(values["picker_enter"]),
    )


def _area(given: dict[str, str], config: Config) -> Area:
    from hx.picker.terminal.screen import Area

    percent = min(100, int(config.values["picker_height"]))
    shell = SHELLS.get(given.get("--widget", ""))
    below = shell is not None and shell.owns_prompt
    return Area(percent, "--full-screen" in given, below, "--pastes" in given)


def _loop(
    terminal: int, area: Area, context: Context, here: Here, state: State
) -> tuple[State, int]:
    """How it ended, and by which signal; 0: by a key."""
    from hx.picker.answers.source import AnswerSource
    from hx.picker.terminal.loop import Loop
    from hx.picker.terminal.screen import Screen
    from hx.picker.terminal.signals import SignalPipe
    from hx.picker.view.styles import styles_for

    config = context.config
    styles = styles_for(config.ground, colour=_colour(config))
    case = {"smart": None, "exact": True, "ignore": False}[str(config.values["case"])]
    source = AnswerSource(context.database, here, context.now_us, exact_case=case)
    with SignalPipe() as signals, Screen(terminal, area) as screen:
        loop = Loop(screen, signals, source, styles)
        state = loop.run(state)
    source.close()
    os.close(terminal)
    return state, loop.ended_by


def _colour(config: Config) -> bool:
    wanted = config.values["color"]
    return wanted == "always" or (wanted == "auto" and not config.no_color)


def _exact(context: Context, state: State, text: str) -> bytes:
    """The bytes of the command: on the screen those that are not UTF-8 are replaced."""
    from hx.database.search import exact_texts

    command = next((row.command for row in state.rows if row.text == text), None)
    found = [] if command is None else list(exact_texts(context.database, [command]))
    return found[0] if found else text.encode(errors="replace")


def _print(text: bytes, shell: str, is_run: bool) -> None:
    if shell:
        text = (b"r:" if is_run else b"e:") + text
    elif sys.stdout.isatty():
        from hx.cli.output import visible

        text = visible(text, one_line=False).encode() + b"\n"
    else:
        text += b"\n"
    sys.stdout.flush()
    sys.stdout.buffer.write(text)
    sys.stdout.buffer.flush()
