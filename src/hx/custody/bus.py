"""A connection to the session bus on which no request and no dialog waits for ever.

Libraries wait for a reply, and for the end of a dialog, as long as it takes. All that they receive
comes through one method, which is limited here. A dialog that hx waits for no longer is dismissed:
nobody would know what it is for.
"""

from __future__ import annotations

import time
from contextlib import suppress

from jeepney import (
    DBusAddress,
    HeaderFields,
    MatchRule,
    message_bus,
    new_method_call,
)
from jeepney.bus import get_bus
from jeepney.io.blocking import DBusConnection, Proxy, prep_socket
from jeepney.wrappers import DBusErrorResponse, unwrap_msg
from keyring.errors import KeyringLocked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from jeepney import Message

    from hx.custody.patience import Patience

_PROMPT = "org.freedesktop.Secret.Prompt"
_OPEN_S = 5  # seconds for the bus to accept a connection
_DISMISS_S = 1


class NoAnswer(Exception):  # noqa: N818
    """A service has not answered in the time that there was."""


class Ended(Exception):  # noqa: N818
    """A service has ended while its dialog was open."""


class PatientConnection(DBusConnection):  # type: ignore[misc]
    """A connection that waits no longer than its patience; it is of one service.

    Raises NoAnswer, Ended; KeyringLocked when a dialog is not answered, or may not be opened.
    """

    def __init__(self, patience: Patience, service: str, title: str) -> None:
        self._patience = patience
        self._service = service
        self.title = title
        self._prompt = ""  # the path of the dialog that is open
        super().__init__(prep_socket(get_bus("SESSION"), timeout=min(_OPEN_S, patience.seconds)))

    def send(self, message: Message, serial: int | None = None) -> None:
        fields = message.header.fields
        if (fields.get(HeaderFields.interface), fields[HeaderFields.member]) == (_PROMPT, "Prompt"):
            self._before_prompt(fields[HeaderFields.path])
        super().send(message, serial)

    send_message = send  # the name by which requests are sent

    def receive(self, *, timeout: float | None = None) -> Message:
        begin_s = time.monotonic()
        try:
            message = self._received(self._patience.limit_s if timeout is None else timeout)
            self._watch(message)
        except TimeoutError:
            if timeout is not None:  # the limit of the caller
                raise
            if self._prompt:
                self._patience.unanswered = True
                self._dismiss()
                raise KeyringLocked("nobody has answered the dialog") from None
            raise NoAnswer from None
        except BaseException:
            self._dismiss()
            raise
        finally:
            self._patience.spend(time.monotonic() - begin_s)
            if timeout is None and not self._prompt:
                self._patience.tell_end()
        return message

    def _received(self, limit_s: float) -> Message:
        """Wait for a message, and tell the person when it is late."""
        quiet_s = min(self._patience.quiet_s, limit_s)
        if not self._patience.is_told and quiet_s < limit_s:
            with suppress(TimeoutError):
                return super().receive(timeout=quiet_s)
            self._patience.tell(f"waiting for {self.title} to answer ...")
            limit_s -= quiet_s
        return super().receive(timeout=limit_s)

    def _before_prompt(self, path: str) -> None:
        if not self._patience.has_person:
            raise KeyringLocked("a dialog would be needed, and nobody is there")
        if self._patience.unanswered:
            raise KeyringLocked("nobody has answered the dialog before this one")
        # else nothing tells that the service which has the dialog has ended
        Proxy(message_bus, self).AddMatch(_owner_rule(self._service))
        self._patience.tell(f"waiting for {self.title} to be unlocked ...")
        self._prompt = path

    def _watch(self, message: Message) -> None:
        fields = message.header.fields
        member = fields.get(HeaderFields.member)
        if member == "Completed" and fields.get(HeaderFields.path) == self._prompt:
            self._prompt = ""
        if self._prompt and member == "NameOwnerChanged" and _has_gone(message.body, self._service):
            self._prompt = ""
            raise Ended

    def _dismiss(self) -> None:
        """Take the open dialog away, where the service survives it."""
        prompt, self._prompt = self._prompt, ""
        if not prompt or self._is_gnome_keyring():
            return
        address = DBusAddress(prompt, self._service, _PROMPT)
        with suppress(OSError):  # the bus may be gone with it; TimeoutError is one too
            self.send_and_get_reply(new_method_call(address, "Dismiss"), timeout=_DISMISS_S)

    def _is_gnome_keyring(self) -> bool:
        """Return whether gnome-keyring has the dialog: it aborts when the dialog is dismissed.

        Its assertion `!self->current` in perform_next_unlock fails; seen in version 42. Then all
        programs of the user are without keys, so its dialog stays until somebody answers it.
        """
        bus = Proxy(message_bus, self, timeout=_DISMISS_S)
        with suppress(OSError, DBusErrorResponse):
            return bool(bus.GetNameOwner(self._service) == bus.GetNameOwner("org.gnome.keyring"))
        return False


def _owner_rule(service: str) -> MatchRule:
    rule = MatchRule(
        type="signal",
        sender=message_bus.bus_name,
        interface=message_bus.interface,
        member="NameOwnerChanged",
    )
    rule.add_arg_condition(0, service)
    return rule


def _has_gone(body: Any, service: str) -> bool:
    return bool(body[0] == service and not body[2])


def can_reach(connection: DBusConnection, service: str) -> bool:
    """Return whether a service runs, or would be started by the bus."""
    bus = Proxy(message_bus, connection)
    return bool(bus.NameHasOwner(service)[0]) or service in bus.ListActivatableNames()[0]


def answer(
    connection: DBusConnection, address: DBusAddress, member: str, signature: str, *values: object
) -> tuple[Any, ...]:
    """Return what a method answers. Raises DBusErrorResponse."""
    call = new_method_call(address, member, signature or None, values)
    return tuple(unwrap_msg(connection.send_and_get_reply(call)))
