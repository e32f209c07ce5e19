"""`hx sync check`: is everything in the store whole, and is everything there that is named?"""

from __future__ import annotations

from collections import Counter
from random import SystemRandom

from hx.cli.commands.sync import foreign_files
from hx.cli.commands.sync.reasons import MEANINGS, exit_code
from hx.cli.commands.sync.vault import alone, sync_context_of, vault_of
from hx.cli.context import open_context
from hx.cli.events_output import device_names
from hx.cli.output import visible
from hx.cli.progress import Progress
from hx.core.errors import UsageError
from hx.core.format import object_names
from hx.core.format.verdict import NEEDS_UPGRADE
from hx.sync.check import check

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable, Mapping

    from hx.cli.commands.sync.foreign_files import Strange
    from hx.cli.context import Context
    from hx.config import Config
    from hx.sync.check import Checked
    from hx.sync.verify import Damage

_ALL = 100  # percent


def run(_: str, given: Namespace, config: Config) -> int:
    """Exit code 4 when something is bad, 3 when something that is named is not there."""
    percent = percent_of(given.read_data)
    context = open_context(config)
    vault_of(context)
    with alone(context), Progress("checking") as progress:
        sync_context = sync_context_of(context)
        sync_context.tell = progress.told
        found = check(sync_context, percent, SystemRandom())
        strange = foreign_files.found(sync_context.store, verbose=given.verbose)
    if given.json:
        from hx.cli.json_output import print_json

        print_json(_object(context, found, strange))
    else:
        _print(context, found, strange, verbose=given.verbose)
    return code_of(found.problems, Counter())


def percent_of(text: str | None) -> int:
    """0 without the option. Raises UsageError."""
    if text is None:
        return 0
    digits = text.removesuffix("%")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= len(str(_ALL))):
        raise _no_percent(text)
    if not 1 <= int(digits) <= _ALL:
        raise _no_percent(text)
    return int(digits)


def _no_percent(text: str) -> UsageError:
    return UsageError(f"{text} is no part of the data", "1% to 100%: hx sync check --read-data=5%")


def code_of(problems: Iterable[Damage], others: Mapping[str, int], *, upgrade: bool = False) -> int:
    """`others`: objects by status, from the ledger; `upgrade`: whether some need a newer hx."""
    problems = list(problems)
    counts = Counter(one.status for one in problems) + Counter(others)
    return exit_code(
        counts, upgrade=upgrade or any(one.reason == NEEDS_UPGRADE for one in problems)
    )


def whose(called: Mapping[bytes, str], device_id: bytes) -> str:
    """The name of a device, as it is printed."""
    return visible(called.get(device_id, device_id.hex()[:8]).encode())


def line_of(called: Mapping[bytes, str], one: Damage) -> str:
    """Status, reason, key, whose, what was seen, what it means."""
    of = "" if one.device_id == object_names.NIL else f" of {whose(called, one.device_id)}"
    said = visible(one.detail.encode(errors="surrogateescape"))
    return f"{one.status}, {one.reason}: {one.key}{of}: {said}; {MEANINGS[one.reason]}"


def object_of(called: Mapping[bytes, str], one: Damage) -> dict[str, object]:
    return {
        "key": one.key,
        "status": one.status,
        "reason": one.reason,
        "detail": one.detail,
        **_device(called, one.device_id),
    }


def _device(called: Mapping[bytes, str], device_id: bytes) -> dict[str, object]:
    if device_id == object_names.NIL:
        return {"device_id": None, "device": None}
    return {"device_id": device_id.hex(), "device": called.get(device_id)}


def _object(context: Context, found: Checked, strange: list[Strange]) -> dict[str, object]:
    called = device_names(context)
    passed = {**found.passed_over, **{one.reason: one.number for one in strange}}
    return {
        "objects": found.objects,
        "bytes": found.size,
        "read": found.read,
        "read_bytes": found.read_bytes,
        "problems": [object_of(called, one) for one in found.problems],
        "ignored": [{"reason": one, "count": passed[one]} for one in sorted(passed)],
        "unnamed": [{**_device(called, at), "count": n} for at, n in sorted(found.unnamed.items())],
        "behind": [_device(called, at) for at in found.behind],
    }


def _print(context: Context, found: Checked, strange: list[Strange], *, verbose: bool) -> None:
    called = device_names(context)
    for problem in found.problems:
        print(line_of(called, problem))
    for at in found.behind:
        name = whose(called, at)
        print(
            f"behind: {name}: the store shows less of it than was seen here: late, or an old copy"
            f" of the store; `hx sync repair` on {name} publishes it again"
        )
    for at, number in sorted(found.unnamed.items()):
        name = whose(called, at)
        print(
            f"unnamed: {number:,} of {name}: not named by any manifest: being written, or left"
            f" over; `hx sync repair` on {name} cleans up"
        )
    for reason, number in sorted(found.passed_over.items()):
        print(f"ignored: {number:,} {reason}: {MEANINGS[reason]}")
    for one in strange:
        for number, line in enumerate(foreign_files.lines(one, verbose=verbose)):
            print(line if number else f"ignored: {line}")
    print(
        f"checked: {found.objects:,} objects, {found.size:,} bytes;"
        f" read {found.read:,}, {found.read_bytes:,} bytes"
    )
    counts = Counter(one.status for one in found.problems)
    print("problems: " + (", ".join(f"{n:,} {s}" for s, n in sorted(counts.items())) or "none"))
