"""The repository and branch of a directory are those that git reports; git itself is not run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from hx.capture import git as repository
from hx.capture.git import look_up, without_credentials
from hx.core.model import Event, EventKey

URL = "https://example.org/ann/tool.git"


@pytest.fixture
def git(tmp_path):
    """Return a function that runs git in a folder without the configuration of this machine."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "GIT_CONFIG_NOSYSTEM": "1",
        **{
            f"GIT_{who}_{what}": "ann@example.org"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
    }

    def run(folder, *arguments):
        command = ["git", "-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always"]
        process = subprocess.run(
            [*command, "-C", str(folder), *arguments],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        return process.stdout.strip()

    return run


@pytest.fixture
def tool(tmp_path, git):
    """Make a repository with one commit and no remote; return its folder."""
    folder = tmp_path / "tool"
    folder.mkdir()
    git(folder, "init", "--quiet")
    git(folder, "commit", "--quiet", "--allow-empty", "--message=first")
    return folder


def repo_and_branch(path):
    repo, branch = look_up(os.fsencode(path))
    return repo and repo.decode(), branch and branch.decode()


def test_a_folder_outside_of_a_work_tree_has_no_repository(tmp_path):
    assert repo_and_branch(tmp_path) == (None, None)


@pytest.mark.parametrize(
    "path",
    ["", "relative/path", "/nowhere/at/all", "/", "//", "/" * 9_000, "/a" * 500_000, "/bad\0name"],
)
def test_an_impossible_path_is_in_no_repository(path):
    assert repo_and_branch(path) == (None, None)


def test_a_repository_without_a_remote_is_named_by_its_root_folder(tool):
    (tool / "src" / "deep").mkdir(parents=True)
    assert repo_and_branch(tool) == (str(tool), "main")
    assert repo_and_branch(tool / "src" / "deep") == (str(tool), "main")
    assert repo_and_branch(tool / "src" / "is gone now") == (str(tool), "main")


def test_a_repository_without_a_commit_has_a_branch(tmp_path, git):
    git(tmp_path, "init", "--quiet")
    assert repo_and_branch(tmp_path) == (str(tmp_path), "main")


@pytest.mark.parametrize("name", ["fix/this-one", "caf\u00e9", "heads"])
def test_a_branch_may_have_any_name(tool, git, name):
    git(tool, "switch", "--quiet", "--create", name)
    assert repo_and_branch(tool) == (str(tool), name)


def test_a_detached_head_is_named_by_its_commit(tool, git):
    git(tool, "switch", "--quiet", "--detach")
    assert repo_and_branch(tool) == (str(tool), git(tool, "rev-parse", "HEAD")[:12])


def test_a_repository_is_named_by_the_url_of_origin(tool, git):
    git(tool, "remote", "add", "upstream", "https://example.org/other.git")
    assert repo_and_branch(tool) == ("https://example.org/other.git", "main")
    git(tool, "remote", "add", "origin", URL)
    git(tool, "remote", "set-url", "--push", "origin", "https://example.org/push.git")
    git(tool, "config", "branch.main.url", "https://example.org/no-remote.git")
    assert repo_and_branch(tool) == (URL, "main")


def test_clones_of_one_remote_have_the_same_name(tool, tmp_path, git):
    git(tmp_path, "clone", "--quiet", str(tool), "one")
    git(tmp_path, "clone", "--quiet", str(tool), "two")
    assert (
        repo_and_branch(tmp_path / "one")
        == repo_and_branch(tmp_path / "two")
        == (str(tool), "main")
    )


def test_a_linked_work_tree_has_its_own_branch_and_the_shared_remote(tool, tmp_path, git):
    git(tool, "remote", "add", "origin", URL)
    git(tool, "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    (tmp_path / "side" / "deep").mkdir()
    assert repo_and_branch(tmp_path / "side" / "deep") == (URL, "side")
    assert repo_and_branch(tool) == (URL, "main")
    git(tool, "remote", "remove", "origin")
    assert repo_and_branch(tmp_path / "side") == (str(tmp_path / "side"), "side")


def test_a_submodule_is_its_own_repository(tool, tmp_path, git):
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "--quiet")
    git(outer, "submodule", "--quiet", "add", str(tool), "inner")
    assert repo_and_branch(outer / "inner") == (str(tool), "main")
    assert repo_and_branch(outer) == (str(outer), "main")


def test_the_git_folder_is_part_of_its_work_tree(tool):
    assert repo_and_branch(tool / ".git" / "refs") == (str(tool), "main")


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("https://ann:secret@example.org/tool.git", "https://example.org/tool.git"),
        ("https://token@example.org/tool.git", "https://example.org/tool.git"),
        ("HTTPS://ann:p@ss@example.org/tool", "HTTPS://example.org/tool"),
        ("http://ann:secret@example.org", "http://example.org"),
        ("https://example.org/a@b", "https://example.org/a@b"),
        ("ssh://git:secret@example.org:22/tool", "ssh://git@example.org:22/tool"),
        ("git@example.org:ann/tool.git", "git@example.org:ann/tool.git"),
        ("/srv/git/tool.git", "/srv/git/tool.git"),
        ("../tool.git", "../tool.git"),
        ("file:///srv/git/tool.git", "file:///srv/git/tool.git"),
    ],
)
def test_credentials_in_the_url_of_a_remote_are_removed(tool, git, url, clean):
    assert without_credentials(url.encode()) == clean.encode()
    git(tool, "remote", "add", "origin", url)
    assert repo_and_branch(tool)[0] == clean


