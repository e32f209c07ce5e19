"""`hx sync custody` shows where the keys of this device are; `--to` changes that."""

from __future__ import annotations

from hx.cli import keys
from hx.cli.commands.sync.vault_access import alone
from hx.cli.context import open_context
from hx.cli.events_output import print_json
from hx.core.errors import HxError, NotInVault
from hx.custody import moves
from hx.custody.files import PASSPHRASE, read_note
from hx.database.sync import vault as rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from hx.cli.context import Context
    from hx.config import Config


def run(_: str, given: Namespace, config: Config) -> int:
    context = open_context(config)
    if read_note(keys.place(context).note) is None and rows.read(context.database) is None:
        raise NotInVault(
            f"this device is in no vault: its keys are in {keys.key_path(context)}",
            "`hx sync init` and `hx sync join` put them into custody; both take --custody",
        )
    if given.to is None:
        return _show(context, as_json=given.json)
    with alone(context):
        changed = _change(context, given.to)
    if given.json:
        return _show(context, as_json=True)
    where = keys.opened(context).describe()
    print(f"the keys of this device are in {where}{'' if changed else ': nothing was changed'}")
    return 0


def _show(context: Context, *, as_json: bool) -> int:
    """Print where the keys are, and whether they can be read; no passphrase is asked for."""
    kept, fault = None, None
    try:
        kept = keys.opened(context)
        kept.check()
    except HxError as error:
        fault = error
    if as_json:
        is_sealed = kept is not None and kept.name == PASSPHRASE
        print_json(
            {
                "device_id": context.who.device_id.hex(),
                "custody": kept and kept.name,
                "where": kept and kept.describe(),
                "readable": False if fault else None if is_sealed else True,
                "fault": fault and fault.message,
            }
        )
        return fault.exit_code if fault else 0
    if fault is not None:
        raise fault
    assert kept is not None
    how = "it opens with your passphrase" if kept.name == PASSPHRASE else "they can be read"
    print(f"the keys of this device are in {kept.describe()}; {how}")
    return 0


def _change(context: Context, kind: str) -> bool:
    """Change the kind, or the passphrase; return whether anything was changed.

    Raises KeyMissing, DatabaseError, InputError.
    """
    kept, secrets = keys.loaded(context)
    where = keys.place(context)
    if kept.name == kind != PASSPHRASE:
        return False
    if kind == PASSPHRASE == kept.name:
        moves.new_passphrase(where, secrets, keys.next_passphrase(context.config))
    else:
        moves.change(secrets, kind, where, keys.asker(context.config, "--to"))
    return True
