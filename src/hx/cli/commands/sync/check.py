"""`hx sync check` verifies that every object in the store is whole and none is missing."""

from __future__ import annotations

from collections import Counter
from random import SystemRandom

from hx.cli.commands.sync.reasons import MEANINGS, exit_code, foreign_files, foreign_lines
from hx.cli.commands.sync.taken_out import finish_removal
from hx.cli.commands.sync.vault_access import alone, sync_context_of, vault_of
from hx.cli.context import open_context
from hx.cli.events_output import device_names
from hx.cli.prompts import Progress
from hx.cli.text import count, visible
from hx.core.errors import UsageError
from hx.core.format import object_names
from hx.core.format.verdict import NEEDS_UPGRADE, PENDING
from hx.sync.check import check

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable, Mapping

    from hx.cli.commands.sync.reasons import ForeignFiles
    from hx.cli.context import Context
    from hx.config import Config
    from hx.sync.check import Checked
    from hx.sync.verify import Damage


_ALL = 100  # percent


def run(_: str, given: Namespace, config: Config) -> int:
    """Run `hx sync check`, print the problems, and return the exit code.

    It is 4 when an object is bad, else 7 when one needs a newer hx, else 3 when one is missing or
    incomplete or a device is behind, else 0.
    """
    percent = percent_of(given.read_data)
    context = open_context(config)
    finish_removal(context)
    vault_of(context)
    with alone(context), Progress("checking", quiet=given.json) as progress:
        sync_context = sync_context_of(context)
        sync_context.report_progress = progress.told
        result = check(sync_context, percent, SystemRandom())
        # under the same lock: a push writes temporary files
        foreign = foreign_files(sync_context.store, verbose=given.verbose)
    if given.json:
        from hx.cli.events_output import print_json

        print_json(_object(context, result, foreign))
    else:
        _print(context, result, foreign, verbose=given.verbose)
    # the ledger is not used: it knows objects that this check has not read
    return code_of(result.problems, {PENDING: len(result.behind)})


def percent_of(text: str | None) -> int:
    """Return the value of --read-data in percent, 0 without the option. Raises UsageError."""
    if text is None:
        return 0
    digits = text.removesuffix("%")
    # isdigit alone accepts digits that int cannot read, such as a superscript
    if not (digits.isascii() and digits.isdigit() and len(digits) <= len(str(_ALL))):
        raise _no_percent(text)
    if not 1 <= int(digits) <= _ALL:
        raise _no_percent(text)
    return int(digits)


def _no_percent(text: str) -> UsageError:
    return UsageError(
        f"--read-data cannot be {text!r}",
        "say a percentage from 1% to 100%, such as --read-data=5%",
    )


def code_of(problems: Iterable[Damage], others: Mapping[str, int], *, upgrade: bool = False) -> int:
    """Return the exit code for problems and for the objects in the ledger.

    `others` is status -> number of objects, from the ledger; `upgrade` says that some of them need
    a newer hx.
    """
    problems = list(problems)
    counts = Counter(problem.status for problem in problems) + Counter(others)
    return exit_code(
        counts, upgrade=upgrade or any(problem.reason == NEEDS_UPGRADE for problem in problems)
    )


def device_name(names: Mapping[bytes, str], device_id: bytes) -> str:
    """Return the name of a device, or the first digits of its id, safe to print."""
    return visible(names.get(device_id, device_id.hex()[:8]).encode())


def line_of(names: Mapping[bytes, str], problem: Damage) -> str:
    """Return a line with status, reason, store key, device, what was read, and what it means."""
    is_of_nobody = problem.device_id == object_names.NIL
    of = "" if is_of_nobody else f" of {device_name(names, problem.device_id)}"
    detail = visible(problem.detail.encode(errors="surrogateescape"))
    meaning = MEANINGS[problem.reason]
    return f"{problem.status}, {problem.reason}: {problem.key}{of}: {detail}; {meaning}"


def object_of(names: Mapping[bytes, str], problem: Damage) -> dict[str, object]:
    """Return a problem as JSON."""
    return {
        "key": problem.key,
        "status": problem.status,
        "reason": problem.reason,
        "detail": problem.detail,
        **_device(names, problem.device_id),
    }


def _device(names: Mapping[bytes, str], device_id: bytes) -> dict[str, object]:
    if device_id == object_names.NIL:
        return {"device_id": None, "device": None}
    return {"device_id": device_id.hex(), "device": names.get(device_id)}


def _object(context: Context, result: Checked, foreign: list[ForeignFiles]) -> dict[str, object]:
    names = device_names(context)
    ignored = {**result.passed_over, **{files.reason: files.number for files in foreign}}
    return {
        "objects": result.objects,
        "bytes": result.size,
        "read": result.read,
        "read_bytes": result.read_bytes,
        "problems": [object_of(names, problem) for problem in result.problems],
        "ignored": [{"reason": reason, "count": ignored[reason]} for reason in sorted(ignored)],
        "unnamed": [
            {**_device(names, device_id), "count": number}
            for device_id, number in sorted(result.unnamed.items())
        ],
        "behind": [_device(names, device_id) for device_id in result.behind],
    }


def _print(
    context: Context, result: Checked, foreign: list[ForeignFiles], *, verbose: bool
) -> None:
    names = device_names(context)
    for problem in result.problems:
        print(line_of(names, problem))
    for device_id in result.behind:
        print(_behind_line(device_name(names, device_id)))
    for device_id, number in sorted(result.unnamed.items()):
        print(_unnamed_line(device_name(names, device_id), number))
    for reason, number in sorted(result.passed_over.items()):
        print(f"ignored: {number:,} {reason}: {MEANINGS[reason]}")
    for files in foreign:
        for index, line in enumerate(foreign_lines(files, verbose=verbose)):
            print(line if index else f"ignored: {line}")
    print(
        f"checked: {count(result.objects, 'object')}, {count(result.size, 'byte')};"
        f" read: {count(result.read, 'object')}, {count(result.read_bytes, 'byte')}"
    )
    statuses = sorted(Counter(problem.status for problem in result.problems).items())
    print(
        "problems: " + (", ".join(f"{number:,} {status}" for status, number in statuses) or "none")
    )


def _behind_line(name: str) -> str:
    return (
        f"behind: {name}: the store holds less of this device than somebody has read there: its"
        f" files are late, or the store is an old copy; `hx sync` on {name} publishes them again"
    )


def _unnamed_line(name: str, number: int) -> str:
    return (
        f"unnamed: {count(number, 'segment')} of {name} that no manifest lists: it is being"
        f" written, or an interrupted sync left it; `hx sync repair` on {name} removes it"
    )
