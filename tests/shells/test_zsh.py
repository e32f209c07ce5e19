"""Tests of zsh alone: its options, its hook arrays and its history settings."""

import os
import re
import signal
import stat
import subprocess
import time

import pytest

from shells.spool_records import (
    commands,
    is_drained_at_start,
    processes_of,
    records,
    records_of,
    spool_on_a_disk_of,
)
from shells.terminal import hook

SECRET = "hunter2"


def test_a_header_has_the_facts_of_the_session(home):
    terminal = home.open("zsh")
    terminal.run("true one")
    [file] = home.spool_files()
    [header] = records(home, "H")
    session = header["s"].decode()
    assert file.name == f"{session}.0"
    assert re.fullmatch("[0-9a-f]{32}", session)
    assert int(session[:16], 16) == int(header["b"])
    assert abs(int(header["b"]) / 1e6 - time.time()) < 60
    assert (header["g"], header["S"]) == (b"0", b"zsh")
    assert int(header["P"]) == terminal.pid
    assert int(header["Q"]) == os.getpid()
    assert header["d"] == str(home.path).encode()
    assert header["h"] == os.uname().nodename.encode()
    assert header["T"].startswith(b"/dev/")
    assert all(header[tag] for tag in "VuL")


@pytest.mark.parametrize("options", ["hist_reduce_blanks", "hist_reduce_blanks hist_ignore_space"])
@pytest.mark.parametrize("blank", [b" ", b"\x16\t"])  # (Ctrl-V takes the tab as it is)
def test_a_leading_blank_that_zsh_removes_keeps_the_line_private(home, options, blank):
    terminal = home.open("zsh", before=f"setopt {options}")
    terminal.run(blank + b"echo " + SECRET.encode())
    terminal.run("echo  two   blanks")
    assert SECRET.encode() not in home.spool_bytes()
    assert commands(home) == ["echo  two   blanks"]


def test_a_line_is_private_if_its_first_character_is_unknown(home):
    terminal = home.open("zsh", after="setopt hist_reduce_blanks; zshaddhistory_functions=()")
    terminal.run(f" echo {SECRET}")
    assert SECRET.encode() not in home.spool_bytes()


@pytest.mark.parametrize(
    "setting",
    [
        "",
        "HISTSIZE=0",
        "unset HISTFILE HISTSIZE SAVEHIST",
        "zshaddhistory() { return 1 }",
        "zshaddhistory() { return 2 }",
        "zshaddhistory() { print -sr -- changed; fc -p }",
        "setopt hist_ignore_all_dups hist_no_store hist_no_functions",
        "zshaddhistory_functions=()",
        "fc -p",
        "unsetopt zle",
    ],
)
def test_the_typed_text_is_recorded_whatever_the_history_settings_of_zsh(home, setting):
    terminal = home.open("zsh", before="alias say='echo said'", after=setting)
    lines = ["say  it   twice", "say  it   twice", "f() { true; }", "fc -l"]
    for line in lines:
        terminal.run(line)
    assert commands(home) == lines


def test_history_expansion_is_recorded_as_the_line_that_ran(home):
    terminal = home.open("zsh")
    terminal.run("true one")
    terminal.run("!! two")
    assert commands(home) == ["true one", "true one two"]


def test_a_pasted_text_is_one_event(home):
    terminal = home.open("zsh")
    terminal.run(b"\x1b[200~true one\ntrue two\n  true three\x1b[201~")
    terminal.run(b"\x1b[200~\ntrue four\x1b[201~")
    assert commands(home) == ["true one\ntrue two\n  true three", "\ntrue four"]


def test_invalid_utf_8_is_recorded(home):
    terminal = home.open("zsh", after="unsetopt zle")  # zle would replace them by question marks
    terminal.run(b"true '\xe9\xff\xc3'")
    assert records(home, "S")[0]["c"] == b"true '\xe9\xff\xc3'"


def test_control_characters_are_recorded(home):
    terminal = home.open("zsh")
    terminal.run(b"true '\x16\t\x16\x1b[31m\x16\x01\x16\x7f'")
    assert records(home, "S")[0]["c"] == b"true '\t\x1b[31m\x01\x7f'"


def test_a_nul_cannot_forge_a_record(home):
    terminal = home.open("zsh")
    terminal.run(b"true '\x16\x00\x16\x00HX1S'")
    assert commands(home) == ["true '^@^@HX1S'"]


