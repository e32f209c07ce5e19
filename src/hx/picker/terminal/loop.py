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

from hx.picker.state.actions import aborted
from hx.picker.state.state import answered, detailed, paged, question, update, wanted
from hx.picker.terminal.keys import Decoder
from hx.picker.view.view import cursor, page, view

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.picker.answers.source import AnswerSource
    from hx.picker.model import Key, Question, State
    from hx.picker.terminal.screen import Screen
    from hx.picker.view.styles import Styles

ENDS = frozenset((SIGHUP, SIGINT, SIGTERM))
_CAUGHT = (*ENDS, SIGCONT, SIGTSTP, SIGWINCH)
_SILENCE_MS = 50  # after so long an ESC is the key Esc, not the beginning of a sequence


class Loop:
    """Runs the picker once."""

    def __init__(
        self, screen: Screen, signals: SignalPipe, source: AnswerSource, styles: Styles
    ) -> None:
        self._screen, self._signals, self._source, self._styles = screen, signals, source, styles
        self._decoder = Decoder()
        self._asked: Question | None = None  # the question that the rows belong to
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
            data = self._screen.read()
            return self._pressed(state, self._decoder.feed(data)) if data else self._hung_up(state)
        if self._decoder.is_waiting:
            return self._pressed(state, self._decoder.flush())
        return self._worked(state)

    def _patience_ms(self, state: State) -> int | None:
        """Return how long to wait for input; None: without a limit."""
        if self._decoder.is_waiting:
            return _SILENCE_MS
        return 0 if self._source.busy(question(state)) else None

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
