"""`hx sync init`, `join` and `recover` put this device into a vault; `invite` lets one more in."""

from __future__ import annotations

import sys
from contextlib import contextmanager

from hx.cli import prompts
from hx.cli.commands.sync import behind, clocks
from hx.cli.commands.sync.change import publish, pulled_alone
from hx.cli.commands.sync.copies import warn_of_copies
from hx.cli.commands.sync.entry import entry_of, tell_former
from hx.cli.commands.sync.reasons import code_now
from hx.cli.commands.sync.sync import print_waiting
from hx.cli.commands.sync.vault_access import (
    Exchanged,
    alone,
    outbox_of,
    remember,
    scrub,
    sync_context_of,
    vault_of,
)
from hx.cli.commands.sync.vault_files import warn_of_two
from hx.cli.context import now_us, open_context
from hx.cli.events_output import print_json
from hx.cli.prompts import Progress
from hx.cli.text import count
from hx.cli.times import local, rfc3339
from hx.core.errors import StoreError, UsageError
from hx.core.format.phrases import new_secret, words_of
from hx.core.format.verdict import PENDING
from hx.database.sync import ledger
from hx.database.sync import vault as rows
from hx.database.sync.runs import HAND
from hx.device import identity
from hx.sync import enroll
from hx.sync.device_state import place_here, stored_place
from hx.sync.pull import pull
from hx.sync.push import push

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator

    from hx.cli.commands.sync.entry import Entry
    from hx.cli.context import Context
    from hx.config import Config
    from hx.core.format.genesis import Genesis
    from hx.sync.context import SyncContext


def run(name: str, given: Namespace, config: Config) -> int:
    if name == "invite":
        return _invite(given, config)
    if name == "join" and given.new_id:
        from hx.cli.commands.sync import new_id

        return new_id.run(given, config)
    if name == "join" and given.words_file is not None:
        raise UsageError(
            "--words-file belongs to --new-id; a join needs an invitation code",
            "use --code-file FILE, or `hx sync recover`, which needs only the recovery words",
        )
    context = open_context(config)
    with alone(context), again(context, name):
        entry = entry_of(name, given, context)
        code = _RUNS[name](given, context, entry)
    scrub(context)
    # the lock is free now: the first run in the background needs it
    from hx.cli.commands.sync.auto_offer import offer

    offer(given, config)
    return code


@contextmanager
def again(context: Context, name: str) -> Iterator[None]:
    """Name the command that is to be repeated when the store fails before the vault is entered."""
    before = rows.read(context.database)
    try:
        yield
    except StoreError as error:
        # who comes from another vault, or from this one without its keys, takes a new id with it
        is_same = identity(context.database, context.config.host) == context.who
        if rows.read(context.database) is None or (before is not None and is_same):
            error.hint = error.hint.replace("`hx sync` again", f"`hx sync {name}` again")
        raise


def _init(given: Namespace, context: Context, entry: Entry) -> int:
    make(given, context, entry)
    if not given.json:
        print(f"created the vault {entry.place.name!r} in {entry.place.url}")
        print("to add a device: run `hx sync invite` here, then `hx sync join --store …` there")
    return 0


def make(
    given: Namespace,
    context: Context,
    entry: Entry,
    made: Callable[[Genesis], dict[str, object]] = lambda _: {},
) -> Context:
    """Show recovery words, make the vault that they open, and enter it; return the new context.

    `made` is called when the vault is in the store, and returns what `--json` prints also.
    """
    place = entry.place
    # before the words are shown: they would open no vault
    enroll.require_empty(place.store, place.url, rows.begun(context.database))
    entropy = new_secret()
    if not given.json:
        prompts.show(words_of(entropy), quiz=not given.yes)
    here = entry.here()

    def tell(genesis: Genesis) -> None:
        also = made(genesis)
        if given.json:  # before the vault is entered: until then it can be made again
            print_json(
                {
                    "vault_id": genesis.vault_id.hex(),
                    "vault_name": place.name,
                    "device_id": here.device.device_id.hex(),
                    "recovery_words": " ".join(words_of(entropy)),
                    **also,
                }
            )
            sys.stdout.flush()

    enroll.init(here, place, encrypt=not given.no_encrypt, entropy=entropy, made=tell)
    context = entry.after()
    _name_device(context, here.label)
    sync_context = _context(context)
    with Progress("publishing", quiet=given.json) as progress:
        sync_context.report_progress = progress.told
        pushed = push(sync_context, outbox_of(context), here.label)
    remember(sync_context, None, Exchanged(events_out=pushed.events))
    return context


def _context(context: Context) -> SyncContext:
    # the clock is read again: typing the words may have taken minutes
    return sync_context_of(context._replace(now_us=now_us()))


