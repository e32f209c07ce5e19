"""The hook files as this hx would write them."""

from __future__ import annotations

import os

from hx.cli.commands.init import executable, keys
from hx.core.errors import HxError
from hx.files import reason
from hx.setup import plan, state
from hx.shells.hook import HookPaths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.config import Config


def places(config: Config) -> HookPaths:
    """Under its other name (`history-extended`) hx is the same one."""
    known, ours = state.read(config.paths.data).executable, executable()
    is_same = os.path.dirname(known) == os.path.dirname(ours) and os.path.exists(known)
    return HookPaths(
        config.paths.spool, config.paths.pause, known if is_same else ours, keys(config)
    )


def refresh(config: Config) -> str | None:
    """After an upgrade, hook files that setup wrote are written anew; why that failed."""
    try:
        plan.refresh(config.paths.data, places(config))
    except HxError as error:
        return f"the hook files of an older hx stay: {error.message}"
    except OSError as error:
        return f"the hook files of an older hx stay: {reason(error)}"
    return None
