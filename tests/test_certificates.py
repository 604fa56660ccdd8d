import ssl

import httpx._transports.default as transports
import pytest


def test_clients_share_what_they_verify_by_unless_they_ask_for_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = transports.create_ssl_context()
    assert transports.create_ssl_context(verify=True, cert=None, trust_env=True) is usual
    assert (usual.verify_mode, usual.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert usual.get_ca_certs()
    unchecked = transports.create_ssl_context(verify=False)
    assert (unchecked is usual, unchecked.verify_mode) == (False, ssl.CERT_NONE)
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
    with pytest.raises(FileNotFoundError):
        transports.create_ssl_context()
