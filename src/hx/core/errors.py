"""The errors that hx reports to people, and their exit codes.

    HxError                  exit code, cause
    ├── UsageError           2   the command line or an input is wrong
    ├── InputError           2   a file or a value cannot be read
    │   └── UnmarkedError    2   a text file may be a history, or something else
    ├── Refused              2   the user did not confirm
    ├── StoreError           5   the store of the vault failed; hx.stores defines its kinds
    ├── KeyMissing           6   the keys of this device or of its vault are not available
    │   └── KeysLost         6   the keys of this device are gone, or cannot be decoded
    ├── NotInVault           6   this device is not a member of a vault, or no longer
    ├── NotAVault            6   the store holds no vault, or another vault than expected
    │   ├── HasMoved         6   an admin says that the vault lies in another place now
    │   └── WasRenewed       6   an admin says that another vault replaces this one
    ├── UpgradeNeeded        7   a newer hx wrote this
    ├── SchedulerError       8   systemd, launchd or cron did not do what was asked
    └── DatabaseError        8   the local database or the folders of hx failed
        └── Busy             8   another process holds the lock

A message says what is wrong, in lower case and without a full stop. The hint says what to do; an
error without a hint of its own has the `advice` of its class. Exit codes 1 (nothing found) and 130
(interrupted) are not errors.
"""


class HxError(Exception):
    """An error with a message, a hint and the exit code of the process."""

    exit_code = 2
    advice = ""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or self.advice


class UsageError(HxError):
    exit_code = 2


class InputError(HxError):
    exit_code = 2


class UnmarkedError(InputError):
    pass


class Refused(HxError):  # noqa: N818  (the user declined: nothing went wrong)
    exit_code = 2


class StoreError(HxError):
    exit_code = 5
    advice = "run `hx sync` again; if it fails again, check the store with `hx sync check`"


class KeyMissing(HxError):  # noqa: N818
    exit_code = 6


class KeysLost(KeyMissing):
    """No waiting and no unlocking brings the keys back; a backup may."""

    advice = (
        "restore them from a backup; else `hx sync recover` (the recovery words) or `hx sync join`"
        " (a code) brings this device back under a new id, with its history"
    )


class NotInVault(HxError):  # noqa: N818
    exit_code = 6


class KeysElsewhere(HxError):  # noqa: N818
    exit_code = 6


class NotAVault(HxError):  # noqa: N818
    exit_code = 6


class HasMoved(NotAVault):
    def __init__(self, message: str, hint: str, store: str) -> None:
        super().__init__(message, hint)
        self.store = store  # URL, as the author of the note names the place


class WasRenewed(NotAVault):
    pass


class UpgradeNeeded(HxError):  # noqa: N818
    exit_code = 7


class SchedulerError(HxError):
    exit_code = 8


class DatabaseError(HxError):
    exit_code = 8


class Busy(DatabaseError):  # noqa: N818
    pass
