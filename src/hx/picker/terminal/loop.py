"""The event loop of the picker: keys, results and frames; between keys it loads the cache.

`SignalPipe` turns signals into bytes, so that `poll` can wait for them and for the terminal. It
uses the C module below `signal`: `signal` itself imports enum, which takes as long as everything
else on the screen.
"""

from __future__ import annotations

import os
from _signal import (  # type: ignore[import-not-found]
    SIG_IGN,
    SIGCONT,
    SIGHUP,
    SIGINT,
    SIGSTOP,
    SIGTERM,
    SIGTSTP,
    SIGWINCH,
    set_wakeup_fd,
    signal,
)
from select import POLLIN, poll
from time import sleep

from hx.core.record import NamedTuple
from hx.picker.state.actions import aborted
from hx.picker.state.state import answered, detailed, paged, question, update, wanted
from hx.picker.terminal.keys import Decoder
from hx.picker.view.view import cursor, page, view

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.picker.answers.source import AnswerSource
    from hx.picker.model import Key, PickerQuery, State
    from hx.picker.terminal.screen import Screen
    from hx.picker.view.styles import Styles

ENDS = frozenset((SIGHUP, SIGINT, SIGTERM))
_CAUGHT = (*ENDS, SIGCONT, SIGTSTP, SIGWINCH)
_QUICK_MS = 100  # after so long an ESC is the key Esc for what is shown
_PATIENT_MS, _REMOTE_MS, _MOST_MS = 300, 1000, 60_000
_GOES_ON = b"[", b"O"  # second byte of the sequences of arrow keys
_TOGETHER_S = 0.02  # the rest of a sequence comes within this time of its first byte


class Patience(NamedTuple):
    """How long to wait for the rest of a key after an ESC, in ms.

    After `quick` the picker disappears, as for the key Esc. Until `whole` it stays alive: when the
    rest of an arrow key comes over a slow link, the picker is there again, and the shell never gets
    half a key. The next key that is typed ends it at once, and goes to the shell.
    """

    quick: int = _QUICK_MS
    whole: int = _PATIENT_MS


def patience(delay: str, *, is_remote: bool) -> Patience:
    """Return the patience for a terminal; `delay` is ESCDELAY, the setting of ncurses, or empty."""
    whole = _REMOTE_MS if is_remote else _PATIENT_MS
    if delay.isascii() and delay.isdigit():
        whole = min(int(delay[:6]), _MOST_MS)
    return Patience(min(_QUICK_MS, whole), whole)


