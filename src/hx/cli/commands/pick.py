"""`hx search -i [QUERY]` opens the picker, prints what was picked and forgets what was deleted."""

from __future__ import annotations

import os
import sys

from hx.cli.context import drained, here, open_context
from hx.cli.options import Option, readable
from hx.core.errors import UsageError
from hx.core.query import ALL, DIRECTORY, REPOSITORY, SCOPES, SESSION
from hx.picker.model import RUN
from hx.shells import BASH, SHELLS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hx.cli.context import Context
    from hx.cli.options import Line
    from hx.config import Config
    from hx.core.rank import Here
    from hx.picker.model import Row, State
    from hx.picker.terminal.screen import Area


INTERACTIVE = Option("--interactive", "", "pick a command on the terminal")
FULL_SCREEN = Option("--full-screen", "", "with -i: use the whole screen")
SCOPE = Option("--scope", "WHERE", f"with -i: the scope to begin with: {', '.join(SCOPES)}")
WIDGET = Option("--widget", "SHELL", "with -i: for the key binding in a shell's hook")
PASTES = Option("--pastes", "", "with --widget: the shell has bracketed paste switched on")
OPTIONS = (INTERACTIVE, FULL_SCREEN, SCOPE, WIDGET, PASTES)

_CANCELLED, _SIGNALLED = 130, 128
_MOST_QUERY = 65_536  # bytes


def run(line: Line, config: Config) -> int:
    """Open the picker, print what was picked, and return the exit code.

    With --widget, `r:` before it tells the hook to run it, and `e:` to let the user edit it.
    """
    given = line.options
    _check(given)
    shell = given.get("--widget", "")
    try:
        return _picked(line, config, shell)
    except Exception:
        if shell and SHELLS[shell].owns_prompt:
            print(file=sys.stderr)  # the cursor is on the line of a prompt
        raise


def _check(given: dict[str, str]) -> None:
    others = [name for name in given if name not in [option.name for option in OPTIONS]]
    if others:
        raise UsageError(
            f"-i and {others[0]} exclude each other", "Ctrl-R in the picker narrows the search"
        )
    if given.get("--widget", BASH) not in SHELLS:
        raise UsageError(
            f"--widget cannot be {given['--widget']!r}", f"choose one of {', '.join(SHELLS)}"
        )
    if given.get("--scope", ALL) not in SCOPES:
        raise UsageError(
            f"--scope cannot be {given['--scope']!r}", f"choose one of {', '.join(SCOPES)}"
        )


def _picked(line: Line, config: Config, shell: str) -> int:
    from hx.picker.terminal.screen import open_terminal

    # before the database: without a terminal there is nothing to drain or to load
    terminal = open_terminal(config.terminal)
    context = open_context(config)
    query = _line_of_the_shell() if shell else readable(" ".join(line.words))
    place = here(context)
    state = _start(query, context, place, line.options.get("--scope"))
    state, ended_by = _loop(terminal, _area(line.options, config), context, place, state)
    outcome = state.outcome
    if outcome and outcome.text is not None:
        _print(_exact(context, state, outcome.text), shell, outcome.action == RUN)
    # forgetting opens it anew, for what was recorded while the picker was open
    context.database.close()
    failed = _forget(config, state) if outcome and outcome.forget else 0
    if ended_by:
        return _SIGNALLED + ended_by
    # a hook takes the picked line only when the exit code is 0
    if failed and not shell:
        return failed
    return 0 if outcome and outcome.text is not None else _CANCELLED


def _forget(config: Config, state: State) -> int:
    """Forget what was deleted and return 0, or print the error and return its exit code.

    What was picked is printed already, so an error here does not prevent it.
    """
    from hx.cli import explained

    try:
        forget(config, state.deleted)
    except Exception as error:  # noqa: BLE001  (every error is printed)
        message, hint, code = explained(error)
        print(f"\nhx: error: nothing was forgotten: {message}", file=sys.stderr)
        print(
            f"hx: hint: {hint or 'delete it in the picker again, or use `hx forget`'}",
            file=sys.stderr,
        )
        return code
    return 0


def _line_of_the_shell() -> str:
    """Return the line that the shell writes to stdin.

    Other users can see arguments and environment, and the line may hold a secret.
    """
    data = b""
    # a user who types `hx search -i --widget` has no line to pass on: do not wait for it
    while not os.isatty(0) and len(data) < _MOST_QUERY:
        part = os.read(0, _MOST_QUERY)
        if not part:
            break
        data += part
    return data[:_MOST_QUERY].decode(errors="replace").removesuffix("\n")


