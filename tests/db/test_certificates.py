"""The authorities of a company count, whichever usual variable names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from db.certificates import describe_authorities, trust_named_authorities


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_file_of_any_variable_is_trusted(tmp_path: Path, variable: str) -> None:
    (tmp_path / "company.pem").write_text("company")
    environment = {variable: str(tmp_path / "company.pem")}
    trust_named_authorities(environment)
    assert environment["SSL_CERT_FILE"] == str(tmp_path / "company.pem")


def test_the_files_of_several_variables_are_trusted_together(tmp_path: Path) -> None:
    (tmp_path / "system.pem").write_text("system")
    (tmp_path / "company.pem").write_text("company")
    system, company = str(tmp_path / "system.pem"), str(tmp_path / "company.pem")
    environment = {"SSL_CERT_FILE": system, "REQUESTS_CA_BUNDLE": company, "CURL_CA_BUNDLE": system}
    trust_named_authorities(environment)
    assert Path(environment["SSL_CERT_FILE"]).read_text() == "system\ncompany\n"
    again = dict(environment)
    trust_named_authorities(again)  # of a child of this process
    assert again == environment


@pytest.mark.parametrize("variable", ["SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"])
def test_a_folder_of_any_variable_is_trusted(tmp_path: Path, variable: str) -> None:
    environment = {variable: str(tmp_path)}
    trust_named_authorities(environment)
    assert environment["SSL_CERT_DIR"] == str(tmp_path) and "SSL_CERT_FILE" not in environment


def test_a_file_that_does_not_exist_is_reported_and_changes_nothing(tmp_path: Path) -> None:
    environment = {"SSL_CERT_FILE": "/nowhere/a.pem", "SSL_CERT_DIR": f"/nowhere:{tmp_path}"}
    assert list(describe_authorities(environment)) == [
        "SSL_CERT_FILE is /nowhere/a.pem, which does not exist",
        f"SSL_CERT_DIR is /nowhere:{tmp_path}",
    ]
    trust_named_authorities(environment)
    assert environment == {"SSL_CERT_FILE": "/nowhere/a.pem", "SSL_CERT_DIR": str(tmp_path)}
