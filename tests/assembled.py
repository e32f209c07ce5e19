"""Secrets that are none: each kind assembled by chance from a seed, in the places they stand in.

Prefixes are put together here, so that no file holds what a scanner takes for a live secret.
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
    kind: str
    context: str
    command: str
    secret: str  # what must not be left; of a long one a part that tells


def _run(chance: random.Random, alphabet: str, count: int) -> str:
    return "".join(chance.choices(alphabet, k=count))


def _mixed(chance: random.Random, alphabet: str, count: int) -> str:
    """Ends in a letter or digit, as generated keys do where it matters."""
    return _run(chance, alphabet, count - 1) + chance.choice([c for c in alphabet if c.isalnum()])


def _uuid(chance: random.Random) -> str:
    return "-".join(_run(chance, HEX, n) for n in (8, 4, 4, 4, 12))


def _jwt(chance: random.Random) -> str:
    def part(**claims: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")

    body = part(sub=_run(chance, string.digits, 10), iat=1_700_000_000)
    return f"{part(alg='HS256', typ='JWT')}.{body}.{_run(chance, WORD, 43)}"


def _discord(chance: random.Random) -> str:
    first = base64.b64encode(_run(chance, string.digits, 18).encode()).decode()
    return f"{first}.{_run(chance, LETTERS, 6)}.{_mixed(chance, WORD, 38)}"


def _pem(chance: random.Random) -> str:
    kind = chance.choice(["RSA ", "EC ", "OPENSSH ", ""])
    lines = "\n".join(_run(chance, BASE64, 64) for _ in range(6))
    edge = "-" * 5
    return f"{edge}BEGIN {kind}PRIVATE KEY{edge}\n{lines}\n{edge}END {kind}PRIVATE KEY{edge}"


def _fixed(prefix: str, alphabet: str, count: int, end: str = "") -> Callable[[random.Random], str]:
    return lambda chance: prefix + _mixed(chance, alphabet, count) + end


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
    "azure-client": lambda c: f"{_run(c, LETTERS, 3)}8{'Q'}~{_mixed(c, WORD, 34)}",
    "slack-bot": lambda c: "xo" + f"xb-{_run(c, '123456789', 12)}-{_run(c, LETTERS, 24)}",
    "slack-app": lambda c: (
        "xa" + f"pp-1-A{_run(c, UPPER, 10)}-{_run(c, string.digits, 12)}-{_run(c, HEX, 64)}"
    ),
    "slack-hook": lambda c: (
        "https://hooks.slack" + ".com/services/"
        f"T{_run(c, UPPER, 8)}/B{_run(c, UPPER, 8)}/{_run(c, LETTERS, 24)}"
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
    "sendgrid": lambda c: "S" + f"G.{_mixed(c, WORD, 22)}.{_mixed(c, WORD, 43)}",
    "jwt": _jwt,
    "private-key": _pem,
    "age": _fixed("AGE-SECRET" + "-KEY-1", UPPER, 58),
    "telegram": lambda c: f"{_run(c, '123456789', 10)}:AA{_mixed(c, WORD, 33)}",
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
    "grafana": lambda c: "gl" + f"sa_{_run(c, LETTERS, 32)}_{_run(c, HEX, 8)}",
    "newrelic": _fixed("NR" + "AK-", UPPER, 27),
    "planetscale": _fixed("ps" + "cale_tkn_", WORD, 43),
    "terraform": lambda c: f"{_run(c, LETTERS, 14)}.atlas" + f"v1.{_mixed(c, WORD, 67)}",
    "pulumi": _fixed("pu" + "l-", HEX, 40),
    "sentry": _fixed("sn" + "trys_eyJ", BASE64, 120),
    "atlassian": _fixed("ATA" + "TT3xFfGF0", WORD, 180),
    "netlify": _fixed("nf" + "p_", LETTERS, 36),
    "supabase": _fixed("sb" + "p_", HEX, 40),
    "tailscale": lambda c: "ts" + f"key-auth-{_run(c, LETTERS, 12)}CNTRL-{_run(c, LETTERS, 32)}",
    "postman": lambda c: "PM" + f"AK-{_run(c, HEX, 24)}-{_run(c, HEX, 34)}",
    "square": _fixed("sq" + "0csp-", WORD, 43),
    "airtable": lambda c: "pa" + f"t{_run(c, LETTERS, 14)}.{_run(c, HEX, 64)}",
}
# Without a form of their own: told by what stands before them
NAMED = {
    "heroku-old": ("HEROKU_API_KEY", _uuid),
    "datadog": ("DD_API_KEY", lambda c: _run(c, HEX, 32)),
    "datadog-app": ("DD_APP_KEY", lambda c: _run(c, HEX, 40)),
    "azure-storage": ("AZURE_STORAGE_KEY", lambda c: _run(c, BASE64, 86) + "=="),
    "password": ("DB_PASSWORD", lambda c: _mixed(c, LETTERS + ".+%^*=#-_", 14)),
}

# @ stands for the secret, NAME and name for what it is called
CONTEXTS = {
    "argument": "deploy --region eu --name @",
    "assignment": "export NAME=@ && make deploy",
    "header": 'curl -sS -H "Authorization: Bearer @" https://api.example.com/v1',
    "url": "git clone https://ann:@\x40git.example.com/a/b.git",
    "json": """curl -d '{"user": "ann", "name": "@"}' api.example.com""",
    "heredoc": "cat >> .env <<'EOF'\nNAME=@\nDEBUG=1\nEOF",
}
# A token is known by its form even where nothing is said about it
BARE = {
    "argument": "deploy --region eu @ now",
    "assignment": "X=@ make deploy",
    "header": "curl -H 'X-Thing: @' https://api.example.com/v1",
    "url": "curl 'https://api.example.com/v1?t=@&n=1'",
    "json": """curl -d '{"a": ["@"], "b": 1}' api.example.com""",
    "heredoc": "cat <<'EOF' | deploy -\n@\nEOF",
}


def _sample(kind: str, context: str, made: str, form: str, name: str) -> Sample:
    before, _, behind = form.partition("@")
    said = before.replace("NAME", name).replace("name", name.lower().replace("_", "-"))
    in_url = "://ann:" in before
    text = made.replace("/", "%2F") if in_url else made
    secret = text.split("\n")[2] if made.startswith("-----") else text
    if not in_url:
        secret = secret.removeprefix("https://hooks.slack" + ".com/services/")
    return Sample(kind, context, said + text + behind, secret)


def samples(rounds: int = 3, seed: int = SEED) -> Iterator[Sample]:
    """Every kind in every context, `rounds` times."""
    chance = random.Random(seed)
    for _ in range(rounds):
        for kind, make in KINDS.items():
            for context, form in BARE.items():
                yield _sample(kind, context, make(chance), form, "")
            for context, form in CONTEXTS.items():
                yield _sample(kind, f"named {context}", make(chance), form, "SERVICE_TOKEN")
        for kind, (name, make) in NAMED.items():
            for context, form in CONTEXTS.items():
                yield _sample(kind, f"named {context}", make(chance), form, name)


def real_commands() -> list[bytes]:
    """Those of ../shared; none where it is absent."""
    if not os.path.exists(COMMANDS):
        return []
    with open(COMMANDS, "rb") as file:
        return [line for line in file.read().split(b"\n") if line]
