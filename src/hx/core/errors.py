"""Everything that can go wrong, as a sentence for a person.

HxError                  exit code, whose fault
├── UsageError           2   the command line or an input
├── InputError           2   a file or a value that cannot be read
├── Refused              2   asked for a yes and got none
├── StoreError           5   the place where the vault lies; its kinds are in hx.stores
├── KeyMissing           6   the keys of this device or of its vault cannot be had
├── NotInVault           6   this device is in no vault, or no longer in one
├── NotAVault            6   the store holds no vault, or not the one that is meant
├── UpgradeNeeded        7   written by a newer hx
└── DatabaseError        8   the local database or the folders of hx
    └── Busy             8   another process holds it

The message says what is wrong, in lower case and without a full stop; the hint says what to do.
Exit code 1 (nothing found) and 130 (interrupted) are answers, not errors.
"""


class HxError(Exception):
    exit_code = 2

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(HxError):
    exit_code = 2


class InputError(HxError):
    exit_code = 2


class Refused(HxError):  # noqa: N818  (it is an answer as much as an error)
    exit_code = 2


class StoreError(HxError):
    exit_code = 5


class KeyMissing(HxError):  # noqa: N818
    exit_code = 6


class NotInVault(HxError):  # noqa: N818
    exit_code = 6


class NotAVault(HxError):  # noqa: N818
    exit_code = 6


class UpgradeNeeded(HxError):  # noqa: N818
    exit_code = 7


class DatabaseError(HxError):
    exit_code = 8


class Busy(DatabaseError):  # noqa: N818
    pass
