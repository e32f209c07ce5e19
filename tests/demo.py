"""`make demo`: a real bash on a pseudo-terminal, recorded, searched, and made to forget.

Every step is shown and checked; the first failed check ends the demo with exit code 1.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import pexpect

HX = os.path.join(os.path.dirname(sys.executable), "hx")
PROMPT = "ready> "
SECRET = "hunter2-in-clear"


class Demo:
    """One device: a home folder with one recorded shell."""

    def __init__(self, home: str, name: str) -> None:
        self.home = os.path.join(home, name)
        self.name = name
        os.mkdir(self.home)
        self.environment = {
            "HOME": self.home,
            "HX_HOME": os.path.join(self.home, "hx"),
            "LANG": "C.UTF-8",
            "PATH": f"{os.path.dirname(HX)}:{os.environ['PATH']}",
            "TERM": "dumb",
            "USER": "ann",
        }
        with open(os.path.join(self.home, ".bashrc"), "w", encoding="utf-8") as file:
            file.write(f"PS1='{PROMPT}'; PS2=\neval \"$(hx init bash)\"\n")
        self.bash = pexpect.spawn(
            "bash",
            ["-i"],
            env=self.environment,
            cwd=self.home,
            encoding="utf-8",
            timeout=20,
            dimensions=(50, 120),
            echo=False,
        )
        self.bash.expect_exact(PROMPT)

    def type(self, line: str) -> str:
        """Type a line in the shell; return what it printed."""
        self.bash.sendline(line)
        self.bash.expect_exact(PROMPT)
        printed = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "", self.bash.before)
        output = printed.removeprefix(line).lstrip("\n").rstrip()
        print(f"{self.name}$ {line}" + (f"\n{output}" if output else ""))
        return output

    def find(self, *words: str) -> list[dict[str, object]]:
        """Return the events that `hx find` returns, from outside the shell."""
        result = subprocess.run(
            [HX, "find", "--json", *words], env=self.environment, capture_output=True, check=False
        )
        events: list[dict[str, object]] = json.loads(result.stdout)
        return events

    def bytes_on_disk(self) -> bytes:
        """Return the bytes of all files of hx."""
        return bytes_in(self.environment["HX_HOME"])


def check(claim: str, holds: object) -> None:
    """Print whether a claim holds; end the demo if it does not."""
    print(f"  {'ok' if holds else 'FAILED'}: {claim}", file=sys.stderr)
    if not holds:
        raise SystemExit(f"demo: {claim}: that does not hold")


def chapter(title: str) -> None:
    print(f"\n== {title}", flush=True)


def record(demo: Demo) -> None:
    chapter("A shell is recorded")
    demo.type("mkdir -p project && cd project")
    demo.type("echo 'int main(void) { return x; }' > main.c")
    demo.type("grep -q 'return 0' main.c")
    demo.type("sed -i 's/return x/return 0/' main.c")
    demo.type("grep -q 'return 0' main.c")
    demo.type(f" export TOKEN={SECRET}")
    demo.type("false | true")
    events = {str(event["command"]): event for event in demo.find("--reverse")}
    check("every command is found", len(demo.find("--all")) == 6)
    check("with its exit status", events["false | true"]["pipestatus"] == [1, 0])
    check("and its directory", str(events["false | true"]["cwd"]).endswith("/project"))
    check(
        "a line that began with a blank never reached the disk",
        SECRET.encode() not in demo.bytes_on_disk(),
    )


def look(demo: Demo) -> None:
    chapter("What failed, and what fixed it")
    output = demo.type("hx last")
    check("`hx last` shows the failure and its fix", "grep -q" in output and "sed -i" in output)
    chapter("Any text finds its commands")
    output = demo.type("hx find 'return 0'")
    check("`hx find` takes punctuation as text", output.count("return 0") >= 3)
    output = demo.type("hx find --failed")
    check("failures alone", "✗1" in output and "mkdir" not in output)


def forget(demo: Demo) -> None:
    chapter("Forgotten means gone")
    demo.type("echo my password is correct-horse")
    check("it was recorded", demo.find("correct-horse"))
    demo.type("hx forget --match correct-horse --yes")
    check("`hx find` knows nothing of it", not demo.find("correct-horse"))
    check("no byte of it is left in any file of hx", b"correct-horse" not in demo.bytes_on_disk())


def bytes_in(folder: str) -> bytes:
    """Return the names and contents of all files in a folder."""
    content = b""
    for inside, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(inside, name), "rb") as file:
                content += name.encode() + file.read()
    return content


def sync(laptop: Demo, desktop: Demo, folder: str) -> None:
    chapter("Two devices, one folder, no server")
    store = os.path.join(folder, "store")
    os.mkdir(store)
    desktop.type("echo typed on the desktop")
    place = f"--store folder:{store} --custody file"
    laptop.type(f"hx sync init {place} --name laptop --yes --no-auto")
    output = laptop.type("hx sync invite --json > code.json; cat code.json")
    code = json.loads(output)["code"]
    with open(os.path.join(desktop.home, "code"), "w", encoding="utf-8") as file:
        file.write(code)
    desktop.type(f"hx sync join {place} --name desktop --code-file code --no-auto")
    laptop.type("hx sync")
    check("what was typed on the desktop is found on the laptop", laptop.find("on the desktop"))
    events = desktop.find("grep -q")
    check("and the other way round, with its outcome", events and events[-1]["exit_status"] == 1)
    check("named by its device", events and events[0]["device"] == "laptop")
    check("the folder shows nothing of it", b"grep" not in bytes_in(store))

    chapter("Forgotten on one device, gone on all")
    desktop.type("hx forget --match 'on the desktop' --yes")
    desktop.type("hx sync")
    laptop.type("hx sync")
    check("the laptop has forgotten it too", not laptop.find("typed on the desktop"))
    check("no byte of it is left there", b"typed on the desktop" not in laptop.bytes_on_disk())


def main() -> None:
    if not shutil.which("bash"):
        raise SystemExit("demo: this demo needs bash")
    with tempfile.TemporaryDirectory(prefix="hx-demo-") as folder:
        laptop, desktop = Demo(folder, "laptop"), Demo(folder, "desktop")
        try:
            record(laptop)
            look(laptop)
            forget(laptop)
            sync(laptop, desktop, folder)
        finally:
            laptop.bash.close(force=True)
            desktop.bash.close(force=True)
    print("\ndemo: every check passed")


main()
