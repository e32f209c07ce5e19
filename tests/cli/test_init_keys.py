"""The keys of a shell that open the picker, by the settings and by the options of `hx init`."""

import pytest

SHELLS = ("bash", "zsh", "fish")
BINDING_CODE = {
    "bash": "for __hx_key in {}; do",
    "zsh": "for __hx_key in {}; do",
    "fish": "contains up {};",
}


def bound_keys(machine, shell, *options):
    """Return the keys that a hook binds to the picker; an empty text if it binds none."""
    text = machine.hx("init", shell, *options).out
    for bound in ("ctrl-r up", "ctrl-r", "up"):
        if BINDING_CODE[shell].format(bound) in text:
            return bound
    assert "pick" not in text
    return ""


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("settings", "options", "bound"),
    [
        ("", [], "ctrl-r"),
        ("", ["--no-ctrl-r"], ""),
        ("", ["--up-arrow"], "ctrl-r up"),
        ("", ["--up-arrow", "--no-ctrl-r"], "up"),
        ("picker_ctrl_r = false", [], ""),
        ("picker_up_arrow = true", [], "ctrl-r up"),
    ],
)
def test_a_hook_binds_the_keys_of_the_settings_and_options(
    machine, shell, settings, options, bound
):
    machine.home.mkdir(exist_ok=True)
    (machine.home / "config.toml").write_text(settings + "\n")
    assert bound_keys(machine, shell, *options) == bound


def test_hook_files_follow_the_settings(machine):
    (machine.cwd / ".bashrc").write_text("")
    assert machine.hx("setup", "--shell", "bash", "--yes", "--no-import").code == 0
    hook = machine.home / "hook.bash"
    assert "__hx_pick" in hook.read_text()
    (machine.home / "config.toml").write_text("picker_ctrl_r = false\n")
    assert machine.hx("status").code == 0
    assert "__hx_pick" not in hook.read_text()