def test_an_alias_of_hx_forget_is_not_recorded(home):
    terminal = home.open("zsh", before="hx() { : }; alias f='hx forget --match'")
    terminal.run(f"f {SECRET}")
    terminal.run(f'"hx" forg""et; hx \\\n forget {SECRET}'.replace("\n", "\r"))
    terminal.run(f"hx --verbose forget {SECRET}")
    terminal.run("true two")
    assert SECRET.encode() not in home.spool_bytes()
    assert commands(home) == ["true two"]


def test_a_long_text_with_the_words_of_hx_forget_does_not_end_the_shell(home):
    terminal = home.open("zsh")
    terminal.run("big=${(l:1000000::a hx :)}")
    terminal.run('__hx_preexec "$big" "$big" "$big"; true after')
    terminal.run('__hx_preexec "$big forget" "$big" "$big"; true after')
    texts = records(home, "S")
    assert len([fields for fields in texts if len(fields["c"]) == 1_000_000]) == 1
    terminal.run("true alive")


def test_a_line_keeps_only_the_statuses_of_its_own_pipeline(home):
    terminal = home.open("zsh", before="alias -g T='| true'")
    lines = ["false | true", "x=1", "[[ a ]]", "true | true &!", "x='a|b'", "true || true"]
    for line in [*lines, "false T", "false |& true"]:
        terminal.run(line)
    statuses = [fields["p"] for fields in records(home, "E")]
    assert statuses == [b"1 0", b"0", b"0", b"0", b"0", b"0", b"1 0", b"1 0"]


HOSTILE_SETTINGS = """
print() { echo print } ; zf_chmod() { echo zf_chmod } ; sysopen() { echo sysopen }
setopt ksh_arrays no_unset err_return no_clobber posix_builtins posix_identifiers posix_traps
setopt sh_word_split glob_subst csh_null_glob warn_create_global warn_nested_var c_bases
setopt ksh_zero_subscript octal_zeroes debug_before_cmd no_multibyte rc_expand_param sh_glob
setopt typeset_silent interactive_comments ksh_glob magic_equal_subst pipe_fail case_match
setopt no_function_argzero hist_reduce_blanks null_glob all_export ksh_typeset no_equals no_glob
IFS=0123456789
alias print=false read=false local=false typeset=false zmodload=false emulate=false trap=false
alias sysread=false sysopen=false zf_chmod=false exec=false
hx_test_n=0
"""


def test_no_option_alias_or_function_breaks_the_hook_or_makes_it_print(home):
    terminal = home.open("zsh", before=HOSTILE_SETTINGS)
    for line in ["true one", "setopt xtrace err_exit", "true two", f" true {SECRET}", "true three"]:
        terminal.run(line)
    screen = [line for line in terminal.screen() if not re.match(r"<\d+:|\+", line)]
    assert screen == []
    assert "__hx" not in "".join(terminal.screen())
    assert commands(home) == ["true one", "setopt xtrace err_exit", "true two", "true three"]
    assert {fields["x"] for fields in records(home, "E")} == {b"0"}


def test_arithmetic_in_floating_point_changes_no_number(home):
    # the prompt has no counter here, since it would become a fraction too
    terminal = home.open("zsh", after="setopt force_float; PS1='<$hx_test_pid:%!> '; true")
    terminal.run("true one")
    [start] = records(home, "S")
    assert start["n"].isdigit()
    assert start["b"].isdigit()


def test_only_the_session_is_exported(home):
    terminal = home.open("zsh", before="setopt all_export", after="unsetopt all_export")
    terminal.run("true one")
    terminal.run("env > environment")
    names = re.findall(r"^(\w*hx_\w+)=", (home.path / "environment").read_text(), re.MULTILINE)
    assert [name for name in names if not name.startswith("hx_test")] == []
    assert f"HX_SESSION={home.spool_files()[0].stem}\n" in (home.path / "environment").read_text()


OTHER_HOOKS_BEFORE = """
a_precmd() { a_saw="$? $pipestatus $_" }; a_preexec() { : }
precmd_functions+=(a_precmd); preexec_functions+=(a_preexec)
precmd() { : }; preexec() { : }
"""
OTHER_HOOKS_AFTER = """
b_precmd() { b_saw="$? $pipestatus $_" }; b_preexec() { : }
precmd_functions=(b_precmd $precmd_functions); preexec_functions+=(b_preexec)
"""


