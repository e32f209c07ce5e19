"""Kinds of tokens that are recognised by their form: (kind, anchors, expression).

An anchor is the literal that an expression begins with, in lower case. Anchors are searched for
first: a command without one takes a few microseconds, and an expression is tried only where its
anchor occurs. Repeats are possessive (`++`): each byte is read once, however long a command is. If
the expression has a group, the group is masked, else the whole match. Sources of the forms: the
documentation of the providers, and the rules of gitleaks.
"""

from __future__ import annotations

LEAST = 16  # every token has a run of at least as many letters, digits and -_+/=.~%

# kind, anchors separated by blanks, expression
TOKENS: tuple[tuple[str, bytes, bytes], ...] = (
    ("github-token", b"ghp_ gho_ ghu_ ghs_ ghr_", rb"gh[pousr]_[A-Za-z0-9_]{20,}+"),
    ("github-token", b"github_pat_", rb"github_pat_\w{20,}+"),
    (
        "gitlab-token",
        b"glpat- glptt- glrt- gldt- glagent- glsoat- glft- glimt- gloas- glcbt- glffct-",
        rb"gl(?:pat|ptt|rt|dt|agent|soat|ft|imt|oas|cbt|ffct)-[\w.=-]{16,}+",
    ),
    ("gitlab-token", b"gr1348941", rb"GR1348941[\w-]{16,}+"),
    ("aws-key-id", b"akia asia abia acca", rb"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16,}+"),
    ("aws-bedrock-key", b"absk", rb"ABSK[A-Za-z0-9+/=]{60,}+"),
    ("google-api-key", b"aiza", rb"AIza[\w-]{30,}+"),
    ("google-token", b"ya29.", rb"ya29\.[\w.-]{20,}+"),
    ("google-client-secret", b"gocspx-", rb"GOCSPX-[\w-]{20,}+"),
    ("google-refresh-token", b"1//0", rb"1//0[\w-]{30,}+"),
    ("azure-storage-key", b"accountkey=", rb"(?i:AccountKey)=([A-Za-z0-9+/]{40,}+={0,2})"),
    ("azure-access-key", b"sharedaccesskey=", rb"(?i:SharedAccessKey)=([A-Za-z0-9+/]{30,}+=?)"),
    ("azure-sas", b"sig=", rb"sig=([A-Za-z0-9%+/=_-]{30,}+)"),
    ("slack-token", b"xox", rb"xox[a-z](?:\.xox[a-z])?-[\w-]{10,}+"),
    ("slack-token", b"xapp-", rb"xapp-[\w-]{14,}+"),
    (
        "slack-webhook",
        b"hooks.slack.com/",
        rb"(?i:hooks\.slack\.com)/(?:services|workflows|triggers)/([\w/+-]{16,}+)",
    ),
    ("discord-webhook", b"/api/webhooks/", rb"/api/webhooks/([0-9]{10,}+/[\w-]{30,}+)"),
    (
        "teams-webhook",
        b".webhook.office.com/",
        rb"\.webhook\.office\.com/(webhookb2/[\w@/-]{30,}+)",
    ),
    ("stripe-key", b"sk_live_ sk_test_ rk_live_ rk_test_", rb"[sr]k_(?:live|test)_\w{10,}+"),
    ("stripe-webhook-secret", b"whsec_", rb"whsec_[\w+/=]{20,}+"),
    ("npm-token", b"npm_", rb"npm_[A-Za-z0-9]{30,}+"),
    ("pypi-token", b"pypi-", rb"pypi-[\w-]{30,}+"),
    ("rubygems-key", b"rubygems_", rb"rubygems_[0-9a-f]{40,}+"),
    ("nuget-key", b"oy2", rb"oy2[a-z0-9]{43}"),
    ("clojars-token", b"clojars_", rb"CLOJARS_[a-z0-9]{50,}+"),
    ("cratesio-token", b"cio", rb"cio[A-Za-z0-9]{32}(?![A-Za-z0-9])"),
    ("docker-token", b"dckr_", rb"dckr_(?:pat|oat)_[\w-]{20,}+"),
    ("anthropic-key", b"sk-ant-", rb"sk-ant-[\w-]{20,}+"),
    ("openrouter-key", b"sk-or-", rb"sk-or-[\w-]{20,}+"),
    ("openai-key", b"sk-", rb"sk-(?=[\w-]{0,200}[0-9])[\w-]{20,}+"),
    ("huggingface-token", b"hf_ api_org_", rb"(?:hf|api_org)_[A-Za-z0-9]{30,}+"),
    ("groq-key", b"gsk_", rb"gsk_[A-Za-z0-9]{40,}+"),
    ("replicate-token", b"r8_", rb"r8_[A-Za-z0-9]{30,}+"),
    ("perplexity-key", b"pplx-", rb"pplx-[A-Za-z0-9]{40,}+"),
    ("xai-key", b"xai-", rb"xai-[A-Za-z0-9]{40,}+"),
    ("langsmith-key", b"lsv2_", rb"lsv2_(?:pt|sk)_\w{32,}+"),
    ("sendgrid-key", b"sg.", rb"SG\.[\w-]{16,}+\.[\w-]{16,}+"),
    ("brevo-key", b"xkeysib- xsmtpsib-", rb"x(?:key|smtp)sib-[\w-]{40,}+"),
    ("mailgun-key", b"key-", rb"key-[0-9a-zA-Z]{32}(?![0-9A-Za-z])"),
    ("postmark-key", b"pmak-", rb"PMAK-[0-9a-f]{24}-[0-9a-f]{30,}+"),
    ("jwt", b"eyj", rb"eyJ[\w=-]{8,}+\.[\w=-]{8,}+(?:\.[\w=-]*+)*+"),
    ("1password-token", b"ops_eyj", rb"ops_eyJ[\w=-]{40,}+"),
    ("age-key", b"age-secret-key-", rb"AGE-SECRET-KEY-(?:PQ-)?[0-9A-Z]{40,}+"),
    ("digitalocean-token", b"dop_v1_ doo_v1_ dor_v1_", rb"do[opr]_v1_[0-9a-f]{40,}+"),
    ("heroku-key", b"hrku-", rb"HRKU-[\w-]{20,}+"),
    ("databricks-token", b"dapi dkea dose", rb"(?:dapi|dkea|dose)[0-9a-f]{32,}+(?:-\d)?"),
    ("shopify-token", b"shpat_ shpca_ shppa_ shpss_ shpua_", rb"shp(?:at|ca|pa|ss|ua)_\w{24,}+"),
    ("vault-token", b"hvs. hvb. hvr.", rb"hv[sbr]\.[\w-]{20,}+"),
    ("doppler-token", b"dp.", rb"dp\.(?:pt|st|ct|sa|scim|audit)\.[\w.-]{30,}+"),
    ("linear-key", b"lin_api_ lin_oauth_", rb"lin_(?:api|oauth)_\w{30,}+"),
    ("figma-token", b"figd_ figu_ figo_", rb"fig[duo]_[\w-]{30,}+"),
    ("notion-token", b"ntn_", rb"ntn_[A-Za-z0-9]{30,}+"),
    ("notion-token", b"secret_", rb"secret_[A-Za-z0-9]{40,}+"),
    (
        "grafana-token",
        b"glsa_ glc_ eyjrijoi",
        rb"(?:gl(?:sa|c)_[\w+/=-]{30,}+|eyJrIjoi[\w+/=]{30,}+)",
    ),
    ("newrelic-key", b"nrak- nrjs- nrii- nraa- nrra-", rb"NR(?:AK|JS|II|AA|RA)-[\w-]{15,}+"),
    ("planetscale-token", b"pscale_", rb"pscale_(?:tkn|pw|oauth)_[\w.=-]{30,}+"),
    ("pulumi-token", b"pul-", rb"pul-[0-9a-f]{40}"),
    ("sentry-token", b"sntrys_ sntryu_", rb"sntry[su]_[\w+/=-]{40,}+"),
    ("atlassian-token", b"atatt3 atctt3 atbb", rb"(?:AT[AC]TT3[\w=.-]{40,}+|ATBB[\w=-]{28,}+)"),
    ("netlify-token", b"nfp_", rb"nfp_[A-Za-z0-9]{30,}+"),
    ("vercel-token", b"vcp_ vck_ vci_", rb"vc[pki]_[A-Za-z0-9]{24,}+"),
    ("fly-token", b"fm1_ fm2_ fm1r_ fo1_", rb"(?:fm[12]r?|fo1)_[\w+/=,-]{40,}+"),
    ("supabase-key", b"sbp_ sb_secret_", rb"sb(?:p|_secret)_[\w-]{20,}+"),
    ("tailscale-key", b"tskey-", rb"tskey-[\w-]{16,}+"),
    ("airtable-token", b"pat", rb"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}"),
    ("okta-token", b"ssws", rb"SSWS ([\w-]{40,}+)"),
    ("square-token", b"sq0atp- sq0csp- eaaa", rb"(?:sq0(?:atp|csp)-[\w-]{20,}+|EAAA[\w+=-]{56,}+)"),
    ("facebook-token", b"eaa", rb"EAA[A-Za-z0-9]{80,}+"),
    ("paypal-token", b"access_token$", rb"access_token\$\w++\$[\w]{16,}+\$[0-9a-f]{32}"),
    ("dropbox-token", b"sl.", rb"sl\.(?:u\.)?[\w-]{60,}+"),
    ("mapbox-token", b"sk.eyj", rb"sk\.eyJ[\w-]{20,}+\.[\w-]{16,}+"),
    ("artifactory-key", b"akcp cmvmdgtu", rb"(?:AKCp[A-Za-z0-9]{50,}+|cmVmdGtu[A-Za-z0-9]{50,}+)"),
    ("circleci-token", b"ccipat_ ccipruat_", rb"CCI(?:PAT|PRUAT)_[\w-]{20,}+"),
    ("buildkite-token", b"bkua_ bkat_", rb"bk(?:ua|at)_[0-9a-f]{40}"),
    (
        "launchdarkly-key",
        b"sdk- api- mob-",
        rb"(?:sdk|api|mob)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    ),
    ("dynatrace-token", b"dt0", rb"dt0[a-z]\d\d\.[A-Z0-9]{24}\.[A-Z0-9]{60,}+"),
    ("contentful-token", b"cfpat-", rb"CFPAT-[\w-]{40,}+"),
    ("typeform-token", b"tfp_", rb"tfp_[\w-]{40,}+"),
    ("easypost-key", b"ezak ezt", rb"EZ[AT]K[A-Za-z0-9]{50,}+"),
    ("flutterwave-key", b"flwseck", rb"FLWSECK(?:_TEST)?-[0-9a-z]{12,}+-X"),
    ("razorpay-key", b"rzp_live_ rzp_test_", rb"rzp_(?:live|test)_[A-Za-z0-9]{14,}+"),
    ("shippo-token", b"shippo_", rb"shippo_(?:live|test)_[0-9a-f]{40}"),
    ("duffel-token", b"duffel_", rb"duffel_(?:test|live)_[\w=-]{40,}+"),
    ("prefect-key", b"pnu_ pnb_", rb"pn[ub]_[A-Za-z0-9]{30,}+"),
    ("readme-key", b"rdme_", rb"rdme_[a-z0-9]{60,}+"),
    ("adafruit-key", b"aio_", rb"aio_[A-Za-z0-9]{28}(?![A-Za-z0-9])"),
    ("alibaba-key-id", b"ltai", rb"LTAI[A-Za-z0-9]{16,}+"),
    ("tencent-key-id", b"akid", rb"AKID[A-Za-z0-9]{32,}+"),
    ("yandex-key", b"aqvn", rb"AQVN[\w-]{35,}+"),
    ("ibm-key", b"apikey-", rb"ApiKey-[0-9a-f-]{36}"),
    ("gitea-token", b"gta_", rb"gta_[A-Za-z0-9]{30,}+"),
    ("hubspot-token", b"pat-na1- pat-eu1-", rb"pat-(?:na|eu)1-[0-9a-f-]{36}"),
    ("sonar-token", b"sqp_ squ_ sqa_", rb"sq[pua]_[0-9a-f]{40}"),
    ("infracost-key", b"ico-", rb"ico-[A-Za-z0-9]{32}"),
    ("scaleway-key-id", b"scw", rb"SCW[A-Z0-9]{17}(?![A-Za-z0-9])"),
    ("nvidia-key", b"nvapi-", rb"nvapi-[\w-]{50,}+"),
    ("e2b-key", b"e2b_", rb"e2b_[0-9a-f]{40}"),
    ("zapier-webhook", b"hooks.zapier.com/", rb"hooks\.zapier\.com/hooks/catch/([\w/]{10,}+)"),
)

ANCHORED = tuple(
    (anchor, kind, expression)
    for kind, anchors, expression in TOKENS
    for anchor in anchors.decode().split()
)

# Tokens without an anchor. They are tried if a run of letters and digits is long and mixed.
MIXED_LEAST = 30
MIXED: tuple[tuple[str, bytes], ...] = (
    ("telegram-token", rb"(?<![0-9])[0-9]{8,10}:[\w-]{35}(?![\w-])"),
    ("discord-token", rb"(?<![\w.-])[MNO][\w-]{22,27}\.[\w-]{6,7}\.[\w-]{27,}+"),
    ("twilio-key", rb"(?<![A-Za-z0-9])SK[0-9a-fA-F]{32}(?![A-Za-z0-9])"),
    ("terraform-token", rb"(?<![A-Za-z0-9])[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{40,}+"),
    ("azure-client-secret", rb"(?<![\w.~-])[\w~.-]{3}[0-9]Q~[\w~.-]{31,34}(?![\w~.-])"),
    ("azure-devops-token", rb"(?<![A-Za-z0-9])[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}"),
    ("aws-secret-key", rb"(?<![\w+/.-])[A-Za-z0-9+/]{40}(?![\w+/=.-])"),
    ("mailchimp-key", rb"(?<![0-9a-zA-Z])[0-9a-f]{32}-us[0-9]{1,2}(?![0-9a-zA-Z])"),
)

# Plain runs of hexadecimal digits and such: secrets only if the command names the service
_HEX = rb"(?<![0-9A-Za-z-])[0-9a-f]{%s}(?![0-9A-Za-z-])"
_UUID = rb"(?<![\w-])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![\w-])"
_BESIDE: tuple[tuple[str, str, bytes], ...] = (
    ("datadog-key", "datadog ddog dd_api dd_app dd-api dd-app", _HEX % b"32,40"),
    ("heroku-key", "heroku", _UUID),
    ("snyk-token", "snyk", _UUID),
    ("algolia-key", "algolia", _HEX % b"32"),
    ("newrelic-key", "newrelic new_relic new-relic", rb"(?<!\w)[0-9a-f]{36}NRAL(?!\w)"),
    ("linode-token", "linode", _HEX % b"64"),
    (
        "cloudflare-token",
        "cloudflare cf_api wrangler",
        rb"(?<![\w/-])(?=\w*[0-9])[\w-]{37,40}(?![\w/-])",
    ),
    ("twilio-token", "twilio", _HEX % b"32"),
    ("jenkins-token", "jenkins", rb"(?<!\w)11[0-9a-f]{32}(?!\w)"),
    ("fastly-token", "fastly", rb"(?<![\w/-])(?=[\w-]*[0-9])[\w-]{32}(?![\w/-])"),
)
BESIDE = tuple((kind, tuple(services.split()), how) for kind, services, how in _BESIDE)


def is_mixed(word: bytes) -> bool:
    """Return whether a word is long and mixed, so that it may be a token without an anchor."""
    if len(word) < MIXED_LEAST:
        return False
    has_digit = word.strip(b"0123456789") != word or any(48 <= code <= 57 for code in word)  # noqa: PLR2004
    return has_digit and (word != word.lower() or b"-us" in word)


def is_token(kind: str, text: bytes) -> bool:
    """Return whether a match is a token, not a placeholder such as `ghp_xxxxxxxx`.

    A secret key of AWS must have as many capitals, small letters and digits as a random one.
    """
    if kind == "aws-secret-key":
        capitals = sum(65 <= code <= 90 for code in text)  # noqa: PLR2004
        small = sum(97 <= code <= 122 for code in text)  # noqa: PLR2004
        digits = sum(48 <= code <= 57 for code in text)  # noqa: PLR2004
        return capitals >= 6 and small >= 6 and digits >= 2  # noqa: PLR2004
    return len(set(text[-12:])) > 2  # noqa: PLR2004
