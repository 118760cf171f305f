"""The certificate authorities that a company names for its programs, in the variables that OpenSSL reads."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path

VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")  # OpenSSL reads the first two


def trust_named_authorities(environment: MutableMapping[str, str]) -> None:
    """Let OpenSSL trust the authorities of every variable, whichever program the variable is meant for."""
    paths = [path for path in named_paths(environment) if os.access(path, os.R_OK)]
    files = [path for path in paths if path.is_file()]
    folders = [str(path) for path in paths if path.is_dir()]
    if bundle := join_bundles(files):
        environment["SSL_CERT_FILE"] = str(bundle)
    if folders:
        environment["SSL_CERT_DIR"] = ":".join(folders)


def named_paths(environment: Mapping[str, str]) -> list[Path]:
    """Return each file or folder that a variable names, once.

    >>> [str(path) for path in named_paths({"SSL_CERT_DIR": "/a:/b", "CURL_CA_BUNDLE": "/c.pem"})]
    ['/a', '/b', '/c.pem']
    """
    texts = (text for name in VARIABLES for text in _split_value(name, environment.get(name, "")))
    return [Path(text) for text in dict.fromkeys(texts) if text]


def _split_value(variable: str, value: str) -> list[str]:
    return value.split(":") if variable == "SSL_CERT_DIR" else [value]


def join_bundles(files: list[Path]) -> Path | None:
    """Return a file with the certificates of all files: the first file, if it has all of them.

    Several files are joined in memory, so that no file is left behind. Without such memory the first file counts.
    """
    bundle = b""
    for file in files:
        content = file.read_bytes()
        bundle += b"" if content in bundle else content + b"\n"
    if not files or bundle == files[0].read_bytes() + b"\n" or not hasattr(os, "memfd_create"):
        return next(iter(files), None)
    memory = os.memfd_create("authorities.pem")
    os.write(memory, bundle)
    return Path(f"/proc/{os.getpid()}/fd/{memory}")


def describe_authorities(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield what each variable names, and whether there is such a file or folder."""
    for variable in VARIABLES:
        value = environment.get(variable, "")
        if value:
            is_missing = not any(Path(path).exists() for path in _split_value(variable, value))
            yield f"{variable} is {value[:200]}{', which does not exist' if is_missing else ''}"