def test_the_hook_runs_first_before_the_prompt_and_last_before_the_command(home):
    terminal = home.open("zsh", before=OTHER_HOOKS_BEFORE, after=OTHER_HOOKS_AFTER)
    terminal.run("false | (exit 4)")
    seen = terminal.run('echo "($a_saw) ($b_saw)"')
    assert "(4 1 4 ) (4 1 4 )" in seen
    terminal.run("echo $precmd_functions[1,3] $preexec_functions[-3,-1] > order")
    order = (home.path / "order").read_text().split()
    assert order == ["__hx_precmd", "b_precmd", "a_precmd", "a_preexec", "b_preexec",
                     "__hx_preexec"]  # fmt: skip
    assert [fields["p"] for fields in records(home, "E")] == [b"1 4", b"0", b"0"]


def test_after_a_reset_of_one_hook_array_the_hook_is_added_again(home):
    terminal = home.open("zsh", after="precmd_functions=()")
    lines = ["true one", "preexec_functions=()", "true three", "zshaddhistory_functions=()"]
    for line in [*lines, "say  five", "say  six"]:
        terminal.run(line)
    assert [line for line, _ in home.statuses()] == [*lines, "say  five", "say  six"]
    assert {status for _, status in home.statuses()} == {0, 127}


def test_loading_twice_keeps_the_session_and_the_order(home):
    terminal = home.open("zsh", after=f"true;\n{hook('zsh', str(home.hx_home))}")
    terminal.run("true one")
    terminal.run("echo ${(M)precmd_functions:#__hx*} ${(M)zshaddhistory_functions:#__hx*} > n")
    assert (home.path / "n").read_text() == "__hx_precmd __hx_zshaddhistory\n"
    assert len(home.spool_files()) == 1
    assert len(commands(home)) == 2


def test_the_rest_of_the_rc_file_runs_after_the_hook(home):
    home.open("zsh", load="eval \"$(print 'false')\"; " + hook("zsh", str(home.hx_home)),
              after="touch went-on")  # fmt: skip
    assert (home.path / "went-on").exists()


def test_subshells_never_write(home):
    terminal = home.open("zsh")
    terminal.run("(__hx_zshaddhistory x; __hx_preexec x x x; __hx_precmd; __hx_zshexit)")
    terminal.run("x=$(__hx_preexec y y y)")
    terminal.run("(exit 3)")
    assert len(records(home, "S")) == len(records(home, "E")) == 3
    assert records(home, "X") == []


@pytest.mark.parametrize("trap", ["trap 'seen+=.' DEBUG", "TRAPDEBUG() { seen+=. }"])
def test_a_debug_trap_does_not_run_for_the_lines_of_the_hook(home, trap):
    terminal = home.open("zsh", after=f"seen=; {trap}")
    terminal.run("true one")
    terminal.run("trap - DEBUG; [[ $#seen -lt 20 ]] && echo f''ew")
    assert "few" in terminal.screen()


def test_an_exec_of_another_zsh_is_a_start_without_an_end_and_a_new_session(home):
    terminal = home.open("zsh")
    terminal.run("true one")
    terminal.run("hx_test_n=100 exec zsh")
    terminal.run("true two")
    assert home.statuses() == [("true one", 0), ("hx_test_n=100 exec zsh", None), ("true two", 0)]
    assert len({event["session_id"] for event in home.events()}) == 2


@pytest.mark.parametrize("end", ["exec true", "kill -9 $$"])
def test_a_shell_that_ends_at_once_leaves_a_start_without_an_end(home, end):
    terminal = home.open("zsh")
    terminal.run("true one")
    terminal.leave(end)
    assert commands(home) == ["true one", end]
    assert len(records(home, "E")) == 1
    assert records(home, "X") == []


def test_the_end_of_the_shell_is_recorded(home):
    terminal = home.open("zsh")
    terminal.run("true one")
    terminal.type(b"\x04")  # Ctrl-D
    terminal.wait()
    [end] = records(home, "X")
    assert int(end["e"]) >= int(records(home, "E")[0]["e"])


def test_a_hangup_is_recorded_as_the_end_of_the_shell(home):
    terminal = home.open("zsh")
    terminal.type("sh -c 'echo re\"\"ady; exec sleep 30'\r")
    terminal.until(b"ready")
    os.kill(terminal.pid, signal.SIGHUP)
    terminal.wait()
    assert len(records(home, "S")) == len(records(home, "X")) == 1
    assert records(home, "E") == []


