"""How long one run may wait for a keychain, and whether anybody is there who could unlock it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PERSON_S = 60  # for a person who unlocks the keychain, and for a keychain that answers late
NOBODY_S = 15  # without a person: for a keychain that starts, or answers late
_QUIET_S = 2  # of a wait that nobody is told about
_LEAST_S = 1  # for each answer, when the time is over: what is there may still be used


class Patience:
    """What is left of the time that a run may wait for keychains, all waits together.

    `tell` shows a person a sentence, what hx waits for; an empty one: this wait is over. Without it
    nobody is there, so nothing may open a dialog, and a locked keychain is not waited for.
    """

    def __init__(self, seconds: float, tell: Callable[[str], None] | None = None) -> None:
        self.left_s = self.seconds = seconds
        self.unanswered = False  # a dialog was open for as long as there was time
        self.quiet_s = min(_QUIET_S, seconds)  # so long nothing is told about a late answer
        self._tell = tell
        self._told: list[str] = []
        self.is_told = False  # of the wait that lasts

    @property
    def limit_s(self) -> float:
        """Return how many seconds the next answer may take."""
        return max(self.left_s, min(_LEAST_S, self.seconds))

    @property
    def has_person(self) -> bool:
        return self._tell is not None

    def tell(self, sentence: str) -> None:
        """Show a sentence to the person, each sentence once in a run."""
        if self._tell is not None and sentence not in self._told:
            self._told.append(sentence)
            self.is_told = True
            self._tell(sentence)

    def tell_end(self) -> None:
        """Tell that what was told of is over."""
        if self._tell is not None and self.is_told:
            self.is_told = False
            self._tell("")

    def spend(self, seconds: float) -> None:
        """Count the seconds of a wait."""
        self.left_s = max(0.0, self.left_s - seconds)


def nobody() -> Patience:
    """Return the patience of a run that no person watches."""
    return Patience(NOBODY_S)
