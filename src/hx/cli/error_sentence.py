"""Any exception -> a sentence, a hint, an exit code."""

from __future__ import annotations

from hx.core.errors import HxError

REPORT = "this is a fault of hx: run again with HX_DEBUG=1 and report what it prints"
_INTERNAL = 70  # EX_SOFTWARE of sysexits.h


def sentence(error: Exception) -> tuple[str, str, int]:
    if isinstance(error, HxError):
        return error.message, error.hint, error.exit_code
    if type(error).__module__.startswith("apsw"):
        from hx.database.connection import explained

        known = explained(error, "of hx")  # type: ignore[arg-type]
        return known.message, known.hint, known.exit_code
    if isinstance(error, OSError):
        from hx.files import reason

        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{reason(error)}", "check the path and its permissions", 8
    return f"unexpected {type(error).__name__}: {error}", REPORT, _INTERNAL
