"""Nothing that a person typed, and no hash of it, is in any byte or name of a sealed store."""

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
    *("cnry-device-one", "cnry-device-two", "cnry-renamed", "cnry-vault"),
)


def forms(canary: str) -> dict[str, bytes]:
    """What would give it away: itself and its SHA-256, raw and in hex."""
    text = canary.encode()
    return {
        canary: text,
        f"sha256 of {canary}": sha256(text).digest(),
        f"hex sha256 of {canary}": sha256(text).hexdigest().encode(),
        f"utf-16 of {canary}": canary.encode("utf-16-le"),
    }


def told(folder: Path, vault_id: bytes = b"") -> set[str]:
    """The canaries that are in the store, in whichever form; `vault_id`: of a plain vault."""
    found = b"\0".join(contents(folder, vault_id)).lower()
    named = {name: form for canary in CANARIES for name, form in forms(canary).items()}
    return {name for name, form in named.items() if form.lower() in found}


def contents(folder: Path, vault_id: bytes) -> Iterator[bytes]:
    """Every name and every byte, and what an object holds that is only compressed."""
    for path in folder.rglob("*"):
        key = str(path.relative_to(folder))
        yield key.encode()
        if not path.is_file():
            continue
        data = path.read_bytes()
        yield data
        if vault_id and key[0] in "mo":
            yield unseal(data, expect=key, vault_id=vault_id, suite=PLAIN, vmks={})[1]


class Told(Member):
    """A machine whose every fact is a canary."""

    def _header(self, session: str, host: str, shell: str) -> bytes:
        return super()._header(session, host, shell).replace(b"ann", b"cnry-user")

    def live(self) -> None:
        where = self.cwd / "cnry-directory"
        (where / ".git").mkdir(parents=True, exist_ok=True)
        (where / ".git/HEAD").write_text(f"ref: refs/heads/{BRANCH}\n")
        (where / ".git/config").write_text(f'[remote "origin"]\n\turl = {REPO_URL}\n')
        self.record("echo cnry-command", 7, host="cnry-host", cwd=where)
        self.record("echo cnry-forgotten", cwd="/home/cnry-dir")
        (self.cwd / ".bash_history").write_text("echo cnry-imported\n")
        assert self.hx("import").code == 0


def lived_in(path: Path, *options: str) -> tuple[Told, Told]:
    """Two in a vault, where all has happened that can but for forgetting."""
    folder = path / "store"
    folder.mkdir()
    laptop, desktop = (Told(path / name, folder, f"cnry-device-{name}") for name in ("one", "two"))
    laptop.live()
    laptop.init("--vault-name", "cnry-vault", *options)
    assert desktop.join(laptop.invite()).code == 0
    desktop.live()
    for each in (laptop, desktop, laptop, desktop):
        each.sync()
    desktop.hx("pin", desktop.history[-1]["session_id"])
    laptop.invite()
    return laptop, desktop


def change(laptop: Told, desktop: Told) -> None:
    desktop.hx("forget", "--match", "cnry-forgotten", "--yes")
    laptop.hx("sync", "rename", "cnry-renamed")
    for each in (laptop, desktop, laptop, desktop):
        each.sync()
    assert "echo cnry-forgotten" not in laptop.commands
    assert "echo cnry-command" in laptop.commands


def test_a_sealed_store_tells_nothing(tmp_path):
    laptop, desktop = lived_in(tmp_path)
    assert told(laptop.folder) == set()
    change(laptop, desktop)
    assert told(laptop.folder) == set()


def test_the_same_search_finds_all_in_a_plain_store(tmp_path):
    laptop, desktop = lived_in(tmp_path, "--no-encrypt")
    vault_id = bytes.fromhex(laptop.sync("status")["vault"]["id"])
    assert told(laptop.folder, vault_id) == set(CANARIES) - {"cnry-vault", "cnry-renamed"}
    change(laptop, desktop)
    left = told(laptop.folder, vault_id)
    assert "cnry-renamed" in left
    assert "echo cnry-forgotten" not in left


def test_names_in_a_store_are_digits(tmp_path):
    laptop, _ = lived_in(tmp_path)
    stems = {path.stem for path in laptop.folder.rglob("*.hx")} - {"hx-vault"}
    assert stems
    assert set("".join(stems)) <= set("0123456789abcdef-")
