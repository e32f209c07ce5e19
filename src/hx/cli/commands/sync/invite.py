"""`hx sync invite`: a code that lets one more device in."""

from __future__ import annotations

import sys

from hx.cli.commands.sync.run import tell_newcomers
from hx.cli.commands.sync.vault import alone, label_of, outbox_of, sync_context_of, vault_of
from hx.cli.context import open_context
from hx.cli.times import local, rfc3339
from hx.core.errors import NotInVault
from hx.sync import enroll
from hx.sync.pull import pull
from hx.sync.push import push

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from hx.config import Config


def run(_: str, given: Namespace, config: Config) -> int:
    context = open_context(config)
    found = vault_of(context)
    with alone(context):
        sync_context = sync_context_of(context)
        pull(sync_context)
        if sync_context.me not in sync_context.trust.active:
            raise NotInVault(
                "this device may not invite yet: it waits to be admitted",
                "sync on a device that has been in the vault for longer, then here",
            )
        code, expires_at_us = enroll.make_invitation(sync_context)
        push(sync_context, outbox_of(context), label_of(context), listed=True)
    tell_newcomers(sync_context)
    if given.json:
        from hx.cli.json_output import print_json

        print_json({"code": code, "expires_at": rfc3339(expires_at_us)})
        return 0
    _print_code(code)
    print(f"until {local(expires_at_us)}, for one device. On that device:")
    print(f"  hx sync join --store {found.store}")
    print("Whoever has the code can read the vault: do not send it where others can see it.")
    return 0


def _print_code(code: str) -> None:
    print(code)
    if sys.stdout.isatty():
        import segno

        segno.make(code.replace("-", ""), micro=False).terminal(compact=True)
