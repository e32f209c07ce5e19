"""The URL of a store on another machine: ssh://[user@]host[:port]/path."""

from __future__ import annotations

from hx.core.errors import UsageError
from hx.core.record import NamedTuple

EXAMPLE = "ssh://user@host/path/to/folder"
HINT = f"name a folder on a host that `ssh` reaches: {EXAMPLE}, or ssh://host/~/folder in the home"


class Address(NamedTuple):
    """Where a store is. `path` is absolute, or relative to the home folder there."""

    url: str
    user: str  # empty: as the configuration of ssh says
    host: str
    port: int | None
    path: str


def parse(url: str) -> Address:
    """Return the parts of a URL. Raises UsageError."""
    scheme, separator, rest = url.partition("://")
    if scheme != "ssh" or not separator:
        raise UsageError(f"{url} is not an address of ssh", HINT)
    place, slash, path = rest.partition("/")
    login, at, host_and_port = place.rpartition("@")
    if ":" in login:
        raise UsageError(
            "a URL with a password is not taken, because others can read it in the list of"
            " processes",
            "let `ssh` log in by a key, and leave the password out of the URL",
        )
    host, port = _host_and_port(url, host_and_port)
    user = _decoded(login)
    for word in (host, user):
        if word.startswith("-") or not word.isprintable() or " " in word:
            raise UsageError(f"{word!r} is no name of a host or user for `ssh`", HINT)
    if not host or (at and not user):
        raise UsageError(f"{url} names no host", HINT)
    return Address(url, user, host, port, _path(url, slash + _decoded(path)))


def _host_and_port(url: str, text: str) -> tuple[str, int | None]:
    """Return the host, without the brackets of an IPv6 address, and the port."""
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        port = port.removeprefix(":") if port.startswith(":") else port
    else:
        host, _, port = text.partition(":")
    if not port:
        return host, None
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16):
        raise UsageError(f"{port!r} in {url} is no port", HINT)
    return host, int(port)


def _path(url: str, path: str) -> str:
    if "\0" in path or "\n" in path:
        raise UsageError("the path of a store has no line end in it", HINT)
    if path.startswith("/~/"):
        path = path[3:].strip("/")
    elif path.startswith("/~"):
        raise UsageError(f"{url} names the home folder of another user", HINT)
    else:
        path = "/" + path.strip("/")
    if path in {"", "/"}:
        raise UsageError(f"{url} names no folder", HINT)
    return path


def _decoded(text: str) -> str:
    if "%" not in text:
        return text
    from urllib.parse import unquote

    return unquote(text, errors="surrogateescape")
