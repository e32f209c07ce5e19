"""Redaction rules: secrets are masked wherever they occur, and other text is unchanged."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import fake_secrets
from hx.core.model import FINISHED, MAX_COMMAND_BYTES, REDACTED, Event, EventKey
from hx.core.redaction.rules import Rules

RULES = Rules()
X = "hunter2Zq"  # a password


def masked(text: str) -> str:
    return RULES.masked(text.encode()).decode()


def missed(sample: fake_secrets.Sample) -> bool:
    """Return whether the secret, or its end, is still in the text."""
    text = masked(sample.command)
    return sample.secret in text or sample.secret[-8:] in text


def test_at_least_98_of_100_secrets_are_masked():
    samples = list(fake_secrets.samples())
    not_masked = [sample[:2] for sample in samples if missed(sample)]
    assert len(not_masked) <= len(samples) * 0.02, not_masked
    assert {sample.kind for sample in samples} >= {*fake_secrets.KINDS, *fake_secrets.NAMED}


@pytest.mark.parametrize("kind", fake_secrets.KINDS)
def test_a_token_is_recognised_by_its_form_alone(kind):
    bare = [
        sample
        for sample in fake_secrets.samples()
        if sample.kind == kind and not sample.context.startswith("named")
    ]
    assert [sample.context for sample in bare if missed(sample)] == []


def test_at_most_one_of_200_real_commands_is_changed():
    commands = fake_secrets.real_commands()
    if not commands:
        pytest.skip("the folder ../shared is absent")
    changed = [command for command in commands if RULES.masked(command) != command]
    assert len(changed) <= len(commands) * 0.005


SHAPES = [
    "mysqladmin --password @ status",
    "restic --password='@' snapshots",
    "curl -u ann:@ https://example.com",
    'curl --user "ann:@" https://example.com',
    "curl -uann:@ https://example.com",
    "http -a ann:@ example.com",
    "mysql -u root -p@ db",
    "mysqldump -p'@' db | gzip",
    "PGPASSWORD=@ psql -h db",
    "export GH_TOKEN=@",
    "set -gx API_SECRET @",
    "sshpass -p @ ssh host",
    "sshpass -p'@' ssh host",
    "redis-cli -h db -a @ ping",
    "docker login -u ann -p @ registry.example.com",
    "podman login -p=@ quay.io",
    "skopeo copy --src-creds ann:@ docker://a dir:b",
    "curl -H 'Authorization: Bearer @' example.com",
    'curl -H "Authorization: Basic @" example.com',
    "curl -H 'X-Api-Key: @' example.com",
    "curl -H 'Cookie: sid=@' example.com",
    "psql postgres://ann:@@db/app",
    "curl 'https://example.com/?access_token=@&n=1'",
    """curl -d '{"password": "@"}' example.com""",
    r"""curl -d "{\"password\": \"@\"}" example.com""",
    "echo 'db_password: @' >> values.yaml",
    "echo @ | sudo -S true",
    "echo 'ann:@' | sudo chpasswd",
    "ldapsearch -x -D cn=admin -w @ -b dc=x",
    "openssl enc -aes256 -pass pass:@ -in a",
    "zip -P @ a.zip a",
    "7z a -p@ a.7z a",
    "ssh-keygen -t ed25519 -N @ -f k",
    "mongosh -u ann -p @",
    "smbclient //host/share -U ann%@",
    "vault login @",
    "kubectl create secret generic x --from-literal=k=@",
    "mysql -e \"CREATE USER a IDENTIFIED BY '@'\"",
    "aws configure set aws_secret_access_key @",
    "mount -t cifs //h/s /m -o username=ann,password=@,uid=1000",
    "bash -c \"mysql --password='@'\" && echo done",
    "gpg --batch --passphrase @ -d a.gpg",
    "cat <<EOF > .env\nDB_PASSWORD=@\nEOF",
]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_value_that_the_command_marks_as_secret_is_masked_and_the_rest_stays(shape):
    before, _, behind = shape.partition("@")
    text = masked(before + X + behind)
    assert X not in text
    assert text.endswith(behind.lstrip("'\"")) or "chpasswd" in text
    assert text.split()[0] == shape.replace("@", "").split()[0] or "=<redacted" in text
    assert "<redacted:" in text


@pytest.mark.parametrize(
    "command",
    [
        'curl -H "Authorization: Bearer $TOKEN" example.com',
        'mysql -p"${PASS}" db',
        "export GH_TOKEN=$(pass show github)",
        "restic --password-file ~/.restic-password snapshots",
        "docker login --password-stdin < ~/token",
        "mysql -p db < dump.sql",
        "git commit -m 'rotate the secret token of the password page'",
        "grep -rn password= src | cut -d= -f2",
        "kubectl get secret db-password -o yaml",
        "ssh-keygen -t ed25519 -f key",
        "curl http://localhost:8080/path@2x.png",
        "git clone ssh://git@example.com:22/a.git",
        "docker run -u 1000:1000 -p 8080:80 web",
        "cd $OLDPWD; PWD=/tmp make",
        "python train.py --max-tokens=100 --tokenizer x",
        'echo "password: " && read -s pw; echo "ok"',
        "mysql --password=<password>",
        "export API_KEY=xxxxxxxx",
        "git push origin 9b74c9897bac770ffc029102a200c5de9b74c989",
        "psql --no-password -h db",
        'test "$TOKEN" == abcdef',
    ],
)
def test_text_without_a_secret_stays(command):
    assert masked(command) == command


def test_each_line_of_a_private_key_is_masked():
    key = next(sample for sample in fake_secrets.samples() if sample.kind == "private-key")
    for line in key.command.split("\n"):
        if len(line) > 60:
            assert line.strip("' ") not in masked(key.command)
    assert masked(key.command).count("PRIVATE KEY-----") == 2


def test_a_mask_names_the_kind():
    token = fake_secrets.KINDS["github"](fake_secrets.random.Random(1))
    assert masked(f"gh auth --token {token}") == "gh auth --token <redacted:github-token>"
    assert masked(f"deploy --password {X}") == "deploy --password <redacted:password>"


@pytest.mark.parametrize(
    "text", ["<redacted:token> {}", "'<redacted: {}'", "{} <redacted", "<redacted:x {}>"]
)
def test_a_mask_beside_a_secret_does_not_protect_it_from_masking(text):
    assert X not in masked(text.format(f"A_TOKEN={X}"))


def text_with_names():
    words = st.sampled_from(
        ["password", "=", ":", '"', "'", " ", "--token", "-p", "-u", "mysql", "curl", "a:b", "@",
         "://", "$", "\\", "<redacted:x>", "<redacted", "xY9" * 8, "ghp_" + "a1B2" * 10, "\n",
         "echo", "|", "sudo -S", "<<<", "set -x", "-----BEGIN PRIVATE KEY-----", "key", "(", "`",
         "Authorization", "Bearer", "AKIA" + "Q7" * 8, "\x00", "é"]
    )  # fmt: skip
    return st.lists(words | st.text(max_size=4), max_size=14).map("".join).map(str.encode)


@given(text_with_names() | st.binary(max_size=200))
@example(b'password="<redacted:x>')
@example(b"token='a'\\''b")
def test_masking_is_idempotent(text):
    once = RULES.masked(text)
    assert RULES.masked(once) == once
    assert len(once) <= max(len(text), MAX_COMMAND_BYTES)


@pytest.mark.parametrize("unit", ["PASSWORD=q ", "curl -u a:b ", "https://a:b@c ", "a -p"])
def test_a_megabyte_of_secrets_stays_within_the_length_of_a_command(unit):
    text = (unit * MAX_COMMAND_BYTES)[:MAX_COMMAND_BYTES].encode()
    assert len(RULES.masked(text)) <= MAX_COMMAND_BYTES


def event(command: bytes, flags: int = FINISHED) -> Event:
    return Event(EventKey(1, bytes(16), bytes(16), 1), command, b"/", flags=flags)


def test_a_masked_event_is_flagged_and_another_is_the_same_object():
    plain = event(b"git status")
    assert RULES.judged(plain) is plain
    judged = RULES.judged(event(b"export A_TOKEN=" + X.encode()))
    assert judged == event(b"export A_TOKEN=<redacted:token>", FINISHED | REDACTED)


def test_masking_can_be_switched_off():
    off = Rules(own={"door": "door"}, redact=False)
    assert off.masked(b"A_TOKEN=abc door") == b"A_TOKEN=abc door"


@pytest.mark.parametrize(
    "unit",
    ["password ", " pass", "curl -u ", "7z -p7z -p", "://a:", "echo a | sudo ", "<<< --stdin \\",
     "ghp_", "eyJ-", "-----BEGIN PRIVATE KEY-----\nabcdefgh", "A1b2-", "token='", 'key="\\"']
)  # fmt: skip
def test_the_cost_of_masking_is_linear_in_the_length(unit):
    def cost_s(count: int) -> float:
        text = (unit * count)[:count].encode()
        started = time.process_time()
        RULES.masked(text)
        return time.process_time() - started

    cost_s(1 << 10)  # compiles the expressions
    ratio = min(cost_s(1 << 17) / max(cost_s(1 << 14), 1e-4) for _ in range(3))
    assert ratio < 30  # 8 would be linear, 64 quadratic


SAMPLES = [sample.command.encode() for sample in fake_secrets.samples()]


@given(st.lists(st.sampled_from(SAMPLES), max_size=5), st.lists(st.binary(max_size=60), max_size=5))
def test_rules_for_many_commands_mask_each_as_a_single_one(samples, random_texts):
    rules, texts = Rules(), [*samples, *random_texts]
    together = rules.for_these(texts)
    assert [together.masked(text) for text in texts] == [rules.masked(text) for text in texts]
