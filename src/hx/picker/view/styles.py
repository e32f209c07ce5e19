"""The styles of the screen as SGR codes; no meaning is shown by colour alone."""

from __future__ import annotations

from hx.core.record import NamedTuple

_LIGHT_FROM = 7  # background: colours 7 and 9 to 15 are light, 8 is a dark grey


class Styles(NamedTuple):
    """SGR codes such as "1;31"; "" is plain text. `chosen` is the style of the selected row."""

    faint: str = ""
    failed: str = ""
    matched: str = ""
    prompt: str = ""
    notice: str = ""
    chosen: str = ""
    chosen_matched: str = ""


BARE = Styles()
COLOURLESS = Styles("2", "1", "1;4", "1", "1", "7", "7;1;4")
DARK = COLOURLESS._replace(failed="1;31", matched="1;4;32", prompt="1;36", notice="1;33")
LIGHT = COLOURLESS._replace(failed="1;31", matched="1;4;34", prompt="1;34", notice="1;35")
EITHER = COLOURLESS._replace(failed="1;31", matched="1;4;35", prompt="1;35", notice="1;35")


def styles_for(ground: str, *, colour: bool) -> Styles:
    """Return the styles for a background. `ground` is COLORFGBG, such as "15;0", often empty."""
    if not colour:
        return COLOURLESS
    last = ground.rpartition(";")[2]
    if not (last.isascii() and last.isdigit() and len(last) <= 2):  # noqa: PLR2004
        return EITHER
    number = int(last)
    return LIGHT if number == _LIGHT_FROM or number > _LIGHT_FROM + 1 else DARK


def painted(spans: list[tuple[str, str]]) -> str:
    """Return texts with their codes as one line; it begins and ends in plain style."""
    shown, on = [], ""
    for text, codes in spans:
        if codes != on and text:
            shown.append(f"\033[0;{codes}m" if codes and on else f"\033[{codes}m")
            on = codes
        shown.append(text)
    return "".join(shown) + ("\033[m" if on else "")
