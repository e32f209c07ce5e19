"""One rc file on several machines: the line of `hx setup` holds on each, or says why not, once."""

import os
import shutil
import subprocess

import pytest

from cli.forks import run_hx
from hx.core.shell_files import rc_file
from shells.terminal import PROMPT, RC_FILE, Home, family, program


class Place:
    """A home with an rc file of the user's own, on a machine of its own."""

    def __init__(self, path, shell):
        path.mkdir()
        self.home, self.shell, self.path = Home(path), shell, path
        self.name = family(shell)
        self.rc_file = path / RC_FILE[self.name]
        self.rc_file.parent.mkdir(parents=True, exist_ok=True)
        self.rc_file.write_text(PROMPT[self.name])
        (path / ".local/share/fish/generated_completions").mkdir(parents=True)
        self.env = {"HX_HOME": "", "SHELL": program(self.name)}

    def hx(self, *arguments, **env):
        ended = run_hx(*arguments, env=self.home.environment(**self.env | env))
        ended.check_returncode()
        return ended

    def setup(self, **env):
        return self.hx("setup", "--yes", "--no-import", "--shell", self.name, **env)

    def open(self, **env):
        terminal = self.home.start([program(self.shell), "-i"], **self.env | env)
        terminal.prompt()
        return terminal

    def noise(self, **env):
        """What a new shell prints besides its prompt."""
        terminal = self.open(**env)
        terminal.run("true")
        return "".join(line for line in terminal.screen() if not line.startswith("<"))

    def recorded(self, **env):
        self.open(**env).run("true recorded")
        return "true recorded" in self.hx("find", "--json", **env).stdout


@pytest.mark.parametrize("shell", ["bash", "zsh"])
@pytest.mark.parametrize("after", [False, True])
def test_a_file_that_both_read_gives_each_shell_its_own_hook(laptop, shell, after):
    """A .zshrc that reads ~/.bashrc: zsh in the hook of bash printed errors, and lost its own."""
    program("zsh")
    bashrc, zshrc = laptop.path / ".bashrc", laptop.path / ".zshrc"
    laptop.rc_file.write_text(PROMPT[shell])
    if shell == "bash":
        zshrc.write_text("")
    else:
        bashrc.write_text("")
        zshrc.write_text(PROMPT["zsh"] + "\nsource ~/.bashrc\n")
    laptop.hx("setup", "--yes", "--no-import", "--shell", "bash", "--shell", "zsh")
    if after:
        with open(zshrc, "a", encoding="utf-8") as file:
            file.write("source ~/.bashrc\n")
    assert laptop.noise() == ""
    assert laptop.recorded()


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_one_rc_file_of_two_shells_has_a_line_for_each(laptop, shell):
    program("zsh")
    common = laptop.path / "common"
    common.write_text(
        f'if [ -n "${{ZSH_VERSION-}}" ]; then\n{PROMPT["zsh"]}\nelse\n{PROMPT["bash"]}\nfi\n'
    )
    before = common.read_bytes()
    for name in (".bashrc", ".zshrc"):
        (laptop.path / name).unlink(missing_ok=True)
        (laptop.path / name).symlink_to("common")
    laptop.hx("setup", "--yes", "--no-import", "--shell", "bash", "--shell", "zsh")
    assert laptop.noise() == ""
    assert laptop.recorded()
    laptop.hx("setup", "--undo", "--yes")
    assert common.read_bytes() == before


@pytest.fixture
def laptop(tmp_path, shell):
    place = Place(tmp_path / "laptop", shell)
    yield place
    place.home.close()


@pytest.fixture
def server(tmp_path, shell):
    place = Place(tmp_path / "server of ann", shell)
    yield place
    place.home.close()


def share(laptop, server):
    """The rc file of one machine comes to the other one."""
    server.rc_file.write_bytes(laptop.rc_file.read_bytes())


def test_one_rc_file_records_on_both_machines(laptop, server):
    laptop.setup()
    share(laptop, server)
    before = server.rc_file.read_bytes()
    server.setup()
    assert server.rc_file.read_bytes() == before
    assert laptop.recorded()
    assert server.recorded()


