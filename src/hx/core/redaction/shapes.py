"""Shapes in which a command line contains a secret: options, assignments, headers, URLs.

A shape is tried where one of its anchors occurs. Anchors are in lower case and are searched for
with `in`. `before` must match the text before the anchor. `program` must precede the anchor in the
same simple command. The secret is the group that took part in the match. Repeats are possessive or
bounded: an expression that does not match has read few bytes.
"""

from __future__ import annotations

from hx.core.record import NamedTuple

# A value in a shell, JSON or an HTTP header: in quotes, which may be escaped, or a bare word
_SPACE = rb"[\s;|&)>,]"
VALUE = (
    rb'(?:\\"(?!' + _SPACE + rb')([^"\\]++)'
    rb'|\$?"(?!' + _SPACE + rb')((?:[^"\\]|\\.)++)'
    rb"|\$?'(?!" + _SPACE + rb""")((?:[^']|'(?:\\''|"'"'))++)"""
    rb"|((?:\\[^\n\"nrt]|,(?![\w.-]{1,40}=)|[^\s\"'`\\;&|<>(){},])++)(?![(\[]))"
)
_OPTION = rb"(?:=|\s+(?!-))"


class Shape(NamedTuple):
    """One shape: the kind of its secret, and when and how it is matched."""

    kind: str
    anchors: bytes  # separated by blanks
    expression: bytes  # begins at the anchor
    before: bytes = b""  # matches what ends at the anchor
    # separated by blanks: the command must contain one of them, if there are any
    needs: bytes = b""
    # An expression for the program that runs; None: one of `needs`; empty: any program
    program: bytes | None = None


KEYS = (
    b"api access auth account encryption signing master private subscription functions storage"
    b" service license webhook"
)
_NAMES = (
    rb"(?:(?:(?<!by)(?<!com))pass(?:word|wd|phrase|code|wort)?|(?<=[_;&?,\"'-])pwd"
    rb"|secret(?:[_-]?(?:string|key|access[_-]?key))?|token|oauth2-bearer|credentials?|_auth"
    rb"|(?:" + KEYS.replace(b" ", b"|") + rb")[_-]?key"
    # any other key only if its value looks random
    rb"|[_-]key(?=[\"'\\]{0,2}\s?[=:]\s?[\"'\\]{0,2}(?=[^\s\"']{0,60}[0-9])[\w+/=.-]{20}))"
)
# `name=value`, `name: value`, `"name": "value"`, `name = value`, `name => value`
_EQUALS = (
    rb"\\{0,2}[\"']?\]?(?::=|=(?![=~>\s])|\s{1,3}=\s{1,3}(?!=)|\s?=>\s{0,3}"
    rb"|:(?![:=?+-])\s{0,3})"
)
KEY_ANCHORS = KEYS + b" _key -key"
# KEY_ANCHORS are anchors of names too, and are tried if the command contains "key"
NAME_ANCHORS = b"pass pwd secret token credential _auth oauth2-bearer"
NAMED = (
    rb"(?i:"
    + _NAMES
    + rb")(?:"
    + _EQUALS
    + VALUE
    + rb"|(?P<blank>[\"']?\s{1,8})(?!-)"
    + VALUE
    + rb")"
)
# What precedes a name that a blank separates from its value
SETTER = (
    rb"(?:^|[\s\"'(;|&`\[,])(?:(?:--|-(?![pPk]\Z))[\w.-]*(?<!no-)(?<!with-)(?<!ask-)"
    rb"|(?:set|setenv|configure\s+set|config(?:\s+set)?)\s+(?:--?[\w-]+\s+){0,4}[\w./:@-]*)\Z"
)
_HTTP = b"curl http xh wget hurl aria2c restish"
_BLANK = rb"(?:^|\s)\Z"

