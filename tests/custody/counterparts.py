"""Services on a private bus that do what no real one can be told to do, such as to stay silent.

They speak as much of the protocol of the Secret Service and of KWallet as hx and keyring do, and
count what they are asked.
"""

# ruff: noqa: N802, ARG002  (names and arguments are those of the protocols)
from __future__ import annotations

import threading
from collections import Counter
from contextlib import closing

from jeepney import (
    DBusAddress,
    HeaderFields,
    MessageType,
    message_bus,
    new_error,
    new_method_call,
    new_method_return,
    new_signal,
)
from jeepney.io.blocking import Proxy, open_dbus_connection

SECRET = "org.freedesktop.Secret"
SERVICE = "/org/freedesktop/secrets"
COLLECTION = "/org/freedesktop/secrets/collection/login"
PROMPT = "/org/freedesktop/secrets/prompt/p1"
NO = "org.freedesktop.DBus.Error"


class Counterpart:
    """A service in a thread. A method `on_NAME(path, *arguments)` returns (signature, values).

    None: the request is not answered.
    """

    name: str

    def __init__(self, address: str) -> None:
        self.calls: Counter[str] = Counter()
        self.silent: set[str] = set()  # requests that are not answered
        self._address = address
        self._connection = open_dbus_connection(address)
        self.take_name(self.name)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def take_name(self, name: str) -> None:
        Proxy(message_bus, self._connection).RequestName(name)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        if self._thread.is_alive():
            with closing(open_dbus_connection(self._address)) as bus:
                end = DBusAddress("/", self._connection.unique_name, "hx.test")
                bus.send(new_method_call(end, "End"))
                self._thread.join()
        self._connection.close()

    def _serve(self) -> None:
        while True:
            message = self._connection.receive()
            if message.header.message_type is not MessageType.method_call:
                continue
            fields = message.header.fields
            member = fields[HeaderFields.member]
            if member == "End":
                return
            self.calls[member] += 1
            if member in self.silent:
                continue
            try:
                answer = getattr(self, f"on_{member}")(fields[HeaderFields.path], *message.body)
            except (AttributeError, KeyError):
                self._connection.send(new_error(message, f"{NO}.UnknownMethod", "s", (member,)))
                continue
            except NotImplementedError:
                self._connection.send(new_error(message, f"{NO}.NotSupported", "s", (member,)))
                continue
            if answer is not None:
                self._connection.send(new_method_return(message, *answer))
            if member == "Prompt":
                self.prompted()

    def prompted(self) -> None:
        """Do what a person does with a dialog."""


class SecretService(Counterpart):
    """A Secret Service with one collection. `person(service)` is called when a dialog opens."""

    name = "org.freedesktop.secrets"

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.locked: set[str] = set()  # paths
        self.items: dict[str, tuple[dict, bytes]] = {}  # path -> attributes, secret
        self.default = COLLECTION
        self.asks_before_writing = False
        self.person = lambda _: None
        self._asked: list[str] = []
        self._numbers = 0

    def prompted(self) -> None:
        self.person(self)

    def unlock(self) -> None:
        """Do as if a person had entered the password."""
        self.locked -= {*self._asked}
        self.complete(dismissed=False)

    def complete(self, *, dismissed: bool) -> None:
        address = DBusAddress(PROMPT, interface=f"{SECRET}.Prompt")
        result = (dismissed, ("ao", [] if dismissed else self._asked))
        self._connection.send(new_signal(address, "Completed", "bv", result))

    def end(self) -> None:
        Proxy(message_bus, self._connection).ReleaseName(self.name)

    def on_ReadAlias(self, path, alias):
        return "o", (self.default,)

    def on_Get(self, path, interface, name):
        if path != COLLECTION and path not in self.items:
            raise KeyError(path)
        value = ("b", path in self.locked) if name == "Locked" else ("s", path)
        return "v", (value,)

    def on_SearchItems(self, path, wanted):
        return "ao", ([p for p, (has, _) in self.items.items() if wanted.items() <= has.items()],)

    def on_Unlock(self, path, paths):
        self._asked = [each for each in paths if each in self.locked]
        done = [each for each in paths if each not in self.locked]
        return "aoo", (done, PROMPT if self._asked else "/")

    def on_Prompt(self, path, window):
        return "", ()

    def on_Dismiss(self, path):
        return "", ()

    def on_OpenSession(self, path, algorithm, value):
        if algorithm != "plain":
            raise NotImplementedError
        return "vo", (("s", ""), f"{SERVICE}/session/s1")

    def on_GetSecret(self, path, session):
        return "(oayays)", ((session, b"", self.items[path][1], "text/plain"),)

    def on_CreateItem(self, path, properties, secret, replace):
        if self.asks_before_writing:
            return "oo", ("/", PROMPT)
        attributes = properties[f"{SECRET}.Item.Attributes"][1]
        for old in self.on_SearchItems(path, attributes)[1][0]:
            del self.items[old]
        self._numbers += 1
        made = f"{COLLECTION}/{self._numbers}"
        self.items[made] = (attributes, bytes(secret[2]))
        return "oo", (made, "/")

    def on_CreateCollection(self, path, properties, alias):
        self.default = COLLECTION
        return "oo", (COLLECTION, "/")

    def on_Delete(self, path):
        del self.items[path]
        return "o", ("/",)


class KWallet(Counterpart):
    """A KWallet with one wallet. `handle`: the answer of its dialog; negative: refused."""

    name = "org.kde.kwalletd5"

    def __init__(self, address: str, *, is_open: bool = False, handle: int = 7) -> None:
        super().__init__(address)
        self.is_open, self.handle = is_open, handle

    def on_networkWallet(self, path):
        return "s", ("kdewallet",)

    def on_isOpen(self, path, wallet):
        return "b", (self.is_open,)

    def on_open(self, path, wallet, window, program):
        return "i", (self.handle,)
