"""Work that is killed at each of the calls that change a disk or a keychain."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from capture.kill import forked, outcome

if TYPE_CHECKING:
    from collections.abc import Callable

_CALLS = ("open", "fchmod", "fsync", "replace", "pwrite", "unlink")


def after_every_kill(
    work: Callable[[], object], check: Callable[[], object], *, keychain: bool = False
) -> int:
    """Run `work` in processes, each killed before another of the calls that change a disk.

    `check` runs after each process. The result is the number of processes that were killed before
    one finished the work. With `keychain` the calls are those to a Secret Service, and an entry is
    deleted before it is written.
    """
    for call in range(1, 100):
        code = outcome(forked(lambda call=call: _work_until_killed(call, work, keychain=keychain)))
        check()
        if code == 0:
            return call - 1
        assert code == -signal.SIGKILL
    raise AssertionError("the work does not end")


def _work_until_killed(call: int, work: Callable[[], object], *, keychain: bool) -> None:
    calls = 0

    def count() -> None:
        nonlocal calls
        calls += 1
        if calls == call:
            os.kill(os.getpid(), signal.SIGKILL)

    if keychain:
        _count_keychain_calls(count)
    else:
        for name in _CALLS:
            setattr(os, name, _counted(getattr(os, name), count))
    work()


def _counted(function: Callable, count: Callable) -> Callable:
    def counted(*arguments: object, **named: object) -> object:
        count()
        return function(*arguments, **named)

    return counted


def _count_keychain_calls(count: Callable) -> None:
    from hx.custody.secret_service import Keyring

    write, delete = Keyring.set_password, Keyring.delete_password

    def replace(self: Keyring, service: str, user: str, password: str) -> None:
        count()
        if self.get_password(service, user) is not None:
            delete(self, service, user)
        count()
        write(self, service, user, password)

    Keyring.set_password, Keyring.delete_password = replace, _counted(delete, count)