SHAPES = (
    Shape(
        "private-key",
        b"-----begin",
        rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        rb"((?:\s|\\[nr]){0,4}(?=[\w+/:=-]{8})(?:(?!-----)[^\"'])++)",
    ),
    Shape(
        "authorization",
        b"authorization",
        rb"(?i:authorization)\\{0,2}[\"']?\]?\s{0,3}[:=]\s{0,3}(?:\\{0,2}[\"'])?"
        rb"(?:[A-Za-z][\w-]{1,24}\s{1,3})?(?:token=\\{0,2}[\"']?)?"
        rb"(?!(?i:bearer|basic|token|bot|digest|negotiate|apikey)\b)([^\s\"'\\<>]++)",
    ),
    Shape(
        "bearer-token", b"bearer", rb"(?i:bearer)\s{1,3}(?=[\w.~+/=-]{0,60}[0-9])([\w.~+/=-]{8,}+)"
    ),
    Shape("cookie", b"cookie:", rb"(?i:cookie):\s{0,3}([^\"'\n\\<>]++)"),
    Shape(
        "url-password",
        b"://",
        rb"://(?:[^\s/:@\"'<>]{0,256}+:(?![0-9]{1,5}/)(?!x-oauth-basic@)([^\s\"'<>@/]{1,512}+"
        rb"|[^\s\"'<>@]{1,512}+)@|((?=[\w-]{0,40}[0-9])[\w-]{20,512}+)(?::x-oauth-basic)?@)",
        needs=b"@",
        program=b"",
    ),
    Shape(
        "password",
        b"-u --user --proxy-user -a --auth",
        rb"(?i:-u|--user|--proxy-user|-a|--auth)(?:=|\s*)(?!\d+:\d+\b|[\"\']?\w+://)"
        rb"(?:\"[^\"\s:]{0,256}+:((?:[^\"\\]|\\.)++)|'[^':\s]{0,256}+:([^']++)"
        rb"|[^\s\"':=-][^\s\"':]{0,255}+:(?:\"((?:[^\"\\]|\\.)++)|'([^']++)"
        rb"|((?:\\[^\n]|[^\s\"'`\\;&|<>()])++)))",
        _BLANK,
        _HTTP,
        rb"curl|https?|xhs?|wget|hurl|aria2c|restish",
    ),
    Shape(
        "password",
        b"creds --cred",
        rb"(?i:creds?|--cred)" + _OPTION + rb"[\"']?[^\s\"':]{1,255}+:([^\s\"';|&<>]++)",
        rb"(?:^|[\s-])\Z",
        b"creds --cred",
        b"",
    ),
    Shape(
        "password",
        b"-u",
        rb"-[uU]\s*[\"']?[^\s\"',%]{1,255}+[,%]([^\s\"';|&<>]++)",
        _BLANK,
        b"lftp smbclient smbmap rpcclient winexe",
    ),
    Shape(
        "password",
        b"-p",
        rb"-p(?!assw|ort)" + VALUE,
        _BLANK,
        b"mysql mariadb mycli 7z rar",
        rb"mysql\w*|mariadb[\w-]*|mycli|7z[ar]?|rar|unrar",
    ),
    Shape("password", b"-hp", rb"-hp" + VALUE, _BLANK, b"rar"),
    Shape(
        "password",
        b"-p",
        rb"-p(?!assw)\s*(?!-)" + VALUE,
        _BLANK,
        b"sshpass rdesktop mongo cqlsh",
        rb"sshpass|rdesktop|mongo\w*|cqlsh",
    ),
    Shape(
        "password",
        b"-p",
        rb"-p(?!assw)(?:=|\s*)(?!-)" + VALUE,
        _BLANK,
        b"login",
        rb"(?:docker|podman|nerdctl|buildah|helm|oras|crane|skopeo|regctl|oc|az|cf|ibmcloud|argocd"
        rb"|rancher|jf|heroku)\s[^|;&]{0,200}?login",
    ),
    Shape(
        "password",
        b"-a",
        rb"-a\s*(?!-)" + VALUE,
        _BLANK,
        b"redis keydb valkey",
        rb"(?:redis|keydb|valkey)-(?:cli|benchmark)",
    ),
    Shape(
        "password",
        b"auth",
        rb"(?i:auth)\s+" + VALUE,
        rb"[\s\"']\Z",
        b"redis-cli keydb-cli valkey-cli",
    ),
    Shape("password", b"-w", rb"-w\s*(?!-)" + VALUE, _BLANK, b"ldap", rb"ldap\w+"),
    Shape(
        "password",
        b"-p",
        rb"-P\s*(?!-)" + VALUE,
        _BLANK,
        b"zip sqlcmd bcp tsql mosquitto_ ipmitool",
        rb"zip|unzip|zipcloak|sqlcmd|bcp|tsql|mosquitto_\w+|ipmitool",
    ),
    Shape("password", b"-a -x", rb"-[AX]\s*(?!-)" + VALUE, _BLANK, b"snmp", rb"snmp\w+"),
    Shape("password", b"-n -p", rb"-[NP]\s*(?!-)" + VALUE, _BLANK, b"ssh-keygen"),
    Shape("password", b"/p:", rb"/p:" + VALUE, _BLANK, b"freerdp", rb"[xw]?l?freerdp\d?"),
    Shape(
        "password",
        b"htpasswd",
        rb"htpasswd\s+(?:-\w+\s+){0,4}-\w*b\w*\s+(?:-\w+\s+){0,4}"
        rb"(?:[^\s-]\S{0,255}\s+){1,2}" + VALUE + rb"(?=[\"']?\s*(?:[;&|\n>]|\Z))",
    ),
    Shape(
        "password",
        b"wpa_passphrase",
        rb"wpa_passphrase\s+(?:\"[^\"]*+\"|'[^']*+'|[^\s\"']++)\s+" + VALUE,
    ),
    Shape("password", b"login", rb"login\s+(?!-)(?:token=)?" + VALUE, _BLANK, b"vault"),
    Shape("password", b"obscure", rb"obscure\s+" + VALUE, _BLANK, b"rclone"),
    Shape(
        "password",
        b"identified",
        rb"(?i:identified\s{1,8}(?:with\s{1,8}\S{1,64}\s{1,8})?by\s{1,8}(?:password\s{1,8})?)"
        rb"(?=\\{0,2}[\"'])" + VALUE,
    ),
    Shape(
        "password",
        b"password",
        rb"(?i:password)\s{1,8}(?=')" + VALUE,
        rb"\s\Z",
        b"psql sql mariadb role user",
        b"",
    ),
    Shape("password", b"password psk", rb"(?i:password|psk)\s+" + VALUE, rb"", b"nmcli"),
    Shape(
        "password",
        b"sqlplus sqlldr expdp impdp rman",
        rb"(?:sqlplus|sqlldr|expdp|impdp|rman)\s+(?:-\w+\s+){0,4}[\"']?\w{1,128}+/([^\s\"'@;|&<>]++)",
    ),
    Shape(
        "password",
        b"chpasswd",
        rb"chpasswd\s*<<<\s*[\"']?[\w.-]{1,64}+:([^\s\"';|&<>]++)",
    ),
    Shape(
        "secret",
        b"<<<",
        rb"<<<\s*" + VALUE,
        rb"\s\Z",
        b"--stdin --password-stdin --with-token kinit cryptsetup",
    ),
    Shape(
        "secret",
        b"echo printf",
        rb"(?:echo|printf)\s+(?:-\w+\s+){0,3}"
        + VALUE
        + rb"[\"']?\s*\|\s*(?:sudo\s+(?:-[\w-]+\s+){0,4}?"
        rb"-\w*S|(?:sudo\s+)?(?:chpasswd|cryptsetup)"
        rb"|[^|;&\n]{0,256}?--(?:stdin|password-stdin|with-token|passphrase-fd))",
        rb"(?:^|[\s;&|(])\Z",
        b"sudo --stdin --password-stdin chpasswd --with-token --passphrase-fd cryptsetup",
        b"",
    ),
    Shape(
        "secret",
        b"--from-literal",
        rb"--from-literal[=\s]+[\"']?[\w.-]{1,128}+=" + VALUE,
    ),
    Shape(
        "secret",
        b"--body -b",
        rb"(?:--body|-b)(?:=|\s*)(?!-)" + VALUE,
        _BLANK,
        b"gh",
        rb"gh\s+secret\s+set",
    ),
    Shape(
        "secret",
        b"--value",
        rb"--value" + _OPTION + VALUE,
        _BLANK,
        b"put-parameter keyvault",
        rb"aws\s+ssm\s+put-parameter|az\s+keyvault\s+secret",
    ),
    Shape("signature", b"x-amz-signature=", rb"(?i:x-amz-signature)=([0-9a-f]{64})"),
)
