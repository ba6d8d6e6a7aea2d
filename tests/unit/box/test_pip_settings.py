"""pip's settings, as pip reads them, for uv and for boxes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from provision.box import pip_settings
from provision.box.pip_settings import PipSettings, files, read


def settings(tmp_path: Path, *texts: str, **environment: str) -> PipSettings:
    paths = []
    for number, text in enumerate(texts):
        paths.append(tmp_path / f"{number}.conf")
        paths[-1].write_text(text)
    return read(environment, paths)


def test_later_files_win_and_variables_win_over_files(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        "[global]\nindex-url = http://one.test\ncert = /one.pem\ntimeout = 9\n",
        "[global]\nindex_url = http://two.test\n[install]\nfind-links = /wheels\n    http://links.test\n[freeze]\ntimeout = 1\n",
        PIP_CERT="/three.pem",
        PIP_EXTRA_INDEX_URL="http://a.test http://b.test",
        PIP_FIND_LINKS="",
    )
    assert found == PipSettings(
        index_url="http://two.test",
        extra_index_urls=("http://a.test", "http://b.test"),
        find_links=("/wheels", "http://links.test"),
        cert="/three.pem",
        others=(("timeout", "9"),),
    )


def test_a_broken_file_is_left_to_pip(tmp_path: Path) -> None:
    assert settings(tmp_path, "index-url = no section", "[global]\ncert = /c\n").cert == "/c"


def test_what_is_written_reads_back_the_same(tmp_path: Path) -> None:
    whole = PipSettings(
        index_url="http://i.test/%20",
        extra_index_urls=("file:///a", "file:///b"),
        find_links=("/w",),
        cert="/c",
        others=(("trusted-host", "i.test"),),
    )
    assert settings(tmp_path, whole.conf()) == whole
    assert settings(tmp_path, whole.conf(cert="/other")).cert == "/other"
    assert PipSettings().conf() == ""


def test_local_places_are_folders_to_bind(tmp_path: Path) -> None:
    (tmp_path / "index with space" / "simple").mkdir(parents=True)
    (tmp_path / "wheels").mkdir()
    found = PipSettings(
        index_url=f"file://{tmp_path}/index%20with%20space/simple",
        extra_index_urls=("http://mirror.test/simple", f"file://{tmp_path}/absent"),
        find_links=(str(tmp_path / "wheels"), "relative", str(tmp_path / "wheels")),
    )
    assert found.directories() == (tmp_path / "index with space", tmp_path / "wheels")


def test_uv_is_told_what_pip_knows_and_not_what_it_was_told_already() -> None:
    found = PipSettings(index_url="http://i.test", extra_index_urls=("http://e.test",), find_links=("/a", "/b"), cert="/c")
    assert found.for_uv({"SSL_CERT_FILE": "/mine"}) == {
        "UV_DEFAULT_INDEX": "http://i.test",
        "UV_INDEX": "http://e.test",
        "UV_FIND_LINKS": "/a,/b",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }
    assert PipSettings().for_uv({}) == {}


def test_files_are_those_pip_reads() -> None:
    home = Path("/home/me")
    assert files({"PIP_CONFIG_FILE": "/dev/null"}, home) == ()
    named = files({"PIP_CONFIG_FILE": "/mine.conf", "XDG_CONFIG_HOME": "/config"}, home)
    assert [str(path) for path in named[-3:]] == ["/home/me/.pip/pip.conf", "/config/pip/pip.conf", "/mine.conf"]


@pytest.mark.parametrize("value", ["http://i.test/a b", "http://i.test/$(touch x)`id`'\""])
def test_the_program_prints_what_a_shell_can_take(tmp_path: Path, value: str) -> None:
    environment = {"PIP_CONFIG_FILE": "/dev/null", "PIP_INDEX_URL": value, "PATH": "/usr/bin:/bin"}
    script = f'eval "$({sys.executable} -I {pip_settings.__file__})"; printf %s "$UV_DEFAULT_INDEX"'
    done = subprocess.run(["sh", "-c", script], env=environment, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == value
    assert list(tmp_path.iterdir()) == []