class Loop:
    """Runs the picker once."""

    def __init__(
        self,
        screen: Screen,
        signals: SignalPipe,
        source: AnswerSource,
        styles: Styles,
        patience: Patience,
    ) -> None:
        self._screen, self._signals, self._source, self._styles = screen, signals, source, styles
        self._patience = patience
        self._is_hidden = False  # an ESC came, and nothing for some time
        self._decoder = Decoder()
        self._asked: PickerQuery | None = None  # the question that the rows belong to
        self.ended_by = 0  # number of a signal; 0: a key
        self._poll = poll()
        self._poll.register(screen.descriptor, POLLIN)
        self._poll.register(signals.descriptor, POLLIN)

    def run(self, state: State) -> State:
        """Run until the state has an outcome."""
        state = self._frame(self._answered(self._paged(state)))
        while not state.outcome:
            before, state = state, self._step(state)
            if state != before and not state.outcome:
                state = self._frame(state)
        return state

    def _step(self, state: State) -> State:
        """Handle what comes next: a signal, keys, a timeout, or else a slice of loading."""
        ready = [descriptor for descriptor, _ in self._poll.poll(self._patience_ms(state))]
        if self._signals.descriptor in ready:
            return self._signalled(state)
        if self._screen.descriptor in ready:
            return self._came(state)
        if self._decoder.is_waiting:
            return self._silent(state)
        return self._worked(state)

    def _patience_ms(self, state: State) -> int | None:
        """Return how long to wait for input; None: without a limit."""
        if self._is_hidden:
            return self._patience.whole - self._patience.quick
        if self._decoder.is_waiting:
            return self._patience.quick if self._decoder.may_be_esc else self._patience.whole
        return 0 if self._source.busy(question(state)) else None

    def _came(self, state: State) -> State:
        """Handle bytes. After an ESC that was long ago, only the rest of a sequence is for hx."""
        was_hidden, self._is_hidden = self._is_hidden, False
        if was_hidden and self._is_one_byte():
            return self._pressed(state, self._decoder.flush())
        data = self._screen.read()
        if not data:
            return self._hung_up(state)
        if was_hidden and data[:1] not in _GOES_ON:
            self._screen.give_back(data)
            return self._pressed(state, self._decoder.flush())
        state = self._pressed(state, self._decoder.feed(data))
        return self._frame(state) if was_hidden and not state.outcome else state

    def _is_one_byte(self) -> bool:
        """Return whether one key was typed, which stays unread for the shell."""
        if self._screen.waiting() == 1:
            sleep(_TOGETHER_S)
        return self._screen.waiting() == 1

    def _silent(self, state: State) -> State:
        """Handle a silence after an unfinished sequence: first hide, then take it as it is."""
        if self._decoder.may_be_esc and not self._is_hidden:
            self._screen.hide()
            self._is_hidden = True
            return state
        self._is_hidden = False
        return self._pressed(state, self._decoder.flush())

    def _pressed(self, state: State, keys: list[Key]) -> State:
        """Handle keys; the results for one key are there before the next one."""
        for key in keys:
            state = self._answered(update(state, key))
        return state

    def _answered(self, state: State) -> State:
        """Get the results of the current question; they may lead to another question: more rows."""
        asked = question(state)
        while not state.outcome and asked != self._asked:
            self._asked = asked
            state = answered(state, self._source.answer(asked))
            asked = question(state)
        return state

    def _worked(self, state: State) -> State:
        """Do a slice of the work that makes the results better."""
        if self._source.work(question(state)):
            self._asked = None
        return self._answered(state)

    def _signalled(self, state: State) -> State:
        came = self._signals.read()
        ends = came & ENDS
        if ends:
            self.ended_by = min(ends)
            return aborted(state)
        if SIGTSTP in came:
            self._screen.leave()
            os.kill(os.getpid(), SIGSTOP)
        if SIGTSTP in came or SIGCONT in came:
            self._screen.leave()
            self._screen.enter()
        if came & {SIGTSTP, SIGCONT, SIGWINCH}:
            self._screen.resized()
            return self._frame(self._answered(self._paged(state)))
        return state

    def _hung_up(self, state: State) -> State:
        self.ended_by = SIGHUP
        return aborted(state)

    def _paged(self, state: State) -> State:
        return paged(state, page(state, self._screen.columns, self._screen.rows))

    def _frame(self, state: State) -> State:
        """Draw the screen, with the details of the selected row."""
        state = self._answered(self._paged(state))
        row = wanted(state)
        details = self._source.details(row) if row else None
        state = detailed(state, details) if details else state
        columns, rows = self._screen.columns, self._screen.rows
        lines = view(state, columns, rows, self._styles)
        self._screen.draw(lines, cursor(state, columns, self._styles))
        return state


class SignalPipe:
    """In its `with` block, signals only write their numbers to `descriptor`."""

    def __enter__(self) -> SignalPipe:  # noqa: PYI034  (Self is of typing)
        self.descriptor, self._writes = os.pipe()
        os.set_blocking(self.descriptor, False)
        os.set_blocking(self._writes, False)
        self._wakeup = set_wakeup_fd(self._writes, warn_on_full_buffer=False)
        # a signal that was ignored from the start (nohup) stays ignored
        self._before = {number: signal(number, _nothing) for number in _CAUGHT}
        for number in (number for number in ENDS if self._before[number] == SIG_IGN):
            signal(number, SIG_IGN)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal(number, handler)
        set_wakeup_fd(self._wakeup)
        os.close(self.descriptor)
        os.close(self._writes)

    def read(self) -> frozenset[int]:
        """Return the numbers of the signals that came since the last call."""
        try:
            return frozenset(os.read(self.descriptor, 4096))
        except BlockingIOError:
            return frozenset()


def _nothing(_number: int, _frame: object) -> None:
    """Do nothing: Python itself writes the number to the pipe."""
