"""What deploy/proxy and the controller's example limit is one thing, and HAProxy takes the file."""

import datetime as dt
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.rehearse import examples

CONFIG = Path(__file__).parents[2] / "deploy" / "proxy" / "haproxy.cfg"
LIMITS = {
    "tune.bufsize": "16384",
    "tune.http.maxhdr": "100",
    "timeout client": "30s",
    "timeout http-request": "10s",
    "timeout http-keep-alive": "30s",
}


def test_the_controller_and_the_file_limit_the_same() -> None:
    controller = next(one["data"] for one in examples() if one["kind"] == "ConfigMap")
    file = CONFIG.read_text(encoding="utf-8")
    for name, value in LIMITS.items():
        assert re.search(rf"^\s+{name} {value}$", file, re.MULTILINE), name
        if name.startswith("timeout"):
            assert controller[name.replace(" ", "-")] == value
        else:
            assert f"{name} {value}" in controller["global-config-snippet"]
    for text in (file, controller["frontend-config-snippet"]):
        assert "req.hdr_val(content-length) gt 1048576" in text
        assert re.search(r"conn_cur(\(0\))? gt 500", text)


def test_no_path_is_logged_since_a_webhooks_holds_its_secret() -> None:
    (logged,) = re.findall(r'log-format "(.+)"', CONFIG.read_text(encoding="utf-8"))
    assert not re.search(r"%(HP|HU|HPO|HQ|r|\[)", logged)


@pytest.mark.skipif(not shutil.which("haproxy"), reason="there is no haproxy to ask")
def test_haproxy_takes_the_file(tmp_path: Path) -> None:
    (tmp_path / "certificate.pem").write_bytes(_certificate())
    here = tmp_path / "haproxy.cfg"
    text = CONFIG.read_text(encoding="utf-8").replace("/etc/haproxy/certs", str(tmp_path))
    here.write_text(text.replace(f"crt {tmp_path}", f"crt {tmp_path / 'certificate.pem'}"))
    told = subprocess.run(
        ["haproxy", "-c", "-f", str(here)], check=False, capture_output=True, text=True
    )
    assert told.returncode == 0, told.stderr


def _certificate() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "webhook.notaponte.example")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
