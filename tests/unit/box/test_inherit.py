"""What a box inherits of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from provision.box import inherit, pip_settings
from provision.box.inherit import Inheritance, apt_options, certificates_digest, inheritance
from provision.box.pip_settings import PipSettings

DUMP = """\
APT "";
Acquire::http "";
Acquire::http::Proxy "http://proxy.test:3128";
Acquire::http::Proxy::mirror.test "DIRECT";
Acquire::http::Proxy-Auto-Detect "/usr/local/bin/find-proxy";
Acquire::https::Verify-Peer "true";
Acquire::Check-Valid-Until "false";
Acquire::IndexTargets::deb::Packages::MetaKey "x";
DPkg::Post-Invoke:: "rm -f /var/cache/apt/archives/*.deb || true";
"""


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Done:
        stdout = DUMP

    for name in (*inherit.PROXIES, "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(inherit, "run", lambda _: Done)
    monkeypatch.setattr(pip_settings, "here", PipSettings)
    monkeypatch.setattr(inherit, "_credentials", list)


def texts(found: Inheritance) -> dict[str, str]:
    return {file.path: file.text for file in found.files}


def test_apt_keeps_how_packages_are_reached_and_runs_nothing_of_ours() -> None:
    lines = apt_options().splitlines()
    assert 'Acquire::http::Proxy "http://proxy.test:3128";' in lines
    assert 'Acquire::http::Proxy::mirror.test "DIRECT";' in lines
    assert 'Acquire::Check-Valid-Until "false";' in lines
    assert not [line for line in lines if "Auto-Detect" in line or "Post-Invoke" in line or "IndexTargets" in line]


def test_a_bare_machine_gives_no_empty_files() -> None:
    assert set(texts(inheritance("10.0.2.2"))) == {"/etc/apt/apt.conf.d/90provision-box-host"}


def test_a_proxy_on_our_loopback_becomes_the_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://me:secret@127.0.0.1:3128/")
    monkeypatch.setenv("no_proxy", "localhost")
    found = inheritance("10.0.2.2")
    assert texts(found)["/etc/environment"] == "http_proxy=http://me:secret@10.0.2.2:3128/\nno_proxy=localhost\n"
    assert (
        texts(found)["/etc/apt/apt.conf.d/91provision-box-proxy"] == 'Acquire::http::Proxy "http://me:secret@10.0.2.2:3128/";\n'
    )
    assert found.host_loopback
    assert "secret" not in repr(found)


def test_a_proxy_elsewhere_needs_no_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.test:3128")
    assert not inheritance("10.0.2.2").host_loopback


def test_pip_gets_our_indexes_and_certificates(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "own.pem").write_text("PEM")
    (tmp_path / "wheels").mkdir()
    settings = PipSettings(
        index_url="http://localhost:3141/simple", find_links=(f"{tmp_path}/wheels",), cert=f"{tmp_path}/own.pem"
    )
    monkeypatch.setattr(pip_settings, "here", lambda: settings)
    found = inheritance("10.0.2.2")
    assert texts(found)[inherit.PIP_BUNDLE] == "PEM"
    conf = texts(found)["/etc/pip.conf"]
    assert "index-url = http://10.0.2.2:3141/simple" in conf
    assert f"cert = {inherit.PIP_BUNDLE}" in conf
    assert found.directories == (tmp_path / "wheels",)
    assert found.host_loopback


def test_uv_settings_of_the_user_come_first(tmp_path: Path) -> None:
    (tmp_path / ".config/uv").mkdir(parents=True)
    (tmp_path / ".config/uv/uv.toml").write_text("offline = true\n")
    assert texts(inheritance("10.0.2.2"))["/etc/uv/uv.toml"] == "offline = true\n"


def test_extra_certificates_decide_about_the_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(inherit, "CERTIFICATES", tmp_path / "absent")
    assert certificates_digest() == ""
    monkeypatch.setattr(inherit, "CERTIFICATES", tmp_path)
    assert certificates_digest() == ""
    (tmp_path / "own.crt").write_text("one")
    first = certificates_digest()
    (tmp_path / "own.crt").write_text("two")
    assert first != certificates_digest() != ""
