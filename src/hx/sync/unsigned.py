"""What is said of an object that no hx of this version can read, and that nobody has signed.

Anybody who writes to the store can put such a file there. Only bytes that an active or waiting
device has signed say that a newer hx is needed. Source: docs/format.md, "Verdicts".
"""

from __future__ import annotations

from hx.core.format import manifest as manifests
from hx.core.format.keys import LABEL_MANIFEST, verify
from hx.core.format.verdict import NEEDS_UPGRADE, PENDING, UNKNOWN_FORMAT, Fault, pending
from hx.database.sync.ledger import Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.format.manifest import Signed
    from hx.sync.context import SyncContext


def unsigned(verdict: Verdict) -> Verdict:
    """Return the verdict on bytes that nobody has signed: it never asks for an upgrade."""
    if verdict.reason != NEEDS_UPGRADE:
        return verdict
    return Verdict(PENDING, UNKNOWN_FORMAT, verdict.detail)


def decoded_manifest(context: SyncContext, device_id: bytes, key: str, data: bytes) -> Signed:
    """Unseal and decode the manifest of a device at a store key. Raises Fault.

    Its signature is not checked, unless its content needs a newer hx.
    """
    payload = b""
    try:
        payload = context.unsealed(key, data)
        return manifests.decode(payload)
    except Fault as fault:
        if fault.reason != NEEDS_UPGRADE or _is_signed(context, device_id, payload):
            raise
        raise pending(UNKNOWN_FORMAT, fault.detail) from None


def _is_signed(context: SyncContext, device_id: bytes, payload: bytes) -> bool:
    member = context.trust.author(device_id)
    end = len(payload) - manifests.SIGNATURE_BYTES
    return member is not None and verify(
        member.sign_pub, payload[end:], LABEL_MANIFEST, context.vault.vault_id, payload[:end]
    )
