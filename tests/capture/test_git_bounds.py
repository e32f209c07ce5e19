"""Reading git's files starts no process, never loops or waits, and reads a bounded part."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from hx.capture.git import look_up, without_credentials

URL = "https://example.org/tool.git"
CONFIG = f'[remote "origin"]\n\turl = {URL}\n'


@pytest.fixture
def root(tmp_path):
    """Make the smallest repository that is recognised; return its folder."""
    git = tmp_path / "tool" / ".git"
    git.mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "config").write_text(CONFIG)
    return git.parent


def repo_and_branch(path):
    repo, branch = look_up(os.fsencode(path))
    return repo and repo.decode(), branch and branch.decode()


AUDITED_LOOK_UP = """
import sys
from hx.capture.git import look_up
seen = []
sys.addaudithook(lambda event, _: seen.append(event))
print(look_up(sys.argv[1].encode())[0].decode())
bad = ("subprocess", "os.fork", "os.exec", "os.spawn", "os.posix_spawn", "os.system", "socket")
assert "open" in seen
assert not [event for event in seen if event.startswith(bad)], seen
assert not {"subprocess", "socket", "_posixsubprocess"} & set(sys.modules)
"""


def test_a_repository_is_found_without_any_process(root):
    (root / "deep").mkdir()
    command = [sys.executable, "-c", AUDITED_LOOK_UP, str(root / "deep")]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (process.stdout, process.stderr) == (f"{URL}\n", "")


def test_only_the_beginning_of_a_file_is_read(root):
    line = b"# filled\n"
    config = root / ".git" / "config"
    config.write_bytes(CONFIG.encode() + line * 40_000)
    os.truncate(config, 1 << 40)  # a sparse file that no memory can hold
    assert repo_and_branch(root) == (URL, "main")
    config.write_bytes(line * 40_000 + CONFIG.encode())
    assert repo_and_branch(root) == (str(root), "main")
    os.truncate(root / ".git" / "HEAD", 1 << 40)
    assert repo_and_branch(root)[1] is None


def test_an_oversized_branch_or_url_is_ignored(root):
    (root / ".git" / "HEAD").write_text(f"ref: refs/heads/{'x' * 5_000}\n")
    (root / ".git" / "config").write_text(f'[remote "origin"]\nurl = https://{"x" * 5_000}\n')
    assert repo_and_branch(root) == (str(root), None)


MAKERS = (
    os.mkfifo,
    os.mkdir,
    lambda path: os.symlink(path, path),
    lambda path: os.symlink("/dev/zero", path),
)


@pytest.mark.parametrize("name", ["HEAD", "config", "commondir"])
def test_anything_but_a_regular_file_counts_as_empty(root, name):
    path = root / ".git" / name
    for make in MAKERS:
        path.unlink(missing_ok=True)
        make(path)
        repo, branch = repo_and_branch(root)
        assert repo == (str(root) if name == "config" else URL)
        assert branch == (None if name == "HEAD" else "main")
        if path.is_dir() and not path.is_symlink():
            path.rmdir()


@pytest.mark.parametrize(
    "pointer", ["gitdir: .git", "gitdir: .", "gitdir: ../sub/.git", "gitdir: \0", "gitdir: " * 9]
)
def test_a_gitdir_pointer_to_nothing_is_ignored(root, pointer):
    (root / "sub").mkdir()
    (root / "sub" / ".git").write_text(pointer)
    assert repo_and_branch(root / "sub") == (URL, "main")


def test_circular_pointers_and_links_are_ignored(root):
    for name, target in (("a", "b"), ("b", "a")):
        (root / name).mkdir()
        (root / name / ".git").write_text(f"gitdir: ../{target}/.git\n")
    assert repo_and_branch(root / "a") == (URL, "main")
    os.symlink(root / "c", root / "d")
    os.symlink(root / "d", root / "c")
    assert repo_and_branch(root / "c" / "deep") == (URL, "main")
    (root / ".git" / "commondir").write_text(".")
    assert repo_and_branch(root) == (URL, "main")


def test_an_empty_git_folder_is_no_repository(root):
    (root / "sub" / ".git").mkdir(parents=True)
    assert repo_and_branch(root / "sub") == (URL, "main")


@pytest.mark.parametrize(
    ("head", "branch"),
    [
        ("ref: refs/heads/.invalid", None),  # git writes so where its refs are in a reftable
        ("ref: refs/remotes/origin/main", "refs/remotes/origin/main"),
        ("ref:\trefs/heads/main", "main"),
        ("0123456789abcdef0123456789abcdef01234567", "0123456789ab"),
        ("hello, world", None),
        ("\x1b[31m", None),
    ],
)
def test_the_branch_is_read_from_head(root, head, branch):
    (root / ".git" / "HEAD").write_text(head + "\n")
    assert repo_and_branch(root) == (URL, branch)


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("codecommit::us-east-1://profile@tool", "codecommit::us-east-1://tool"),
        ("hg::https://ann:secret@example.org/x", "hg::https://example.org/x"),
        ("ftps://ann:secret@example.org/x", "ftps://example.org/x"),
        ("git+ssh://ann:secret@example.org/x", "git+ssh://ann@example.org/x"),
        ("ssh://example.org/x", "ssh://example.org/x"),
        ("https://", "https://"),
        ("", ""),
    ],
)
def test_passwords_are_removed_from_every_kind_of_url(url, clean):
    assert without_credentials(url.encode()) == clean.encode()


def test_passwords_are_removed_from_quoted_urls(root):
    for value in ('"https://ann:secret@example.org/x"', 'ht"tps://ann:secret@example.org/x"'):
        (root / ".git" / "config").write_text(f'[remote "origin"]\nurl = {value}\n')
        assert repo_and_branch(root)[0] == "https://example.org/x"
