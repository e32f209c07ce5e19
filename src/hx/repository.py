"""Which repository and branch a directory belongs to, by reading git's own files.

No git process is started. The repository is named by the URL of its remote (`origin`, else the
first), without credentials, so that clones on several devices are one; without a remote by the
root of the work tree.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hx.core.model import Event

_MAX_BYTES = 256 << 10  # of a file of git's that we read
_known: dict[bytes, tuple[bytes | None, bytes | None]] = {}


def placed(event: Event) -> Event:
    """The event with its repository and branch as they are now."""
    if event.cwd not in _known:
        _known[event.cwd] = look_up(event.cwd)
    repo, branch = _known[event.cwd]
    return event._replace(repo=repo, branch=branch) if repo else event


def look_up(directory: bytes) -> tuple[bytes | None, bytes | None]:
    """(repository, branch) of a directory; (None, None) outside a work tree."""
    root = directory if directory.startswith(b"/") else b""
    while root:
        git = _git_folder(root)
        if git:
            common = _common_folder(git)
            return _remote(common) or root, _branch(git)
        root = os.path.dirname(root) if root != b"/" else b""
    return None, None


def _git_folder(root: bytes) -> bytes | None:
    """`.git` itself, or where the `.git` file of a work tree or submodule points."""
    path = os.path.join(root, b".git")
    if os.path.isdir(path):
        return path
    text = _read(path)
    if not text.startswith(b"gitdir:"):
        return None
    return os.path.join(root, text[7:].strip())


def _common_folder(git: bytes) -> bytes:
    shared = _read(os.path.join(git, b"commondir")).strip()
    return os.path.join(git, shared) if shared else git


def _branch(git: bytes) -> bytes | None:
    head = _read(os.path.join(git, b"HEAD")).strip()
    if head.startswith(b"ref: refs/heads/"):
        return head[len(b"ref: refs/heads/") :]
    return head[:12] or None  # detached: the commit


def _remote(common: bytes) -> bytes | None:
    urls: dict[bytes, bytes] = {}
    section = b""
    for line in _read(os.path.join(common, b"config")).splitlines():
        text = line.strip()
        if text.startswith(b"["):
            section = text
        elif section.startswith(b'[remote "') and b"=" in text:
            name, _, value = text.partition(b"=")
            if name.strip().lower() == b"url":
                urls.setdefault(section[9:-2], value.strip())
    url = urls.get(b"origin") or next(iter(urls.values()), None)
    return without_credentials(url) if url else None


def without_credentials(url: bytes) -> bytes:
    """`https://user:token@host/x` -> `https://host/x`; the user of an ssh address stays."""
    scheme, mark, rest = url.partition(b"://")
    if not mark or scheme.lower() not in (b"http", b"https"):
        return url
    authority, slash, path = rest.partition(b"/")
    return scheme + mark + authority.rpartition(b"@")[2] + slash + path


def _read(path: bytes) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(_MAX_BYTES)
    except OSError:
        return b""
