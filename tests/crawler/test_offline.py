"""C15: there is no way to the registry, for one reason or another: one clear error, and nothing that looks taken."""

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

Answer = Callable[[socket.socket], None]


def host(answer: Answer) -> int:
    """A host that does one thing to everyone who connects; its port."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(20)

    def serve() -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    return int(listener.getsockname()[1])


def certified(folder: Path) -> ssl.SSLContext:
    """The secrets of a host whose certificate nobody has signed, and which is out of date."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - timedelta(30)).not_valid_after(now - timedelta(1))
    (folder / "cert").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key").write_bytes(private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert", folder / "key")
    return context


def says_nothing(connection: socket.socket) -> None:
    connection.recv(10**6)
    threading.Event().wait(60)


def hangs_up(connection: socket.socket) -> None:
    connection.close()


def speaks_plainly(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    connection.close()


@pytest.fixture
def ways(tmp_path: Path) -> Iterator[dict[str, dict[str, str]]]:
    """What is said in the environment, by what is wrong with it."""
    context = certified(tmp_path)

    def shows_its_certificate(connection: socket.socket) -> None:
        try:
            context.wrap_socket(connection, server_side=True)
        except OSError:
            connection.close()

    nowhere = "http://127.0.0.1:1"
    yield {
        "nobody listens": {"HF_ENDPOINT": nowhere},
        "no such name": {"HF_ENDPOINT": "http://no-such-host.invalid"},
        "it says nothing": {"HF_ENDPOINT": f"http://127.0.0.1:{host(says_nothing)}"},
        "it hangs up": {"HF_ENDPOINT": f"http://127.0.0.1:{host(hangs_up)}"},
        "it speaks no TLS": {"HF_ENDPOINT": f"https://localhost:{host(speaks_plainly)}"},
        "its certificate is no good": {"HF_ENDPOINT": f"https://localhost:{host(shows_its_certificate)}"},
        "the proxy is not there": {"HF_ENDPOINT": "http://hub.example", "HTTP_PROXY": nowhere, "http_proxy": nowhere},
        "no IPv6": {"HF_ENDPOINT": "http://[2001:db8::1]:1"},
    }


WAYS = (
    "nobody listens", "no such name", "it says nothing", "it hangs up", "it speaks no TLS",
    "its certificate is no good", "the proxy is not there", "no IPv6",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.fault("C15")
def test_without_a_way_to_the_registry_there_is_one_clear_error(
    crawl: Crawl, pretend: Simulation, ways: dict[str, dict[str, str]], way: str
) -> None:
    env = {**environment(None), **ways[way], "no_proxy": "", "NO_PROXY": ""}
    done = crawl("snapshot", HUB, "--top", "5", "--patience", "0.5", env=env)
    assert (done.exit_code, done.outcome["status"]) == (1, "failed"), done.errors
    error = done.outcome["error"]
    assert error["what"].startswith("No answer from") and error["why"] and error["fix"], error  # type: ignore[index]
    assert "Traceback" not in done.errors
    assert done.rows("SELECT status, depth FROM snapshot") == [("failed", 0)]
