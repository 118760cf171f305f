"""No connection to the registry, for different reasons: one clear error, and no snapshot that looks complete."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.crawler.conftest import HUB, Crawl, environment
from tests.simulated import Simulation

Handler = Callable[[socket.socket], None]


def start_host(handler: Handler) -> int:
    """Start a host that treats every connection the same way, and return its port."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(20)

    def serve() -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=handler, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    return int(listener.getsockname()[1])


def make_invalid_certificate(folder: Path) -> ssl.SSLContext:
    """Return the TLS context of a host with a self-signed, expired certificate."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - timedelta(30)).not_valid_after(now - timedelta(1))
    (folder / "cert").write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key").write_bytes(private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert", folder / "key")
    return context


def never_respond(connection: socket.socket) -> None:
    """Receive a request and send no response."""
    connection.recv(10**6)
    threading.Event().wait(60)


def hang_up(connection: socket.socket) -> None:
    """Close the connection."""
    connection.close()


def respond_without_tls(connection: socket.socket) -> None:
    """Send a plain HTTP response."""
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    connection.close()


@pytest.fixture
def environments(tmp_path: Path) -> Iterator[dict[str, dict[str, str]]]:
    """Return the environment of each broken connection."""
    context = make_invalid_certificate(tmp_path)

    def offer_certificate(connection: socket.socket) -> None:
        try:
            context.wrap_socket(connection, server_side=True)
        except OSError:
            connection.close()

    nowhere = "http://127.0.0.1:1"
    yield {
        "no listener": {"HF_ENDPOINT": nowhere},
        "unknown host": {"HF_ENDPOINT": "http://no-such-host.invalid"},
        "no response": {"HF_ENDPOINT": f"http://127.0.0.1:{start_host(never_respond)}"},
        "closed connection": {"HF_ENDPOINT": f"http://127.0.0.1:{start_host(hang_up)}"},
        "no TLS": {"HF_ENDPOINT": f"https://localhost:{start_host(respond_without_tls)}"},
        "invalid certificate": {"HF_ENDPOINT": f"https://localhost:{start_host(offer_certificate)}"},
        "no proxy": {"HF_ENDPOINT": "http://hub.example", "HTTP_PROXY": nowhere, "http_proxy": nowhere},
        "no IPv6": {"HF_ENDPOINT": "http://[2001:db8::1]:1"},
    }


CONNECTIONS = (
    "no listener", "unknown host", "no response", "closed connection", "no TLS",
    "invalid certificate", "no proxy", "no IPv6",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("connection_kind", CONNECTIONS)
@pytest.mark.fault("C15")
def test_without_a_connection_to_the_registry_there_is_one_clear_error(
    crawl: Crawl, pretend: Simulation, environments: dict[str, dict[str, str]], connection_kind: str
) -> None:
    env = {**environment(None), **environments[connection_kind], "no_proxy": "", "NO_PROXY": ""}
    done = crawl("snapshot", HUB, "--top", "5", "--retry-for", "0.5", env=env)
    assert (done.exit_code, done.outcome["status"]) == (1, "failed"), done.errors
    error = done.outcome["error"]
    assert error["what"].startswith(("No answer from", "No secure connection (TLS) to"))  # type: ignore[index]
    assert error["why"] and error["fix"], error  # type: ignore[index]
    assert "Traceback" not in done.errors
    assert done.rows("SELECT status, depth FROM snapshot") == [("failed", 0)]
