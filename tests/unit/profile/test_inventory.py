"""Which machines an inventory and `--limit` name."""

from __future__ import annotations

from pathlib import Path

import pytest

from provision.errors import InputError
from provision.profile.inventory import HostEntry, limit, load_inventory

TEXT = """
[[host]]
name = "me@gpu-01"
profile = "lab.toml"
groups = ["lab", "ampere"]

[[host]]
name = "gpu-02.lab.test"
profile = "/srv/b c.toml"
groups = ["lab"]

[[host]]
name = "me@[fd00::1]"
profile = "~/c.toml"
"""


@pytest.fixture
def entries(tmp_path: Path) -> tuple[HostEntry, ...]:
    (tmp_path / "lab").write_text(TEXT)
    return load_inventory(tmp_path / "lab")


def test_hosts_in_order(entries: tuple[HostEntry, ...], tmp_path: Path) -> None:
    assert [entry.name for entry in entries] == ["me@gpu-01", "gpu-02.lab.test", "me@[fd00::1]"]
    assert [entry.profile for entry in entries] == [tmp_path / "lab.toml", Path("/srv/b c.toml"), Path.home() / "c.toml"]
    assert entries[0].groups == ("lab", "ampere")
    assert entries[0].host == "gpu-01"


def test_a_host_without_a_profile(tmp_path: Path) -> None:
    (tmp_path / "lab").write_text("[[host]]\nname = 'a'\n")
    assert load_inventory(tmp_path / "lab") == (HostEntry("a"),)


@pytest.mark.parametrize(
    ("patterns", "chosen"),
    [
        ("*", [0, 1, 2]),
        ("gpu-*", [0, 1]),
        ("me@*", [0, 2]),
        ("lab", [0, 1]),
        ("ampere,gpu-02*", [0, 1]),
        (" gpu-01 , ", [0]),
        ("gpu-0[2-9]*", [1]),
    ],
)
def test_limit(entries: tuple[HostEntry, ...], patterns: str, chosen: list[int]) -> None:
    assert limit(entries, patterns) == tuple(entries[index] for index in chosen)


@pytest.mark.parametrize(
    ("patterns", "hint"), [("gpu-03", "did you mean `gpu-01`?"), ("gpu-01,zzz", "known: "), ("", "gpu-"), (",", "gpu-")]
)
def test_a_pattern_that_matches_nothing_is_a_mistake(entries: tuple[HostEntry, ...], patterns: str, hint: str) -> None:
    with pytest.raises(InputError) as caught:
        limit(entries, patterns)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("[[host]]\nname = '-oProxyCommand=id'\n", 2, "host[0].name: must be `HOST`"),
        ("[[host]]\nname = 'me@-x'\n", 2, "host[0].name: must be"),
        ("[[host]]\nname = 'a;id'\n", 2, "host[0].name: must be"),
        ("[[host]]\nname = 'a b'\n", 2, "host[0].name: must be"),
        ("[[host]]\nname = 'h\u043est'\n", 2, "U+043E"),
        ("[[host]]\nname = ''\n", 2, "must not be empty"),
        ("[[host]]\nname = 'a'\n[[host]]\nname = 'a'\n", 4, "is given twice, on line 2"),
        ("[[host]]\nprofile = 'a'\n", 1, "host[0].name: is missing"),
        ("[[host]]\nname = 'a'\nprofil = 'a'\n", 3, "host[0].profil: unknown key"),
        ("[[host]]\nname = 'a'\ngroups = 'a'\n", 3, "host[0].groups: must be a list"),
        ("[[host]]\nname = 'a'\ngroups = ['*']\n", 3, "host[0].groups[0]: must be"),
        ("[[host]]\nname = 'a'\nprofile = 5\n", 3, "host[0].profile: must be text"),
        ("[[host]]\nname = 'a'\nprofile = '-x'\n", 3, "host[0].profile: must be a path"),
        ("host = []\n", 1, "host: must not be empty"),
        ("[host]\nname = 'a'\n", 1, "write `[[host]]`"),
        ("[[hosts]]\nname = 'a'\n", 1, "did you mean `host`?"),
    ],
)
def test_mistakes_have_file_and_line(text: str, line: int, says: str, tmp_path: Path) -> None:
    path = tmp_path / "lab"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_inventory(path)
    assert f"{path}:{line}: " in caught.value.message
    assert says in caught.value.message + caught.value.hint


def test_an_empty_inventory_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "lab").write_text("")
    with pytest.raises(InputError, match="host: is missing"):
        load_inventory(tmp_path / "lab")
