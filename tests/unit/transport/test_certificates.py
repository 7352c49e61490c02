"""Certificates in files."""

import os
import ssl
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dfks_rules.errors import ConfigError
from dfks_rules.transport.certificates import (
    WARN_BEFORE,
    CertificateFiles,
    Certificates,
    find_invalid,
)
from tests.helpers.certificates import Authority, authority


def _messages(files: CertificateFiles) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        Certificates(files)
    assert {finding.code for finding in caught.value.findings} == {"config_bad_certificate"}
    return [f"{Path(one.file).name}: {one.message}" for one in caught.value.findings]


def test_certificate_says_whom_it_is_for_and_until_when(tmp_path: Path) -> None:
    """The standard library decodes none that was not shown."""
    ends = datetime(2099, 5, 6, 7, 8, 9, tzinfo=UTC)
    names = ("SIP.Example.com", "*.example.org", "192.0.2.1", "2001:DB8:0::1")
    chain = authority().files(tmp_path, *names, expires=ends)
    (shown,) = Certificates(CertificateFiles((chain,), None)).shown
    assert shown.names == {"sip.example.com", "*.example.org", "192.0.2.1", "2001:db8::1"}
    assert shown.begins < time.time()
    assert shown.ends == ends.timestamp()


def test_only_modern_tls_is_spoken(tmp_path: Path) -> None:
    """RFC 8996 forbids 1.0 and 1.1; keys are not negotiated again at a peer's wish."""
    certificates = Certificates(authority().served(tmp_path))
    for context in (certificates.at("127.0.0.1"), certificates.client):
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert certificates.at("127.0.0.1").options & ssl.OP_NO_RENEGOTIATION


def test_address_that_was_asked_chooses_a_certificate(tmp_path: Path) -> None:
    """Phones that are set up with an address send no name."""
    hosts = ("192.0.2.1", "192.0.2.2")
    chains = tuple(authority().files(tmp_path, host, stem=host) for host in hosts)
    certificates = Certificates(CertificateFiles(chains, None))
    contexts = [one.context for one in certificates.shown]
    assert certificates.at("192.0.2.1") is contexts[0]
    assert certificates.at("192.0.2.2") is contexts[1]
    assert certificates.at("192.0.2.3") is contexts[0]


def test_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """All at once; OpenSSL names none."""
    certificate, _ = authority().files(tmp_path, "localhost")
    chains = ((certificate, tmp_path / "no.key"),)
    assert _messages(CertificateFiles(chains, tmp_path / "no-ca.pem")) == [
        "no-ca.pem: cannot be read: No such file or directory",
        "no.key: cannot be read: No such file or directory",
    ]


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    """A pipe waits for who writes into it, and a device may have no end."""
    pipe = tmp_path / "pipe.pem"
    os.mkfifo(pipe)
    _, key = authority().files(tmp_path, "localhost")
    chains = ((pipe, key), (Path("/dev/zero"), key), (tmp_path, key), (tmp_path / "a\0b", key))
    assert set(_messages(CertificateFiles(chains, None))) == {
        "pipe.pem: is not a regular file",
        "zero: is not a regular file",
        f"{tmp_path.name}: is not a regular file",
        "a\0b: cannot be read: embedded null byte",
    }


def test_key_of_another_certificate_is_found(tmp_path: Path) -> None:
    """Also one of another kind, about which OpenSSL says something else."""
    certificate, _ = authority().files(tmp_path, "localhost")
    _, other = authority().files(tmp_path, "localhost", stem="other")
    wanted = f"does not belong to the certificate `{certificate}`"
    assert _messages(CertificateFiles(((certificate, other),), None)) == [f"other.key: {wanted}"]
    rsa = tmp_path / "rsa.key"
    subprocess.run(["openssl", "genrsa", "-out", rsa, "2048"], check=True, capture_output=True)
    assert _messages(CertificateFiles(((certificate, rsa),), None)) == [f"rsa.key: {wanted}"]


def test_key_with_a_passphrase_is_refused_and_nobody_is_asked_for_it(tmp_path: Path) -> None:
    """OpenSSL asks on the terminal, where a service has nobody."""
    certificate, key = authority().files(tmp_path, "localhost")
    locked = tmp_path / "locked.key"
    subprocess.run(
        ["openssl", "pkcs8", "-topk8", "-in", key, "-out", locked, "-passout", "pass:secret"],
        check=True,
    )
    assert _messages(CertificateFiles(((certificate, locked),), None)) == [
        "locked.key: is encrypted; store the key without a passphrase"
    ]


@pytest.mark.parametrize("junk", [b"", b"-----BEGIN CERTIFICATE-----\nabc\n", b"\0\xff"])
def test_file_without_pem_is_named(tmp_path: Path, junk: bytes) -> None:
    """Each of the three."""
    certificate, key = authority().files(tmp_path, "localhost")
    bad = tmp_path / "bad.pem"
    bad.write_bytes(junk)
    for files, part in (
        (CertificateFiles(((bad, key),), None), "certificate"),
        (CertificateFiles(((certificate, key),), bad), "certificate"),
        (CertificateFiles(((certificate, bad),), None), "private key"),
    ):
        assert _messages(files) == [f"bad.pem: contains no PEM {part}"]


def test_certificate_that_is_too_weak_is_told_in_words(tmp_path: Path) -> None:
    """OpenSSL's security level decides."""
    make = "req -x509 -newkey rsa:512 -nodes -subj /CN=a -keyout weak.key -out weak.pem"
    subprocess.run(["openssl", *make.split()], check=True, capture_output=True, cwd=tmp_path)
    chain = (tmp_path / "weak.pem", tmp_path / "weak.key")
    assert _messages(CertificateFiles((chain,), None)) == [
        "weak.pem: is refused by OpenSSL: ee key too small"
    ]


def test_expired_certificate_can_be_served_and_is_found(tmp_path: Path) -> None:
    """Most phones do not check; a restart must not turn them out."""
    chain = authority().files(tmp_path, "localhost", expires=datetime(2020, 1, 2, tzinfo=UTC))
    certificates = Certificates(CertificateFiles((chain,), None))
    (finding,) = find_invalid(certificates, time.time())
    assert finding.message == "expired on 2020-01-02 00:00 UTC"
    assert finding.file == str(chain[0])


def test_validity_is_asked_of_a_time(tmp_path: Path) -> None:
    """Before, within, and after."""
    certificates = Certificates(authority().served(tmp_path))
    (one,) = certificates.shown
    assert find_invalid(certificates, one.begins) == []
    assert find_invalid(certificates, one.ends - WARN_BEFORE - 1) == []
    (soon,) = find_invalid(certificates, one.ends - 1)
    assert soon.severity == "warning"
    assert soon.message.startswith("expires on ")
    (late,) = find_invalid(certificates, one.ends)
    assert late.severity == "error"
    (early,) = find_invalid(certificates, one.begins - 1)
    assert early.message.startswith("is not valid before ")


def test_broken_files_leave_what_was_read_before(tmp_path: Path) -> None:
    """A renewal that went wrong must not end TLS."""
    files = authority().served(tmp_path)
    certificates = Certificates(files)
    before = certificates.shown, certificates.client
    files.chains[0][1].write_text("")
    with pytest.raises(ConfigError):
        certificates.read()
    assert (certificates.shown, certificates.client) == before
    Authority().served(tmp_path)
    certificates.read()
    assert certificates.shown != before[0]
