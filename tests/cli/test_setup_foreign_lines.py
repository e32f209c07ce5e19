"""Lines that load the hook and that setup did not write are recognised, and none is doubled."""

import shutil

import pytest

from cli.home_folders import HomeFolder
from hx.core.shell_files import rc_file
from hx.shells import SHELLS


@pytest.fixture
def home(machine):
    return HomeFolder(machine)


def rc_of(home, shell):
    return home.path / SHELLS[shell].rc_path.format(home=".", zsh=".", config=".config")


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def set_up(home, shell):
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    return home.setup("--shell", shell)


LINES = [
    ("bash", 'eval "$(hx init bash)"'),
    ("bash", 'command -v hx >/dev/null && eval "$(hx init bash --no-ctrl-r)"  # history'),
    ("bash", 'if [ -x ~/.local/bin/hx ]; then eval "$(~/.local/bin/hx init bash)"; fi'),
    ("bash", 'eval "$("$HOME/.local/bin/history-extended" init bash)"'),
    ("bash", "[[ $- == *i* && $# == 0 ]] && source <(\\\\hx init bash)"),
    ("bash", '. "${XDG_DATA_HOME:-$HOME/.local/share}"/hx/hook.bash'),
    ("bash", '. "${XDG_DATA_HOME:-$HOME/.local/share}/hx"/hook.bash'),
    ("bash", '. "${HX_HOME}/hook.bash"'),
    ("zsh", "source <(hx init zsh)"),
    ("zsh", "if (( $+commands[hx] )); then\n  source <(hx init zsh)\nfi"),
    ("zsh", 'eval "$(/nix/store/abc-history-extended-0.1/bin/hx init zsh)"'),
    ("zsh", "source ~/.local/share/hx/hook.zsh"),
    ("fish", "hx init fish | source"),
    ("fish", "if command -q hx; hx init fish | source; end"),
    ("fish", "status is-interactive; and source $HOME/.local/share/hx/hook.fish"),
]


@pytest.mark.parametrize(("shell", "line"), LINES)
def test_a_line_of_chezmoi_or_nix_in_the_rc_file_is_enough(home, shell, line):
    rc = rc_of(home, shell)
    write(rc, f"# mine\n{line}\n")
    result = set_up(home, shell)
    assert result.code == 0
    assert f"{rc} loads the hook in line".replace(str(home.path), "~") in result.out.replace(
        str(home.path), "~"
    )
    assert rc.read_text() == f"# mine\n{line}\n"


NO_LINES = [
    '# eval "$(hx init bash)"',
    'true # eval "$(hx init bash)"',
    'eval "$(fhx init bash)"',
    'eval "$(hx initial bash)"',
    'eval "$(hx init bash --off)"',
    ". ~/.config/other/hook.bash",
    "alias hx=helix",
]


@pytest.mark.parametrize("line", NO_LINES)
def test_a_line_that_only_looks_so_is_not_taken_for_one(home, line):
    home.bashrc.write_text(f"{line}\n")
    home.setup()
    assert rc_file.has_line(home.bashrc.read_bytes())


READ_FILES = [
    ("bash", ".bashrc.d/hx.sh", 'for f in ~/.bashrc.d/*; do . "$f"; done'),
    ("bash", ".bash_aliases", "if [ -f ~/.bash_aliases ]; then\n  . ~/.bash_aliases\nfi"),
    ("zsh", ".zshrc.d/hx.zsh", "for f (~/.zshrc.d/*.zsh(N)) source $f"),
    (
        "zsh",
        ".zshrc.d/hx.zsh",
        'for f in "${ZDOTDIR:-$HOME}"/.zshrc.d/*(.N); do\n source "$f"\ndone',
    ),
    ("zsh", ".config/zsh/tools.zsh", "source ${XDG_CONFIG_HOME:-$HOME/.config}/zsh/tools.zsh"),
    ("zsh", ".oh-my-zsh/custom/hx.zsh", "export ZSH=~/.oh-my-zsh\nsource $ZSH/oh-my-zsh.sh"),
    ("fish", ".config/fish/conf.d/hx.fish", "set -g fish_greeting"),
]


@pytest.mark.parametrize(("shell", "name", "reads"), READ_FILES)
def test_a_line_in_a_file_that_the_rc_file_reads_is_enough(home, shell, name, reads):
    line = "hx init fish | source" if shell == "fish" else f'eval "$(hx init {shell})"'
    write(home.path / name, f"# from a repository\n{line}\n")
    rc = rc_of(home, shell)
    write(rc, f"{reads}\n")
    before = rc.read_text()
    result = set_up(home, shell)
    assert f"{name} loads the hook in line 2" in result.out
    assert rc.read_text() == before
    report = home.hx("doctor", "--json").json
    loads = [row["sentence"] for row in report if row["check"] == "rc file"]
    assert any(name in sentence for sentence in loads)
    assert f"{name} still loads the hook in line 2" in home.undo("--purge").out


def test_a_line_two_files_away_is_enough(home):
    write(home.path / ".bashrc.d/all", ". ~/.bashrc.d/more/hx\n")
    write(home.path / ".bashrc.d/more/hx", 'eval "$(hx init bash)"\n')
    home.bashrc.write_text(". ~/.bashrc.d/all\n. ~/.bashrc\n")
    assert "more/hx loads the hook in line 1" in home.setup().out


@pytest.mark.parametrize(
    "line",
    ["HISTFILE=~/.history_of_mine", "alias e='vim ~/.history_of_mine'", "# . ~/.history_of_mine"],
)
def test_a_file_that_is_only_named_is_not_read(home, line):
    """A history holds every line that was typed once, also those of an rc file."""
    write(home.path / ".history_of_mine", 'eval "$(hx init bash)"\n')
    home.bashrc.write_text(f"{line}\n")
    home.setup()
    assert rc_file.has_line(home.bashrc.read_bytes())


def test_the_rc_line_of_an_older_hx_in_a_file_that_is_read_is_not_doubled(home):
    write(home.path / ".bashrc.d/hx", ". ~/.local/share/hx/hook.bash\n")
    home.bashrc.write_text("for f in ~/.bashrc.d/*; do . $f; done\n")
    home.setup()
    assert home.hook.exists()
    assert not rc_file.has_line(home.bashrc.read_bytes())
