"""The git repository and branch of a directory, read from git's own files without a git process.

The name of a repository is the URL of its remote (`origin`, else the first) without credentials,
so that clones on several devices have one name; without a remote it is the root of the work tree.
"""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.core.model import Event

_MAX_BYTES = 256 << 10  # read at most so much of a file
_MAX_PATH = 4_096  # bytes; the system opens no longer path, so a longer one names nothing
_HEX = b"0123456789abcdef"
_known: dict[bytes, tuple[bytes | None, bytes | None]] = {}


def placed(event: Event) -> Event:
    """Return the event with the current repository and branch of its directory."""
    if event.cwd not in _known:
        _known[event.cwd] = look_up(event.cwd)
    repo, branch = _known[event.cwd]
    return event._replace(repo=repo, branch=branch) if repo else event


def look_up(directory: bytes) -> tuple[bytes | None, bytes | None]:
    """Return (repository, branch) of a directory; (None, None) outside a work tree."""
    for root in _upwards(directory):
        git = _git_folder(root)
        if git:
            common = _common_folder(git)
            return _remote(common) or root, _branch(git)
    return None, None


def _upwards(directory: bytes) -> Iterator[bytes]:
    """Return an absolute directory and its parents, the innermost first."""
    path = directory if directory.startswith(b"/") else b""
    if len(path) > _MAX_PATH:
        path = path[:_MAX_PATH].rpartition(b"/")[0]
    while path:
        yield path
        parent = os.path.dirname(path)
        path = parent if parent != path else b""  # the last one is `/`, or `//` as bash may name it


def _git_folder(root: bytes) -> bytes | None:
    """Return the folder `.git`, or the one that a file `.git` names (work tree, submodule)."""
    path = os.path.join(root, b".git")
    if not os.path.isdir(path):
        text = _read(path)
        if not text.startswith(b"gitdir:"):
            return None
        path = os.path.join(root, text[7:].strip())
    return path if os.path.lexists(os.path.join(path, b"HEAD")) else None


def _common_folder(git: bytes) -> bytes:
    shared = _read(os.path.join(git, b"commondir")).strip()
    return os.path.join(git, shared) if shared else git


def _branch(git: bytes) -> bytes | None:
    head = _read(os.path.join(git, b"HEAD")).strip()
    if len(head) > _MAX_PATH:
        return None
    if head.startswith(b"ref:"):
        name = head[4:].strip().removeprefix(b"refs/heads/")
        return name if name != b".invalid" else None  # reftable writes this name
    commit = head[:12]  # a detached HEAD
    return commit if commit and all(digit in _HEX for digit in commit) else None


def _remote(common: bytes) -> bytes | None:
    urls: dict[bytes, bytes] = {}
    remote = None
    for line in _read(os.path.join(common, b"config")).splitlines():
        text = line.strip()
        if text.startswith(b"["):
            head, _, text = text.partition(b'"]')
            kind, _, name = head.partition(b'"')
            remote = name if kind.strip().lower() == b"[remote" else None
        key, _, value = text.partition(b"=")
        if remote is not None and key.strip().lower() == b"url" and len(value) < _MAX_PATH:
            urls.setdefault(remote, _plain(value.strip()))
    url = urls.get(b"origin") or next(filter(None, urls.values()), None)
    return without_credentials(url) if url else None


def _plain(value: bytes) -> bytes:
    """Return a value of git's configuration without quotes, or without the comment after it."""
    if b'"' in value:
        return value.replace(b'"', b"")
    return value.partition(b"#")[0].partition(b";")[0].rstrip()


def without_credentials(url: bytes) -> bytes:
    """Turn `https://user:token@host/x` into `https://host/x`; the user of an ssh URL stays."""
    scheme, mark, rest = url.partition(b"://")
    if not mark:
        return url
    authority, slash, path = rest.partition(b"/")
    who, at, host = authority.rpartition(b"@")
    user = who.partition(b":")[0] + at if b"ssh" in scheme.lower() else b""
    return scheme + mark + user + host + slash + path


def _read(path: bytes) -> bytes:
    """Return the beginning of a regular file, empty when it cannot be read."""
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            return file.read(_MAX_BYTES) if regular else b""
    except (OSError, ValueError):  # ValueError: a NUL in its name
        return b""


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting: a pipe in place of a file would block until a program writes to it."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