@pytest.mark.parametrize(
    "text",
    [
        '[remote "origin"]\n\turl = {url}\n',
        '[Remote "origin"]\n  URL={url}\n',
        '[remote "origin"] url = {url}\n',
        '[remote "origin"]\n\turl = "{url}"\n',
        '[remote "origin"]\n\turl = {url} ; mine\n',
        '[core]\n\tbare = false\n[remote "origin"]\n\tfetch = x\n\turl = {url}\n\turl = other\n',
    ],
)
def test_the_configuration_is_read_as_git_reads_it(tool, git, text):
    (tool / ".git" / "config").write_text(text.format(url=URL))
    assert git(tool, "config", "--get-all", "remote.origin.url").splitlines()[0] == URL
    assert repo_and_branch(tool)[0] == URL


@pytest.mark.parametrize("damage", ["", "\0\0", "gitdir:", "gitdir: /nowhere", "x" * 1_000_000])
def test_damaged_git_files_raise_no_error(tool, damage):
    (tool / "sub").mkdir()
    (tool / "sub" / ".git").write_text(damage)
    assert repo_and_branch(tool / "sub") == (str(tool), "main")
    (tool / ".git" / "config").write_text(damage)
    assert repo_and_branch(tool) == (str(tool), "main")
    (tool / ".git" / "HEAD").write_text(damage)
    assert repo_and_branch(tool) == (str(tool), None)


def test_a_named_pipe_in_place_of_a_file_is_not_read(tmp_path):
    os.mkfifo(tmp_path / ".git")
    assert repo_and_branch(tmp_path) == (None, None)


def test_an_event_gets_the_repository_and_branch_of_its_directory(tool, tmp_path, monkeypatch):
    monkeypatch.setattr(repository, "_known", {})
    event = Event(EventKey(1, bytes(16), bytes(16), 1), b"make", os.fsencode(tool))
    assert repository.placed(event)[6:8] == (os.fsencode(tool), b"main")
    outside_event = event._replace(cwd=os.fsencode(tmp_path))
    assert repository.placed(outside_event) == outside_event
    Path(tool, ".git", "HEAD").write_text("ref: refs/heads/other\n")
    assert repository.placed(event).branch == b"main"  # known by its directory
