"""No text that a user typed, and no hash of it, is in any byte or name of a sealed store."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from cli.vaults import Member
from hx.core.format.envelope import PLAIN, unseal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REPO_URL = "git@cnry-forge.example:cnry-team/cnry-repo.git"
BRANCH = "cnry-branch"
CANARIES = (
    *("echo cnry-command", "echo cnry-imported", "echo cnry-forgotten"),
    *("cnry-host", "cnry-user", "/home/cnry-dir", "cnry-directory"),
    *(REPO_URL, BRANCH),
    *("cnry-device-laptop", "cnry-device-desktop", "cnry-renamed", "cnry-vault"),
)


def forms(canary: str) -> dict[str, bytes]:
    """Return the byte strings that would reveal a text: itself and its SHA-256, raw and in hex."""
    text = canary.encode()
    return {
        canary: text,
        f"sha256 of {canary}": sha256(text).digest(),
        f"hex sha256 of {canary}": sha256(text).hexdigest().encode(),
        f"utf-16 of {canary}": canary.encode("utf-16-le"),
    }


def leaked(folder: Path, vault_id: bytes = b"") -> set[str]:
    """Return the canaries that are in the store in any form.

    With the `vault_id` of a plain vault, search the uncompressed payloads, too.
    """
    content = b"\0".join(contents(folder, vault_id)).lower()
    named = {name: form for canary in CANARIES for name, form in forms(canary).items()}
    return {name for name, form in named.items() if form.lower() in content}


def contents(folder: Path, vault_id: bytes) -> Iterator[bytes]:
    """Yield every name and the bytes of every file, and the payloads of a plain vault."""
    for path in folder.rglob("*"):
        key = str(path.relative_to(folder))
        yield key.encode()
        if not path.is_file():
            continue
        data = path.read_bytes()
        yield data
        if vault_id and key[0] in "mo":
            yield unseal(data, expect=key, vault_id=vault_id, suite=PLAIN, vmks={})[1]


class CanaryMember(Member):
    """A member of the vault on whose machine every name and text is a canary."""

    def _header(self, session: str, host: str, shell: str) -> bytes:
        return super()._header(session, host, shell).replace(b"ann", b"cnry-user")

    def use(self) -> None:
        """Record and import commands in a Git repository."""
        directory = self.cwd / "cnry-directory"
        (directory / ".git").mkdir(parents=True, exist_ok=True)
        (directory / ".git/HEAD").write_text(f"ref: refs/heads/{BRANCH}\n")
        (directory / ".git/config").write_text(f'[remote "origin"]\n\turl = {REPO_URL}\n')
        self.record("echo cnry-command", 7, host="cnry-host", cwd=directory)
        self.record("echo cnry-forgotten", cwd="/home/cnry-dir")
        (self.cwd / ".bash_history").write_text("echo cnry-imported\n")
        assert self.hx("import").code == 0


def used_vault(path: Path, *options: str) -> tuple[CanaryMember, CanaryMember]:
    """Return two members of a vault that did all that a user can do, except forget."""
    folder = path / "store"
    folder.mkdir()
    laptop, desktop = (
        CanaryMember(path / name, folder, f"cnry-device-{name}") for name in ("laptop", "desktop")
    )
    laptop.use()
    laptop.init("--vault-name", "cnry-vault", *options)
    assert desktop.join(laptop.invite()).code == 0
    desktop.use()
    for member in (laptop, desktop, laptop, desktop):
        member.sync()
    desktop.hx("pin", desktop.history[-1]["session_id"])
    laptop.invite()
    return laptop, desktop


def change(laptop: CanaryMember, desktop: CanaryMember) -> None:
    desktop.hx("forget", "--match", "cnry-forgotten", "--yes")
    laptop.hx("sync", "rename", "cnry-renamed")
    for member in (laptop, desktop, laptop, desktop):
        member.sync()
    assert "echo cnry-forgotten" not in laptop.commands
    assert "echo cnry-command" in laptop.commands


def test_a_sealed_store_holds_no_canary(tmp_path):
    laptop, desktop = used_vault(tmp_path)
    assert leaked(laptop.folder) == set()
    change(laptop, desktop)
    assert leaked(laptop.folder) == set()


def test_the_same_search_finds_all_canaries_in_a_plain_store(tmp_path):
    laptop, desktop = used_vault(tmp_path, "--no-encrypt")
    vault_id = bytes.fromhex(laptop.sync("status")["vault"]["id"])
    assert leaked(laptop.folder, vault_id) == set(CANARIES) - {"cnry-vault", "cnry-renamed"}
    change(laptop, desktop)
    found = leaked(laptop.folder, vault_id)
    assert "cnry-renamed" in found
    assert "echo cnry-forgotten" not in found


def test_names_in_a_store_are_hexadecimal_digits(tmp_path):
    laptop, _ = used_vault(tmp_path)
    stems = {path.stem for path in laptop.folder.rglob("*.hx")} - {"hx-vault"}
    assert stems
    assert set("".join(stems)) <= set("0123456789abcdef-")