def _name_device(context: Context, label: str) -> None:
    from hx.database.event_detail import rename_device

    with context.database.transaction():
        rename_device(context.database, context.who.device_id, label)


def _join(given: Namespace, context: Context, entry: Entry) -> int:
    entry.confirm()
    secret = prompts.read_code(given.code_file)
    here = entry.here()
    enroll.join(here, entry.place, secret)
    context = entry.after()
    events = _first_sync(context, here.label, quiet=given.json)
    # after the first push: until then the join can be repeated with the same code
    enroll.spend(entry.place.store, secret)
    return _tell(given, context, entry, events)


def _recover(given: Namespace, context: Context, entry: Entry) -> int:
    entry.confirm()
    if given.words_file is None:
        code = _go_on(given, context, entry)
        if code is not None:
            return code
    entropy = prompts.read_words(given.words_file)
    here = entry.here()
    enroll.recover(here, entry.place, entropy)
    context = entry.after()
    return _tell(given, context, entry, _first_sync(context, here.label, quiet=given.json))


def _go_on(given: Namespace, context: Context, entry: Entry) -> int | None:
    """Enter the vault with the keys that this device still has, and return the exit code.

    None: there are no such keys, or they are those of no member of this vault.
    """
    secrets = entry.secrets_of_a_vault()
    if secrets is None:
        return None
    here, url = entry.here(), entry.place.url
    label = enroll.go_on(here, entry.place, secrets)
    if label is None:
        print(
            f"hx: the keys of this device are those of no member of the vault in {url}",
            file=sys.stderr,
        )
        return None
    context = entry.after()
    events = _first_sync(context, here.label if given.name else label, quiet=given.json)
    return _tell(given, context, entry, events)


def _first_sync(context: Context, label: str, *, quiet: bool) -> int:
    """Run the first sync of a device that has joined a vault; return the number of events read."""
    _name_device(context, label)
    sync_context = _context(context)
    with Progress("syncing", quiet=quiet) as progress:
        sync_context.report_progress = progress.told
        pulled = pull(sync_context, admits=True)
        pushed = push(sync_context, outbox_of(context), label, listed=True)
    remember(sync_context, None, Exchanged(HAND, pulled.events, pushed.events))
    # a machine of the same image, or of a copied disk, is in the vault already
    warn_of_copies(sync_context, ())
    place_here(sync_context)  # it is stored
    return pulled.events


def _tell(given: Namespace, context: Context, entry: Entry, events: int) -> int:
    place, former = entry.place, entry.former_id
    vault_id = _vault_id(context)
    if given.json:
        print_json(
            {
                "vault_id": vault_id.hex(),
                "vault_name": place.name,
                "device_id": context.who.device_id.hex(),
                "events": events,
                "former_id": former and former.hex(),
                "behind": behind.as_objects(context),
            }
        )
        print_waiting(context.database, stored_place(context.database))
        return code_now(context.database)
    print(f"this device has joined the vault {place.name!r}; it received {count(events, 'event')}")
    if former is not None:
        for line in tell_former(former):
            print(line)
    _tell_what_lacks(context)
    warn_of_two(context.database)
    print_waiting(context.database, stored_place(context.database))
    print("`hx sync status` shows the other devices", file=sys.stderr)
    return code_now(context.database)


def _tell_what_lacks(context: Context) -> None:
    """Print what has not arrived yet, although the others have published it."""
    pending = ledger.counts(context.database).get(PENDING)
    if pending:
        print(f"pending: {count(pending, 'object')}; the next `hx sync` looks for it again")
    for line in behind.lines(context):
        print(f"behind: {line}")


def _vault_id(context: Context) -> bytes:
    vault = rows.read(context.database)
    assert vault is not None
    return vault.vault_id


def _invite(given: Namespace, config: Config) -> int:
    context = open_context(config)
    vault = vault_of(context)
    with pulled_alone(context, quiet=given.json) as sync_context:
        code, expires_at_us = enroll.make_invitation(sync_context)
        publish(context, sync_context, quiet=given.json)
        clocks.warn_if_behind(context)
    if given.json:
        print_json({"code": code, "expires_at": rfc3339(expires_at_us)})
        return 0
    _print_code(code)
    print(f"This code is valid until {local(expires_at_us)}, for one device. On that device run:")
    print(f"  hx sync join --store {vault.store}")
    print("Whoever has the code can read the vault: send it where nobody else can see it, and show")
    print("it to nobody later either: with an old copy of the store it still opens that copy.")
    return 0


def _print_code(code: str) -> None:
    print(code)
    if sys.stdout.isatty():
        import segno

        segno.make(code.replace("-", ""), micro=False).terminal(compact=True)


_RUNS = {"init": _init, "join": _join, "recover": _recover}
