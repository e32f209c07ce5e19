"""Fake secrets: random ones of each kind, from a seed, in commands as people type them.

Prefixes are concatenated, so that no scanner takes a line of this file for a live secret.
"""

from __future__ import annotations

import base64
import json
import os
import random
import string
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SEED = 20_261_124
COMMANDS = os.path.join(
    os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
    "shared/data/commands.txt",
)
LETTERS = string.ascii_letters + string.digits
HEX = string.digits + "abcdef"
WORD = LETTERS + "_-"
BASE64 = LETTERS + "+/"
UPPER = string.ascii_uppercase + string.digits
BASE32 = string.ascii_uppercase + "234567"


class Sample(NamedTuple):
    """A command with a secret."""

    kind: str
    context: str
    command: str
    secret: str  # text that masking must remove: the secret, or a distinctive part of it


def _run(rng: random.Random, alphabet: str, count: int) -> str:
    return "".join(rng.choices(alphabet, k=count))


def _mixed(rng: random.Random, alphabet: str, count: int) -> str:
    """Return random characters, the last of which is a letter or a digit."""
    return _run(rng, alphabet, count - 1) + rng.choice([c for c in alphabet if c.isalnum()])


def _uuid(rng: random.Random) -> str:
    return "-".join(_run(rng, HEX, n) for n in (8, 4, 4, 4, 12))