def _start(query: str, context: Context, place: Here, scope: str | None) -> State:
    from hx.cli.auto_state import remark
    from hx.picker.state.state import start

    values = context.config.values
    known = {SESSION: place.session_id, DIRECTORY: place.directory, REPOSITORY: place.repo}
    # the other scopes exist everywhere
    scopes = tuple(name for name in SCOPES if known.get(name, b"") is not None)
    state = start(
        query,
        context.now_us,
        scope=scope or str(values["picker_scope"]),
        scopes=scopes,
        enter=str(values["picker_enter"]),
    )
    return state._replace(remark=remark(context.config.paths.data, context.now_us))


def _area(given: dict[str, str], config: Config) -> Area:
    from hx.picker.terminal.screen import Area

    percent = min(100, int(config.values["picker_height"]))
    shell = SHELLS.get(given.get("--widget", ""))
    below = shell is not None and shell.owns_prompt
    return Area(percent, "--full-screen" in given, below, "--pastes" in given)


def _loop(
    terminal: int, area: Area, context: Context, place: Here, state: State
) -> tuple[State, int]:
    """Run the picker; return its last state and the signal that ended it, 0 for a key."""
    from hx.picker.answers.source import AnswerSource
    from hx.picker.terminal.loop import Loop, SignalPipe, patience
    from hx.picker.terminal.screen import Screen
    from hx.picker.view.styles import styles_for

    config = context.config
    styles = styles_for(config.ground, colour=_colour(config))
    case = {"smart": None, "exact": True, "ignore": False}[str(config.values["case"])]
    source = AnswerSource(context.database, place, context.now_us, exact_case=case)
    with SignalPipe() as signals, Screen(terminal, area) as screen:
        waits = patience(config.escape_delay, is_remote=config.is_remote)
        loop = Loop(screen, signals, source, styles, waits)
        state = loop.run(state)
    source.close()
    os.close(terminal)
    return state, loop.ended_by


def _colour(config: Config) -> bool:
    wanted = config.values["color"]
    return wanted == "always" or (wanted == "auto" and not config.no_color)


def _exact(context: Context, state: State, text: str) -> bytes:
    """Return the bytes of a picked command: its `text` has bytes outside UTF-8 replaced."""
    from hx.database.search import exact_texts

    command = next((row.command for row in state.rows if row.text == text), None)
    texts = [] if command is None else list(exact_texts(context.database, [command]))
    return texts[0] if texts else text.encode(errors="replace")


def _print(text: bytes, shell: str, is_run: bool) -> None:
    if shell:
        text = (b"r:" if is_run else b"e:") + text
    elif sys.stdout.isatty():
        from hx.cli.text import visible

        text = visible(text, one_line=False).encode() + b"\n"
    else:
        text += b"\n"
    # bytes, because a command need not be UTF-8
    sys.stdout.flush()
    sys.stdout.buffer.write(text)
    sys.stdout.buffer.flush()


def forget(config: Config, rows: Iterable[Row]) -> None:
    """Forget every run of these commands, also runs that came while the picker was open."""
    from hx.cli.commands.forget import places
    from hx.database.queries import forget_selection
    from hx.database.queries.forget_selection import Choice
    from hx.forget import forget as forgetting

    context = drained(open_context(config))
    database = context.database
    same = forget_selection.same_commands(database, [(row.command, row.text) for row in rows])
    choice = Choice(commands=tuple(same))
    keys = [event.key for event in forget_selection.events(database, choice)]
    if keys:
        issuer = forgetting.Issuer(context.who.device_id, context.now_us, lambda: os.urandom(16))
        forgetting.issue(database, choice, keys, issuer, places(context))
    database.close()
    if keys:
        _scrub_in_background(config.paths.database)


def _scrub_in_background(path: str) -> None:
    """Clean the files of the database in a process of its own.

    A large file takes seconds, and the prompt would wait. Another hx finishes what is left.
    """
    from hx.database.connection import open_database
    from hx.forget.forget import clean

    if os.fork():
        return
    try:
        # Ctrl-C in the shell must not end it
        os.setsid()
        # the shell reads stdout until each process that has it open has closed it
        null_device = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(null_device, descriptor)
        clean(open_database(path))
    finally:
        os._exit(0)