def test_a_new_generation_begins_after_4096_commands_or_4_mib(home):
    terminal = home.open("zsh", before="umask 022")
    terminal.run("true one")
    terminal.run("__hx_commands=4096")
    terminal.run("true three")
    terminal.run("__hx_bytes=$((4 << 20))")
    terminal.run("true five")
    by_file = [[fields["n"] for fields in records_of(file, "S")] for file in home.spool_files()]
    assert by_file == [[b"1", b"2"], [b"3", b"4"], [b"5"]]
    assert [fields["g"] for fields in records(home, "H")] == [b"0", b"1", b"2"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in home.spool_files()} == {0o600}
    assert "022" in terminal.run("umask")


def test_recording_stops_while_sixteen_generations_wait(home):
    terminal = home.open("zsh")
    terminal.run("true one")
    for _ in range(16):
        terminal.run("__hx_commands=4096")
    assert len(home.spool_files()) == 16
    terminal.run("__hx_commands=4096")
    terminal.run(f"echo {SECRET}")
    assert len(home.spool_files()) == 16
    assert SECRET.encode() not in home.spool_bytes()
    next(file for file in home.spool_files() if file.suffix == ".0").unlink()
    terminal.run("true again")
    assert commands(home).count("true again") == 1
    numbers = sorted(int(fields["n"]) for fields in records(home, "S"))
    assert numbers == list(range(3, 19))


def test_only_the_owner_may_read_the_files_even_under_umask_777(home):
    terminal = home.open("zsh", before="umask 777")
    terminal.run("true one")
    assert stat.S_IMODE(home.spool.stat().st_mode) == 0o700
    assert [stat.S_IMODE(file.stat().st_mode) for file in home.spool_files()] == [0o600]


def test_a_limit_on_the_size_of_files_does_not_end_the_shell(home):
    terminal = home.open("zsh")
    terminal.run("ulimit -f 1; true")
    for _ in range(5):
        terminal.run("true " + "x" * 200)
    assert [line for line in terminal.screen() if "limit" in line and "ulimit" not in line] == []


def test_on_a_disk_without_space_for_the_header_no_file_is_left(home):
    with spool_on_a_disk_of(home, kibibytes=4) as filler:
        filler.write_bytes(b"x" * 4096)
        terminal = home.open("zsh")
        terminal.run("true one")
        filler.unlink()
        terminal.run("true two")
        assert home.spool_bytes().startswith(b"\0HX1H\0")
        assert commands(home) == ["true two"]
        assert len(terminal.screen()) == 3


def test_recording_a_command_starts_no_process(home):
    with processes_of(home, "zsh") as count:
        for line in ["true one", " true two", "(exit 3)", "x=1", "true five"]:
            count.terminal.run(line)
    assert count.processes == 1  # (exit 3), by zsh itself


@pytest.mark.parametrize(("kibibytes", "patience_s", "runs"), [(100, 0.5, False), (2000, 30, True)])
def test_a_new_shell_has_a_large_spool_drained_in_the_background(home, kibibytes, patience_s, runs):
    assert is_drained_at_start(home, "zsh", kibibytes, patience_s) == runs


def test_no_variable_of_the_hook_is_taken_from_the_environment(home):
    names = ("dir", "file", "pause", "seq", "session", "generation", "begin_us", "bytes")
    terminal = home.open("zsh", env={f"__hx_{name}": "../evil" for name in names})
    terminal.run("true one")
    assert home.statuses() == [("true one", 0)]
    terminal.run("env > environment")
    assert "__hx" not in (home.path / "environment").read_text()


def test_root_makes_no_folder_in_the_home_of_another_user(home):
    try:
        os.chown(home.path, 12345, 12345)
    except PermissionError:
        pytest.skip("macOS only: the home of another user takes root to make")
    home.open("zsh").run("true one")
    assert not home.hx_home.exists()


def test_a_restricted_shell_records_nothing_and_prints_nothing(home):
    terminal = home.open("zsh", "-r")
    terminal.run("true one")
    terminal.run("true two")
    assert len(terminal.screen()) == 3
    assert home.spool_files() == []


def test_zsh_without_modules_is_not_recorded(home):
    terminal = home.open("zsh", before="module_path=(/nowhere)")
    seen = terminal.run("echo $+functions[__hx_preexec]")
    loaded = subprocess.run(
        ["zsh", "-fc", "module_path=(/nowhere); zmodload zsh/datetime zsh/system"],
        capture_output=True,
        check=False,
    )
    assert ("\r\n0" in seen) == (loaded.returncode != 0)
