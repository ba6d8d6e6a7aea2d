"""pip's settings: what wins, and that no credential is ever taken along."""

from __future__ import annotations

import configparser
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.agent.facts import collect, pip_settings
from provision.facts.model import Person, PipSettings, dump
from tests.unit.facts.recorded import Content, record

ME = Person(name="me", uid=1000, home="/home/me", shell="")
CANARY = "c4n4ry"


def settings(
    folder: Path, files: dict[str, Content], environment: dict[str, str] | None = None, *, person: Person | None = ME
) -> PipSettings:
    return pip_settings.pip_settings(record(folder, files), person, environment or {})


def test_each_place_wins_over_the_one_before(tmp_path: Path) -> None:
    files: dict[str, Content] = {}
    index = iter(range(9))
    for path in ("/etc/xdg/pip/pip.conf", "/etc/pip.conf", "/home/me/.pip/pip.conf", "/home/me/.config/pip/pip.conf"):
        url = f"https://mirror.test/{next(index)}"
        files[path] = f"[global]\nindex-url = {url}\n"
        assert settings(tmp_path / path[1:].replace("/", "_"), files).index_url == url
    files["/etc/environment"] = 'PIP_INDEX_URL="https://mirror.test/environment"\n'
    assert settings(tmp_path / "e", files).index_url == "https://mirror.test/environment"
    assert settings(tmp_path / "p", files, {"PIP_INDEX_URL": "https://mirror.test/p"}).index_url == "https://mirror.test/p"
    del files["/etc/environment"]
    assert settings(tmp_path / "n", files, person=None).index_url == "https://mirror.test/1"


def test_all_settings_of_a_file(tmp_path: Path) -> None:
    text = """# comment
[global]
index_url: http://mirror.test/simple
extra-index-url =
    http://mirror.test/a
    ; not a place
    http://mirror.test/b
--find-links = /srv/wheels http://mirror.test/wheels
cert = /etc/ssl/own.pem
[install]
index-url = http://mirror.test/install
[wheel]
index-url = http://mirror.test/wheel
"""
    assert settings(tmp_path, {"/etc/pip.conf": text}) == PipSettings(
        index_url="http://mirror.test/install",
        extra_index_urls=("http://mirror.test/a", "http://mirror.test/b"),
        find_links=("/srv/wheels", "http://mirror.test/wheels"),
        certificates="/etc/ssl/own.pem",
    )


@pytest.mark.parametrize(
    ("files", "environment", "expected"),
    [
        ({"/etc/pip.conf": "[global]\ncert=/a\n"}, {"SSL_CERT_FILE": "/c"}, "/a"),
        ({"/etc/pip.conf": "[global]\ncert=/a\n"}, {"PIP_CERT": "/b", "SSL_CERT_FILE": "/c"}, "/b"),
        ({"/etc/environment": "SSL_CERT_FILE=/d\n"}, {}, "/d"),
        ({"/etc/environment": "SSL_CERT_FILE=/d\n"}, {"SSL_CERT_FILE": "/c"}, "/c"),
        ({}, {"PIP_CERT": "relative", "SSL_CERT_FILE": "/c"}, "/c"),
        ({}, {}, ""),
    ],
)
def test_certificates(tmp_path: Path, files: dict[str, Content], environment: dict[str, str], expected: str) -> None:
    assert settings(tmp_path, files, environment).certificates == expected


@pytest.mark.parametrize(
    "url",
    [
        f"https://me:{CANARY}@mirror.test/simple",
        f"https://{CANARY}@mirror.test/simple",
        f"https://me:pa/{CANARY}@mirror.test/simple",
        f"https://mirror.test/simple?token={CANARY}",
        f"https://mirror.test/simple#{CANARY}",
        f"git+ssh://git:{CANARY}@mirror.test/x",
    ],
)
def test_a_credential_stays_on_the_machine(tmp_path: Path, url: str) -> None:
    text = f"[global]\nindex-url = {url}\nextra-index-url = {url}\n  https://mirror.test/ok\nfind-links = {url}\ncert = {url}\n"
    files: dict[str, Content] = {
        "/etc/passwd": f"me:{CANARY}:1000:1000:Me:/home/me:/bin/sh\n",
        "/etc/shadow": f"me:{CANARY}:::::::\n",
        "/etc/pip.conf": text,
        "/home/me/.config/pip/pip.conf": text,
        "/etc/environment": f"PIP_INDEX_URL={url}\nPIP_FIND_LINKS='{url}'\nSECRET={CANARY}\n",
        "/proc/cmdline": f"root=/dev/sda1 netroot=iscsi:{url} ip=x",
        "/proc/1/environ": f"TOKEN={CANARY}\0container=lxc\0",
    }
    facts = collect(root=str(record(tmp_path, files).root), login="me")
    assert CANARY not in json.dumps(dump(facts))
    assert facts.virtualization == "lxc"
    found = settings(tmp_path, {}, {"PIP_EXTRA_INDEX_URL": f"{url} https://mirror.test/too", "PIP_CERT": url})
    assert found == PipSettings(extra_index_urls=("https://mirror.test/too",))


WORD = st.from_regex(r"[a-z][a-z0-9]{0,5}(-[a-z]{1,4})?", fullmatch=True)
VALUE = st.lists(st.from_regex(r"[a-z/.:0-9=-]{1,20}", fullmatch=True), min_size=1, max_size=3)


@given(st.dictionaries(WORD, st.dictionaries(WORD, VALUE, max_size=4), max_size=3))
def test_files_are_read_as_configparser_reads_them(sections: dict[str, dict[str, list[str]]]) -> None:
    text = "".join(
        f"[{name}]\n# comment\n" + "".join(f"{key} = " + "\n    ".join(values) + "\n\n" for key, values in options.items())
        for name, options in sections.items()
    )
    theirs = configparser.RawConfigParser()
    theirs.read_string(text)
    found = {name: {key: value.split() for key, value in options.items()} for name, options in pip_settings.parse(text).items()}
    assert found == {name: {key: value.split() for key, value in theirs[name].items()} for name in theirs.sections()}


@given(st.text(st.sampled_from("[]=: \n\t#;ab-_"), max_size=60))
def test_any_file_is_read(text: str) -> None:
    assert isinstance(pip_settings.parse(text), dict)


def test_wheels_of_frameworks_kept_beside_the_index(tmp_path: Path) -> None:
    own = "torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl"
    others = ("numpy-2.4.0-cp311-cp311-manylinux_2_28_x86_64.whl", "torch-2.13.0.tar.gz", "torch-1 $(id).whl", "torch.whl")
    files: dict[str, Content] = {f"/srv/wheels/{name}": "" for name in (own, *others)}
    files["/srv/more/jax-0.12.0-py3-none-any.whl"] = ""
    files["/srv/index.html"] = own
    files["/etc/pip.conf"] = "[global]\nfind-links = /srv/wheels file:///srv/more /srv/none /srv/index.html https://a.test/w"
    assert settings(tmp_path, files).wheels == ("jax-0.12.0-py3-none-any.whl", own)
