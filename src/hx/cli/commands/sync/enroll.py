"""`hx sync init`, `join`, `recover`: this device comes into a vault."""

from __future__ import annotations

import os
import sys

from hx.cli import keys as custody
from hx.cli import prompts
from hx.cli.commands.sync.run import scrub
from hx.cli.commands.sync.vault import alone, outbox_of, store_at, sync_context_of
from hx.cli.context import now_us, open_context
from hx.cli.progress import Progress
from hx.core.device_names import cut_label
from hx.core.errors import UsageError
from hx.core.format.phrases import new_secret, words_of
from hx.database.sync import vault as rows
from hx.device import hand_over
from hx.sync import enroll
from hx.sync.pull import pull
from hx.sync.push import push

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from hx.cli.context import Context
    from hx.config import Config
    from hx.custody.key_set import Secrets
    from hx.sync.context import SyncContext
    from hx.sync.enroll import ThisDevice, VaultPlace


def run(name: str, given: Namespace, config: Config) -> int:
    if name == "join" and given.new_id:
        from hx.cli.commands.sync.new_id import run as become_another

        return become_another(given, config)
    if given.store is None:
        raise UsageError("where the vault lies is missing", f"hx sync {name} --store folder:/path")
    context = open_context(config)
    with alone(context):
        _require_no_vault(context)
        place = _place(given, context)
        code = _RUNS[name](given, context, place)
    scrub(context)
    return code


def _require_no_vault(context: Context) -> None:
    found = rows.read(context.database)
    if found is not None:
        raise UsageError(
            f"this device is in the vault {found.name!r} already ({found.store})",
            "`hx sync status` shows it; a device is in one vault at a time",
        )


def _place(given: Namespace, context: Context) -> VaultPlace:
    store = store_at(context, given.store, private=getattr(given, "no_encrypt", False))
    folder = os.path.basename(given.store.rstrip("/")) or "vault"
    return enroll.VaultPlace(store, given.store, given.vault_name or folder)


def _here(given: Namespace, context: Context) -> ThisDevice:
    """Custody is chosen, and its passphrase asked for, before anything is written anywhere."""
    path = custody.key_path(context)
    chosen = custody.choose(context, given.custody)
    keys = custody.device_keys(context)
    label = cut_label((given.name or context.config.host).encode())

    def keep(secrets: Secrets) -> None:
        hand_over(chosen, secrets, path)

    return enroll.ThisDevice(context.database, keys, label, keep, context.now_us)


def _with_an_id_for(given: Namespace, context: Context, place: VaultPlace) -> Context:
    """An id that has left this vault never stands in it again: who comes back gets another."""
    from hx.sync.leave import left_before

    _, genesis = enroll.read_genesis(place)
    if not left_before(context.database, genesis.vault_id, context.who.device_id):
        return context
    from hx.cli.new_identity import renewed

    return renewed(context, cut_label((given.name or context.config.host).encode()))


def _init(given: Namespace, context: Context, place: VaultPlace) -> int:
    enroll.require_empty(place.store, place.url)
    entropy = new_secret()
    if not given.json:
        prompts.show(words_of(entropy), quiz=not given.yes)
    here = _here(given, context)
    genesis = enroll.init(here, place, encrypt=not given.no_encrypt, entropy=entropy)
    _name_device(context, here.label)
    if given.json:  # before the first push: should it fail, the words are known all the same
        from hx.cli.json_output import print_json

        print_json(
            {
                "vault_id": genesis.vault_id.hex(),
                "vault_name": place.name,
                "device_id": context.who.device_id.hex(),
                "recovery_words": " ".join(words_of(entropy)),
            }
        )
    push(_context(context), outbox_of(context), here.label)
    if not given.json:
        print(f"the vault {place.name!r} is in {place.url}")
        print("on the next device: hx sync join --store …, with a code from `hx sync invite` here")
    return 0


def _context(context: Context) -> SyncContext:
    return sync_context_of(context._replace(now_us=now_us()))


def _name_device(context: Context, label: str) -> None:
    from hx.database.event_detail import rename_device

    with context.database.transaction():
        rename_device(context.database, context.who.device_id, label)


def _join(given: Namespace, context: Context, place: VaultPlace) -> int:
    secret = prompts.read_code(given.code_file)
    context = _with_an_id_for(given, context, place)
    here = _here(given, context)
    enroll.join(here, place, secret)
    events = _first_sync(context, here.label)
    enroll.spend(place.store, secret)
    return _tell(given, context, place, events)


def _recover(given: Namespace, context: Context, place: VaultPlace) -> int:
    entropy = prompts.read_words(given.words_file)
    context = _with_an_id_for(given, context, place)
    here = _here(given, context)
    enroll.recover(here, place, entropy)
    return _tell(given, context, place, _first_sync(context, here.label))


def _first_sync(context: Context, label: str) -> int:
    """Of a device that has come into a vault; how many events came with it."""
    _name_device(context, label)
    sync_context = _context(context)
    with Progress("syncing") as progress:
        sync_context.tell = progress.told
        pulled = pull(sync_context)
        push(sync_context, outbox_of(context), label, listed=True)
    return pulled.events


def _tell(given: Namespace, context: Context, place: VaultPlace, events: int) -> int:
    vault_id = _vault_id(context)
    if given.json:
        from hx.cli.json_output import print_json

        print_json(
            {
                "vault_id": vault_id.hex(),
                "vault_name": place.name,
                "device_id": context.who.device_id.hex(),
                "events": events,
            }
        )
        return 0
    print(f"this device is in the vault {place.name!r}; {events:,} events came with it")
    print("`hx sync` from now on; `hx sync status` shows who else is there", file=sys.stderr)
    return 0


def _vault_id(context: Context) -> bytes:
    found = rows.read(context.database)
    assert found is not None
    return found.vault_id


_RUNS = {"init": _init, "join": _join, "recover": _recover}