def test_each_machine_may_have_a_data_folder_of_its_own(laptop, server):
    laptop.setup()
    share(laptop, server)
    there = {"XDG_DATA_HOME": str(server.path / "da ta")}
    server.setup(**there)
    assert server.rc_file.read_bytes() == laptop.rc_file.read_bytes()
    assert server.recorded(**there)


def test_a_folder_below_the_home_is_below_each_home(laptop, server):
    laptop.setup(HX_HOME=str(laptop.path / "all of 'hx'"))
    share(laptop, server)
    there = {"HX_HOME": str(server.path / "all of 'hx'")}
    before = server.rc_file.read_bytes()
    server.setup(**there)
    assert server.rc_file.read_bytes() == before
    assert server.recorded(**there)


def test_a_machine_without_the_hook_says_so_once(laptop, server):
    laptop.setup()
    share(laptop, server)
    said = server.noise()
    # the terminal wraps it, at a column that depends on the path
    words = f"/hx/hook.{server.name} is missing, so shells are not recorded here: run hx setup"
    assert words.replace(" ", "") in said.replace(" ", "")
    assert server.noise() == ""
    marker = server.path / ".local/share/hx" / rc_file.MISSING
    assert marker.stat().st_mode & 0o077 == 0
    server.setup()
    assert not marker.exists()
    assert server.noise() == ""
    assert server.recorded()


def test_a_home_that_cannot_be_written_is_no_trouble(laptop, server):
    laptop.setup()
    share(laptop, server)
    (server.path / ".local/share/hx").write_text("a file where the folder should be")
    assert server.noise() == ""


def test_undo_gives_back_the_bytes_and_purge_leaves_nothing(laptop, server):
    before = server.rc_file.read_bytes()
    laptop.setup()
    share(laptop, server)
    server.noise()
    server.hx("setup", "--undo", "--purge", "--yes")
    assert server.rc_file.read_bytes() == before
    assert not (server.path / ".local/share/hx").exists()


def test_the_line_of_an_older_hx_is_replaced_where_it_stands(laptop):
    old = f"[ ! -r '/x/hook' ] || . '/x/hook' {rc_file.MARK.decode()}"
    own = laptop.rc_file.read_text()
    laptop.rc_file.write_text(f"{own}\n{old}\n# mine\n")
    laptop.setup()
    text = laptop.rc_file.read_text()
    assert text.startswith(own)
    assert text.endswith(f" {rc_file.MARK.decode()}\n# mine\n")
    assert "/x/hook" not in text
    assert laptop.recorded()


def test_it_leaves_no_variable_behind(laptop):
    laptop.setup()
    terminal = laptop.open()
    query = {"fish": "set -q __hx_data; echo $status >out"}
    terminal.run(query.get(laptop.name, 'echo "${__hx_data-1}" >out'))
    assert (laptop.path / "out").read_text() == "1\n"


def test_whoever_copies_files_sees_nothing(laptop, server):
    """scp and rsync start a shell that is not interactive; sshd's bash reads ~/.bashrc even so."""
    laptop.setup()
    share(laptop, server)
    environment = server.home.environment(**server.env, SSH_CLIENT="::1 1 22")
    environment["BASH_ENV"] = str(server.rc_file)
    words = [program(server.shell), "-c", "echo payload"]
    done = subprocess.run(
        words, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("payload\n", "")
    assert not (server.path / ".local/share/hx").exists()


@pytest.mark.parametrize("shell", ["bash"])
@pytest.mark.parametrize("strict", ["-e", "-u", "-C", "-x"])
def test_sh_reads_the_line_in_a_profile_without_a_word(laptop, strict):
    (laptop.path / ".profile").write_text("A=1\n")
    laptop.setup()
    sh = shutil.which("dash") or "sh"
    words = [sh, "-i", strict, "-c", ". ~/.profile; echo $A"]
    environment = laptop.home.environment(**laptop.env) | {"PATH": os.environ["PATH"]}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "1\n"
    assert "hx" not in "".join(line for line in done.stderr.splitlines() if line[:1] != "+")
