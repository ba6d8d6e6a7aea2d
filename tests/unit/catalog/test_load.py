"""Where roles come from, and what is said of those that do not load."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from provision.catalog.load import load_roles
from provision.errors import Exit, InputError

GOOD = '''"""A role of one's own."""
from provision.catalog.role import role
from provision.resources import File
@role(after=("base",))
def {name}(profile, facts):
    """Yield one file."""
    yield File(path="/etc/{name}")
'''


def put(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text(text)
    return folder


def test_the_shipped_roles_in_the_order_of_their_names() -> None:
    roles = load_roles()
    assert list(roles) == sorted(roles)
    assert {"base", "environments", "jupyter", "ssh"} <= set(roles)
    assert all(role.summary and len(role.summary) < 130 and not role.summary.endswith(".") for role in roles.values())


def test_a_folder_of_ones_own(tmp_path: Path) -> None:
    put(tmp_path, "mine", GOOD.format(name="mine"))
    put(tmp_path, "_shared", "raise SystemExit('never imported')")
    role = load_roles([tmp_path])["mine"]
    assert (role.summary, role.after) == ("A role of one's own", ("base",))
    assert "provision_roles.mine" not in sys.modules


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def", r"mine\.py` line 1 fails to import: SyntaxError"),
        ("import os\n\nimport not_there", r"mine\.py` line 3 fails to import: ModuleNotFoundError: No module named 'not_there'"),
        ("x = 1\nraise ValueError('oh')", r"mine\.py` line 2 fails to import: ValueError: oh"),
        ("raise SystemExit(3)", r"mine\.py` line 1 fails to import: SystemExit: 3"),
        ("x = 1", r"mine\.py` holds no role"),
        ("from provision.catalog.role import Role", r"mine\.py` holds no role"),
        ("\0", r"mine\.py` fails to import|mine\.py` line 1 fails to import"),
    ],
)
def test_a_file_that_does_not_load_is_named_with_the_reason(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        load_roles([put(tmp_path, "mine", text)])
    assert caught.value.exit is Exit.BAD_INPUT


def test_two_roles_of_one_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"two roles are called `ssh`: in .*roles/ssh\.py and in .*/ssh2\.py"):
        load_roles([put(tmp_path, "ssh2", GOOD.format(name="ssh"))])


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder of roles"):
        load_roles([tmp_path / "nowhere"])


def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str, module: str) -> None:
    package = tmp_path / "site"
    put(package, "brought", module)
    info = package / "brought-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: brought\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[provision.roles]\nbrought = {entry}\n")
    monkeypatch.syspath_prepend(package)
    monkeypatch.delitem(sys.modules, "brought", raising=False)


def test_a_role_that_an_installed_package_brings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path, monkeypatch, "brought:brought", GOOD.format(name="brought"))
    assert "brought" in load_roles()


@pytest.mark.parametrize(
    ("entry", "module", "said"),
    [
        ("brought:brought", "raise ValueError('oh')", r"`brought:brought` \(installed\) fails to import: ValueError: oh"),
        ("brought:x", "x = 1", r"`brought:x` \(installed\) is not a role but a int"),
    ],
)
def test_an_installed_role_that_does_not_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str, module: str, said: str
) -> None:
    installed(tmp_path, monkeypatch, entry, module)
    with pytest.raises(InputError, match=said):
        load_roles()
