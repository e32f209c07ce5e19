"""Which repository and branch a directory belongs to, by reading git's own files.

No git process is started. The repository is named by the URL of its remote (`origin`, else the
first), without credentials, so that clones on several devices are one; without a remote by the
root of the work tree.
"""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hx.core.model import Event

_MAX_BYTES = 256 << 10  # of a file of git's that we read
_MAX_PATH = 4_096  # bytes: the system opens nothing longer; longer names are none
_HEX = b"0123456789abcdef"
_known: dict[bytes, tuple[bytes | None, bytes | None]] = {}


def placed(event: Event) -> Event:
    """The event with its repository and branch as they are now."""
    if event.cwd not in _known:
        _known[event.cwd] = look_up(event.cwd)
    repo, branch = _known[event.cwd]
    return event._replace(repo=repo, branch=branch) if repo else event


def look_up(directory: bytes) -> tuple[bytes | None, bytes | None]:
    """(repository, branch) of a directory; (None, None) outside a work tree."""
    for root in _upwards(directory):
        git = _git_folder(root)
        if git:
            common = _common_folder(git)
            return _remote(common) or root, _branch(git)
    return None, None


def _upwards(directory: bytes) -> Iterator[bytes]:
    """An absolute directory and all that hold it, the innermost first."""
    path = directory if directory.startswith(b"/") else b""
    if len(path) > _MAX_PATH:
        path = path[:_MAX_PATH].rpartition(b"/")[0]
    while path:
        yield path
        parent = os.path.dirname(path)
        path = parent if parent != path else b""  # the last is `/`, or `//` as bash names it


def _git_folder(root: bytes) -> bytes | None:
    """`.git` itself, or where the `.git` file of a work tree or submodule points."""
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
        return name if name != b".invalid" else None  # where refs are kept in tables
    commit = head[:12]  # detached
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
    """A value of git's configuration without its quotes, or without the comment behind it."""
    if b'"' in value:
        return value.replace(b'"', b"")
    return value.partition(b"#")[0].partition(b";")[0].rstrip()


def without_credentials(url: bytes) -> bytes:
    """`https://user:token@host/x` -> `https://host/x`; of an ssh address the user stays."""
    scheme, mark, rest = url.partition(b"://")
    if not mark:
        return url
    authority, slash, path = rest.partition(b"/")
    who, at, host = authority.rpartition(b"@")
    user = who.partition(b":")[0] + at if b"ssh" in scheme.lower() else b""
    return scheme + mark + user + host + slash + path


def _read(path: bytes) -> bytes:
    """The beginning of a regular file; nothing of what cannot be read."""
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            return file.read(_MAX_BYTES) if regular else b""
    except (OSError, ValueError):  # ValueError: a NUL in its name
        return b""


def _open_at_once(path: str, flags: int) -> int:
    """A pipe in place of a file would keep us waiting for its writer."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
