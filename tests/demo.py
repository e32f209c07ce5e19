"""`make demo`: a real bash on a pseudo-terminal, recorded, searched, and made to forget.

Every step is shown and checked; the first one that is off ends the demo with exit code 1.
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
    """One device: a home folder, and one recorded shell in it."""

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
        """A line typed in the shell; gives what it printed."""
        self.bash.sendline(line)
        self.bash.expect_exact(PROMPT)
        printed = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "", self.bash.before)
        said = printed.removeprefix(line).lstrip("\n").rstrip()
        print(f"{self.name}$ {line}" + (f"\n{said}" if said else ""))
        return said

    def find(self, *words: str) -> list[dict[str, object]]:
        """What hx knows, from outside the shell."""
        answer = subprocess.run(
            [HX, "find", "--json", *words], env=self.environment, capture_output=True, check=False
        )
        found: list[dict[str, object]] = json.loads(answer.stdout)
        return found

    def bytes_on_disk(self) -> bytes:
        """Every byte that hx keeps."""
        return bytes_in(self.environment["HX_HOME"])


def check(claim: str, holds: object) -> None:
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
    found = {str(event["command"]): event for event in demo.find("--reverse")}
    check("every command is found", len(demo.find("--all")) == 6)
    check("with its exit status", found["false | true"]["pipestatus"] == [1, 0])
    check("and its directory", str(found["false | true"]["cwd"]).endswith("/project"))
    check(
        "a line that began with a blank never reached the disk",
        SECRET.encode() not in demo.bytes_on_disk(),
    )


def look(demo: Demo) -> None:
    chapter("What failed, and what fixed it")
    said = demo.type("hx last")
    check("`hx last` shows the failure and its fix", "grep -q" in said and "sed -i" in said)
    chapter("Any text finds its commands")
    said = demo.type("hx find 'return 0'")
    check("`hx find` takes punctuation as text", said.count("return 0") >= 3)
    said = demo.type("hx find --failed")
    check("failures alone", "✗1" in said and "mkdir" not in said)


def forget(demo: Demo) -> None:
    chapter("Forgotten means gone")
    demo.type("echo my password is correct-horse")
    check("it was recorded", demo.find("correct-horse"))
    demo.type("hx forget --match correct-horse --yes")
    check("`hx find` knows nothing of it", not demo.find("correct-horse"))
    check("no byte of it is left in any file of hx", b"correct-horse" not in demo.bytes_on_disk())


def bytes_in(folder: str) -> bytes:
    found = b""
    for inside, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(inside, name), "rb") as file:
                found += name.encode() + file.read()
    return found


def sync(laptop: Demo, desktop: Demo, folder: str) -> None:
    chapter("Two devices, one folder, no server")
    store = os.path.join(folder, "store")
    os.mkdir(store)
    desktop.type("echo typed on the desktop")
    place = f"--store folder:{store} --custody file"
    laptop.type(f"hx sync init {place} --name laptop --yes")
    said = laptop.type("hx sync invite --json > code.json; cat code.json")
    code = json.loads(said)["code"]
    with open(os.path.join(desktop.home, "code"), "w", encoding="utf-8") as file:
        file.write(code)
    desktop.type(f"hx sync join {place} --name desktop --code-file code")
    laptop.type("hx sync")
    check("what was typed on the desktop is found on the laptop", laptop.find("on the desktop"))
    found = desktop.find("grep -q")
    check("and the other way round, with its outcome", found and found[-1]["exit_status"] == 1)
    check("named by its device", found and found[0]["device"] == "laptop")
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
    print("\ndemo: everything held")


main()
