"""Users from recorded passwd and group files."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.agent.facts import people
from provision.agent.facts.tree import Tree
from provision.facts.model import Person
from tests.unit.facts.recorded import record

USERS = """root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
me:x:1000:1000:Me,,,:/home/me:/bin/zsh
you:x:1001:1001::/home/you:/bin/bash
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
late:x:60000:60000::/home/late:/bin/sh
+::::::
broken:x:1002
worse:x:²:1::/:/bin/sh
huge:x:99999999999999999999999:1::/:/bin/sh
me:x:1003:1003:a second line of the same name:/home/other:/bin/sh
"""
GROUP = "root:x:0:\nsudo:x:27:me,ghost\nrender:x:105:you,me\nme:x:1000:\nyou:x:1001:you\ngarbage\n"


def person(name: str, uid: int, home: str, shell: str, groups: tuple[str, ...]) -> Person:
    return Person(name=name, uid=uid, home=home, shell=shell, groups=groups)


def test_people(tmp_path: Path) -> None:
    assert people.people(record(tmp_path, {"/etc/passwd": USERS, "/etc/group": GROUP})) == (
        person("root", 0, "/root", "/bin/bash", ("root",)),
        person("me", 1000, "/home/me", "/bin/zsh", ("me", "sudo", "render")),
        person("you", 1001, "/home/you", "/bin/bash", ("you", "render")),
    )


def test_no_passwd_no_people(tmp_path: Path) -> None:
    assert people.people(record(tmp_path, {}), also="me") == ()


def test_a_caller_that_only_the_directory_service_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    user = pwd.struct_passwd(("remote", "x", 70000, 0, "", "/home/remote", "/bin/bash"))
    monkeypatch.setattr(pwd, "getpwnam", {"remote": user}.__getitem__)
    monkeypatch.setattr(os, "getgrouplist", lambda *_: [0])
    last = people.people(Tree(), also="remote")[-1]
    assert last == person("remote", 70000, "/home/remote", "/bin/bash", ("root",))
    assert "absent" not in {item.name for item in people.people(Tree(), also="absent")}


def test_who_called(tmp_path: Path) -> None:
    recorded = record(tmp_path, {})
    assert people.login_name(recorded, "given", {"SUDO_USER": "sudo"}) == "given"
    assert people.login_name(recorded, "", {"SUDO_USER": "sudo"}) == "sudo"
    assert people.login_name(recorded, "", {}) == "root"
    assert people.login_name(Tree(), "", {}) == pwd.getpwuid(os.getuid()).pw_name


NAMES = st.from_regex(r"[a-z_][a-z0-9_-]{0,8}", fullmatch=True)
FIELD = st.text(st.characters(blacklist_characters=":\n\r\x00", blacklist_categories=["C", "Z"]))


@given(st.dictionaries(NAMES, st.tuples(st.integers(1000, 59999), FIELD, FIELD), max_size=5))
def test_what_passwd_holds_is_found(tmp_path_factory: pytest.TempPathFactory, users: dict[str, tuple[int, str, str]]) -> None:
    folder = tmp_path_factory.mktemp("passwd", numbered=True)
    lines = "".join(f"{name}:x:{uid}:{uid}:{gecos}:/home/{name}:{shell}\n" for name, (uid, gecos, shell) in users.items())
    found = people.people(record(folder, {"/etc/passwd": lines}))
    assert {item.name: (item.uid, item.shell) for item in found} == {
        name: (uid, shell) for name, (uid, _, shell) in users.items()
    }


@given(st.text())
def test_any_passwd_is_read(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("garbage", numbered=True)
    data = text.encode("utf-8", "surrogatepass")
    people.people(record(folder, {"/etc/passwd": data, "/etc/group": data}))