def _jwt(rng: random.Random) -> str:
    def part(**claims: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")

    body = part(sub=_run(rng, string.digits, 10), iat=1_700_000_000)
    return f"{part(alg='HS256', typ='JWT')}.{body}.{_run(rng, WORD, 43)}"


def _discord(rng: random.Random) -> str:
    first = base64.b64encode(_run(rng, string.digits, 18).encode()).decode()
    return f"{first}.{_run(rng, LETTERS, 6)}.{_mixed(rng, WORD, 38)}"


def _pem(rng: random.Random) -> str:
    kind = rng.choice(["RSA ", "EC ", "OPENSSH ", ""])
    lines = "\n".join(_run(rng, BASE64, 64) for _ in range(6))
    edge = "-" * 5
    return f"{edge}BEGIN {kind}PRIVATE KEY{edge}\n{lines}\n{edge}END {kind}PRIVATE KEY{edge}"


def _fixed(prefix: str, alphabet: str, count: int, end: str = "") -> Callable[[random.Random], str]:
    return lambda rng: prefix + _mixed(rng, alphabet, count) + end


KINDS: dict[str, Callable[[random.Random], str]] = {
    "github": _fixed("gh" + "p_", LETTERS, 36),
    "github-server": _fixed("gh" + "s_", LETTERS, 36),
    "github-fine": _fixed("github" + "_pat_", LETTERS + "_", 82),
    "gitlab": _fixed("gl" + "pat-", WORD, 20),
    "aws-id": _fixed("AK" + "IA", BASE32, 16),
    "aws-temporary-id": _fixed("AS" + "IA", BASE32, 16),
    "aws-secret": _fixed("", BASE64, 40),
    "google-api": _fixed("AI" + "za", WORD, 35),
    "google-oauth": _fixed("ya" + "29.", WORD, 120),
    "google-client": _fixed("GOC" + "SPX-", WORD, 28),
    "azure-client": lambda rng: f"{_run(rng, LETTERS, 3)}8{'Q'}~{_mixed(rng, WORD, 34)}",
    "slack-bot": lambda rng: "xo" + f"xb-{_run(rng, '123456789', 12)}-{_run(rng, LETTERS, 24)}",
    "slack-app": lambda rng: (
        "xa" + f"pp-1-A{_run(rng, UPPER, 10)}-{_run(rng, string.digits, 12)}-{_run(rng, HEX, 64)}"
    ),
    "slack-hook": lambda rng: (
        "https://hooks.slack" + ".com/services/"
        f"T{_run(rng, UPPER, 8)}/B{_run(rng, UPPER, 8)}/{_run(rng, LETTERS, 24)}"
    ),
    "stripe": _fixed("sk" + "_live_", LETTERS, 24),
    "stripe-restricted": _fixed("rk" + "_test_", LETTERS, 99),
    "npm": _fixed("np" + "m_", LETTERS, 36),
    "pypi": _fixed("py" + "pi-AgEIcHlwaS5vcmc", WORD, 150),
    "rubygems": _fixed("ruby" + "gems_", HEX, 48),
    "docker": _fixed("dc" + "kr_pat_", WORD, 27),
    "openai": _fixed("s" + "k-", LETTERS, 48),
    "openai-project": _fixed("s" + "k-proj-", WORD, 120),
    "anthropic": _fixed("s" + "k-ant-api03-", WORD, 93, "AA"),
    "huggingface": _fixed("h" + "f_", string.ascii_letters, 34),
    "twilio": _fixed("S" + "K", HEX, 32),
    "sendgrid": lambda rng: "S" + f"G.{_mixed(rng, WORD, 22)}.{_mixed(rng, WORD, 43)}",
    "jwt": _jwt,
    "private-key": _pem,
    "age": _fixed("AGE-SECRET" + "-KEY-1", UPPER, 58),
    "telegram": lambda rng: f"{_run(rng, '123456789', 10)}:AA{_mixed(rng, WORD, 33)}",
    "discord": _discord,
    "digitalocean": _fixed("do" + "p_v1_", HEX, 64),
    "heroku": _fixed("HR" + "KU-AA", WORD, 58),
    "databricks": _fixed("da" + "pi", HEX, 32),
    "shopify": _fixed("sh" + "pat_", HEX, 32),
    "mailgun": _fixed("ke" + "y-", HEX, 32),
    "mailchimp": _fixed("", HEX, 32, "-us21"),
    "vault": _fixed("hv" + "s.", WORD, 90),
    "doppler": _fixed("dp" + ".pt.", LETTERS, 43),
    "linear": _fixed("lin" + "_api_", LETTERS, 40),
    "figma": _fixed("fi" + "gd_", WORD, 40),
    "notion": _fixed("nt" + "n_", LETTERS, 46),
    "notion-old": _fixed("sec" + "ret_", LETTERS, 43),
    "grafana": lambda rng: "gl" + f"sa_{_run(rng, LETTERS, 32)}_{_run(rng, HEX, 8)}",
    "newrelic": _fixed("NR" + "AK-", UPPER, 27),
    "planetscale": _fixed("ps" + "cale_tkn_", WORD, 43),
    "terraform": lambda rng: f"{_run(rng, LETTERS, 14)}.atlas" + f"v1.{_mixed(rng, WORD, 67)}",
    "pulumi": _fixed("pu" + "l-", HEX, 40),
    "sentry": _fixed("sn" + "trys_eyJ", BASE64, 120),
    "atlassian": _fixed("ATA" + "TT3xFfGF0", WORD, 180),
    "netlify": _fixed("nf" + "p_", LETTERS, 36),
    "supabase": _fixed("sb" + "p_", HEX, 40),
    "tailscale": lambda rng: (
        "ts" + f"key-auth-{_run(rng, LETTERS, 12)}CNTRL-{_run(rng, LETTERS, 32)}"
    ),
    "postman": lambda rng: "PM" + f"AK-{_run(rng, HEX, 24)}-{_run(rng, HEX, 34)}",
    "square": _fixed("sq" + "0csp-", WORD, 43),
    "airtable": lambda rng: "pa" + f"t{_run(rng, LETTERS, 14)}.{_run(rng, HEX, 64)}",
}
# Kinds without a form of their own, which the name before them reveals
NAMED = {
    "heroku-old": ("HEROKU_API_KEY", _uuid),
    "datadog": ("DD_API_KEY", lambda rng: _run(rng, HEX, 32)),
    "datadog-app": ("DD_APP_KEY", lambda rng: _run(rng, HEX, 40)),
    "azure-storage": ("AZURE_STORAGE_KEY", lambda rng: _run(rng, BASE64, 86) + "=="),
    "password": ("DB_PASSWORD", lambda rng: _mixed(rng, LETTERS + ".+%^*=#-_", 14)),
}

# @ is replaced by the secret, NAME and name by the name of the secret
CONTEXTS = {
    "argument": "deploy --region eu --name @",
    "assignment": "export NAME=@ && make deploy",
    "header": 'curl -sS -H "Authorization: Bearer @" https://api.example.com/v1',
    "url": "git clone https://ann:@\x40git.example.com/a/b.git",
    "json": """curl -d '{"user": "ann", "name": "@"}' api.example.com""",
    "heredoc": "cat >> .env <<'EOF'\nNAME=@\nDEBUG=1\nEOF",
}
# Commands without a name: a token is recognised by its form
BARE = {
    "argument": "deploy --region eu @ now",
    "assignment": "X=@ make deploy",
    "header": "curl -H 'X-Thing: @' https://api.example.com/v1",
    "url": "curl 'https://api.example.com/v1?t=@&n=1'",
    "json": """curl -d '{"a": ["@"], "b": 1}' api.example.com""",
    "heredoc": "cat <<'EOF' | deploy -\n@\nEOF",
}


def _sample(kind: str, context: str, secret_text: str, form: str, name: str) -> Sample:
    """Return a sample: the form of a command, with the secret in place of the @."""
    before, _, behind = form.partition("@")
    beginning = before.replace("NAME", name).replace("name", name.lower().replace("_", "-"))
    in_url = "://ann:" in before
    text = secret_text.replace("/", "%2F") if in_url else secret_text
    secret = text.split("\n")[2] if secret_text.startswith("-----") else text
    if not in_url:
        secret = secret.removeprefix("https://hooks.slack" + ".com/services/")
    return Sample(kind, context, beginning + text + behind, secret)


def samples(rounds: int = 3, seed: int = SEED) -> Iterator[Sample]:
    """Yield every kind of secret in every context, `rounds` times."""
    rng = random.Random(seed)
    for _ in range(rounds):
        for kind, make in KINDS.items():
            for context, form in BARE.items():
                yield _sample(kind, context, make(rng), form, "")
            for context, form in CONTEXTS.items():
                yield _sample(kind, f"named {context}", make(rng), form, "SERVICE_TOKEN")
        for kind, (name, make) in NAMED.items():
            for context, form in CONTEXTS.items():
                yield _sample(kind, f"named {context}", make(rng), form, name)


def real_commands() -> list[bytes]:
    """Return the commands in ../shared, or none if that folder is absent."""
    if not os.path.exists(COMMANDS):
        return []
    with open(COMMANDS, "rb") as file:
        return [line for line in file.read().split(b"\n") if line]
