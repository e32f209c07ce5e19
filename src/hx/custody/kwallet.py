"""Wait until KWallet is unlocked, before keyring's backend asks it to open a wallet.

That backend gives up after the 25 seconds of its library, with an error that does not tell why.
"""

from __future__ import annotations

from jeepney import DBusAddress
from keyring.errors import KeyringLocked

from hx.custody.bus import NoAnswer, PatientConnection, answer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hx.custody.patience import Patience

_INTERFACE = "org.kde.KWallet"


def opened(backend: Any, title: str, patience: Patience) -> PatientConnection:
    """Return a connection that keeps the wallet open. Raises KeyringLocked.

    `backend`: that of keyring; KWallet knows it by the same name.
    """
    wallets = DBusAddress(backend.object_path, backend.bus_name, _INTERFACE)
    bus = PatientConnection(patience, backend.bus_name, title)
    try:
        wallet = answer(bus, wallets, "networkWallet", "")[0]
        if not answer(bus, wallets, "isOpen", "s", wallet)[0]:
            _open(bus, wallets, (wallet, 0, backend.appid), patience)
    except BaseException:
        bus.close()
        raise
    return bus


def _open(
    bus: PatientConnection, wallets: DBusAddress, words: tuple[str, int, str], patience: Patience
) -> None:
    """Let the person unlock a wallet; `words` are its name, a window and who asks."""
    if not patience.has_person:
        raise KeyringLocked("a dialog would be needed, and nobody is there")
    patience.tell(f"waiting for {bus.title} to be unlocked ...")
    try:
        handle = answer(bus, wallets, "open", "sxs", *words)[0]
    except NoAnswer:
        patience.unanswered = True
        raise KeyringLocked("nobody has answered its dialog") from None
    finally:
        patience.tell_end()
    if handle < 0:
        raise KeyringLocked("its person has refused")
