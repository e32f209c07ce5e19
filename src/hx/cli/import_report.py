"""What an import tells: a line a history for people, an array for scripts."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.cli.commands.import_ import Imported

_WORDS = {
    "known": "imported before",
    "twins": "recorded by hx or another tool",
    "later": "later than hx's first record of that shell (--all takes them)",
    "forgotten": "forgotten",
    "ignored": "ignored by your rules",
}


def summary(one: Imported) -> str:
    """One line for a person: `/home/ann/.zsh_history: 41,247 new, 3 imported before`."""
    from hx.cli.output import visible

    path = visible(one.path.encode(errors="surrogateescape"))
    if one.error:
        return f"{path}: {one.error.removeprefix(f'{one.path}: ')}"
    counts = one.counts
    parts = [f"{counts.new:,} new{_about_new(one)}"]
    parts += [
        f"{getattr(counts, name):,} {words}"
        for name, words in _WORDS.items()
        if getattr(counts, name)
    ]
    parts += [f"{count:,} unreadable ({why})" for why, count in sorted(counts.unreadable.items())]
    return f"{path}: {', '.join(parts)}"


def _about_new(one: Imported) -> str:
    counts = one.counts
    notes = [
        f"{count:,} {words}"
        for count, words in (
            (counts.untimed, "of unknown time"),
            (counts.redacted, "with a secret masked"),
            (counts.expired, "older than retention_days, which removes them at once"),
        )
        if count
    ]
    return f" ({', '.join(notes)})" if notes else ""


def print_imported(done: list[Imported], *, dry_run: bool) -> None:
    for one in done:
        print(summary(one))
    if dry_run and done:
        print("nothing was written")


def print_objects(done: list[Imported]) -> None:
    from hx.cli.json_output import print_json

    print_json([_object(one) for one in done])


def _object(one: Imported) -> dict[str, object]:
    counts = one.counts._asdict()
    unreadable = counts.pop("unreadable")
    reasons = [{"reason": why, "count": count} for why, count in sorted(unreadable.items())]
    return {
        "path": one.path.encode(errors="surrogateescape").decode(errors="replace"),
        "kind": one.kind or None,
        **counts,
        "unreadable": reasons,
        "error": one.error or None,
    }
