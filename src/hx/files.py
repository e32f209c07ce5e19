"""Folders and files that belong to one person: 0700 and 0600 whatever the umask."""

from __future__ import annotations

import os

from hx.core.errors import DatabaseError, InputError

_NETWORK = ("nfs", "cifs", "smb", "9p", "afs", "fuse.sshfs", "ceph", "glusterfs", "ncpfs")


def private_folder(path: str) -> None:
    """Make a folder (and its parents) that only its owner enters; refuse another owner's."""
    try:
        os.makedirs(path, 0o700, exist_ok=True)
    except FileExistsError:
        raise InputError(
            f"{path} is a file, hx needs a folder there", "move it away, or set HX_HOME"
        ) from None
    except OSError as error:
        raise DatabaseError(
            f"cannot make the folder {path}: {reason(error)}",
            "make it writable, or set HX_HOME to a folder that is",
        ) from None
    require_owner(path)


def require_owner(path: str) -> None:
    """Raise DatabaseError unless the effective user owns it (sudo with a kept HOME does not)."""
    owner = os.stat(path).st_uid
    if owner != os.geteuid():
        raise DatabaseError(
            f"{path} belongs to another user (uid {owner}, you are {os.geteuid()})",
            "run hx as that user, or set HX_HOME to a folder of your own",
        )


def replace_file(path: str, data: bytes) -> None:
    """Write a whole file or nothing, 0600, safe against a crash."""
    temporary = f"{path}.{os.urandom(4).hex()}.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def reason(error: OSError) -> str:
    """`Permission denied` -> `permission denied`: the system's words inside a sentence."""
    text = error.strerror or str(error)
    return text[:1].lower() + text[1:]


def on_network(path: str) -> bool:
    """Whether a folder lies on a network file system (Linux: from the mount table)."""
    try:
        with open("/proc/self/mounts", encoding="utf-8", errors="replace") as mounts:
            lines = [line.split() for line in mounts]
    except OSError:
        return False
    path = os.path.realpath(path) + "/"
    holding = [line for line in lines if path.startswith(line[1].rstrip("/") + "/")]
    kind = max(holding, key=lambda line: len(line[1]))[2] if holding else ""
    return kind.startswith(_NETWORK)
