"""What environments take over from files of others, and every mistake in them with its file and line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import tomli
from hypothesis import given, settings
from hypothesis import strategies as st

from provision.errors import Exit, InputError
from provision.profile.environment import Environment
from provision.profile.lock import Lock
from provision.profile.read import LoadedProfile, load_profile, parse_profile
from provision.profile.yaml_tree import Items, Table, Text, read_yaml

HASH = "0123456789abcdef" * 4
YML = """\
name: lab
channels:
  - conda-forge
  - nodefaults
  - http://mirror.test/lab   # ours
dependencies:
  - python=3.11
  - numpy >=1.26,<3
  - lab::tool=1.0=h0_0
  - pip
  - pip:
      - fastai (>=2.8)
      - -r more/requirements.txt
prefix: /home/me/miniconda3/envs/lab
"""
REQUIREMENTS = """\
# What the project needs
torchmetrics [audio] >= 1.0, < 2  # why
datasets ; python_version >= "3.10"
pandas>=\\
  2
-c ../constraints.txt
--requirement=others.txt
"""
PYLOCK = f"""\
lock-version = "1.0"
created-by = "uv"
requires-python = ">=3.11"

[[packages]]
name = "numpy"
version = "2.4.6"
index = "https://mirror.test/simple"
sdist = {{ url = "https://mirror.test/numpy-2.4.6.tar.gz", size = 1, hashes = {{ sha256 = "{HASH[::-1]}" }} }}
wheels = [
  {{ url = "https://mirror.test/numpy-2.4.6-cp311.whl", hashes = {{ sha256 = "{HASH}" }} }},
]

[[packages]]
name = "ipykernel"
version = "7.4.0"
marker = "sys_platform == 'linux'"
wheels = [{{ url = "https://mirror.test/ipykernel.whl", hashes = {{ sha256 = "{HASH}", md5 = "x" }} }}]
"""


def loaded(folder: Path, *fields: str) -> LoadedProfile:
    path = folder / "workstation.toml"
    path.write_text("\n".join(("[[environment]]", 'name = "lab"', *fields, "")))
    return load_profile(path)


def environment(folder: Path, *fields: str) -> Environment:
    return loaded(folder, *fields).profile.environment[0]


def write(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with one file of each kind, which include others."""
    write(tmp_path / "environment.yml", YML)
    write(tmp_path / "more/requirements.txt", REQUIREMENTS)
    write(tmp_path / "more/others.txt", "pandas>=2\nscipy\n")
    write(tmp_path / "constraints.txt", "numpy<3\n-r more/others.txt\n")
    write(tmp_path / "pylock.toml", PYLOCK)
    return tmp_path


REQUIRED = ("torchmetrics[audio]>=1.0,<2", 'datasets; python_version >= "3.10"', "pandas>=2", "scipy")


def test_an_environment_yml(files: Path) -> None:
    found = environment(files, 'manager = "conda"', 'file = "environment.yml"', 'pip = ["wandb"]', 'packages = ["git"]')
    assert found.python == "3.11"
    assert found.packages == ("git", "numpy >=1.26,<3", "lab::tool=1.0=h0_0", "pip")
    assert found.pip == ("wandb", "fastai>=2.8", *REQUIRED)
    assert found.constraints == ("numpy<3", "pandas>=2", "scipy")
    assert found.channels == ("conda-forge", "http://mirror.test/lab")


def test_channels_of_the_profile_come_first_and_stand_for_those_of_the_same_name(files: Path) -> None:
    channels = 'channels = ["http://copy.test/lab", "bioconda"]'
    found = environment(files, 'manager = "conda"', channels, 'file = "environment.yml"')
    assert found.channels == ("http://copy.test/lab", "bioconda", "conda-forge")


def test_channels_of_the_file_stand_for_the_default(tmp_path: Path) -> None:
    write(tmp_path / "e.yml", "channels: [bioconda]\n")
    assert environment(tmp_path, 'manager = "conda"', 'file = "e.yml"').channels == ("bioconda",)
    write(tmp_path / "e.yml", "channels: [nodefaults]\n")
    assert environment(tmp_path, 'manager = "conda"', 'file = "e.yml"').channels == ("conda-forge",)


@pytest.mark.parametrize(
    ("spec", "python", "packages"),
    [
        ("python=3.12", "3.12", ()),
        ("python ==3.12", "3.12", ()),
        ("python 3.12.*", "3.12", ()),
        ("python=3.12.*", "3.12", ()),
        ("python=3.12.7", "3.12", ("python=3.12.7",)),
        ("python=3.12.7=hc5c86c4_0_cpython", "3.12", ("python=3.12.7=hc5c86c4_0_cpython",)),
        ("python 3.12.7 h0_0", "3.12", ("python 3.12.7 h0_0",)),
        ("python>=3.10", "auto", ("python>=3.10",)),
        ("python", "auto", ("python",)),
        ("python-dateutil=3.12", "auto", ("python-dateutil=3.12",)),
        ("python=3.12,<4", "auto", ("python=3.12,<4",)),
    ],
)
def test_the_python_of_an_environment_yml(tmp_path: Path, spec: str, python: str, packages: tuple[str, ...]) -> None:
    write(tmp_path / "e.yml", f"dependencies:\n  - {spec}\n")
    found = environment(tmp_path, 'manager = "conda"', 'file = "e.yml"')
    assert (found.python, found.packages) == (python, packages)
    assert found.channels == ("conda-forge",)


def test_requirements_are_packages_of_uv_and_pips_of_conda(files: Path) -> None:
    file = 'file = "more/requirements.txt"'
    found = environment(files, file, 'packages = ["git-lfs"]', 'frameworks = ["torch"]')
    assert (found.packages, found.pip) == (("git-lfs", *REQUIRED), ())
    assert found.constraints == ("numpy<3", "pandas>=2", "scipy")
    found = environment(files, 'manager = "conda"', file)
    assert (found.packages, found.pip) == ((), REQUIRED)


def test_a_pylock_is_the_lock_of_its_environment(files: Path) -> None:
    found = loaded(files, 'file = "pylock.toml"')
    assert found.profile.environment[0].packages == ()
    assert found.locks == {
        "lab": Lock(
            f"ipykernel==7.4.0 ; sys_platform == 'linux' \\\n    --hash=sha256:{HASH}\n"
            f"numpy==2.4.6 \\\n    --hash=sha256:{HASH} \\\n    --hash=sha256:{HASH[::-1]}\n"
        )
    }
    found.locks["lab"].check_pip()


def test_a_large_pylock_is_read(tmp_path: Path) -> None:
    file = f'{{ url = "https://mirror.test/x", size = 1, hashes = {{ sha256 = "{HASH}" }} }},\n'
    package = f'[[packages]]\nname = "p{{}}"\nversion = "1"\nwheels = [\n{file * 60}]\n'
    text = PYLOCK + "".join(package.replace("{}", str(number), 1) for number in range(150))
    write(tmp_path / "pylock.toml", text)
    assert loaded(tmp_path, 'file = "pylock.toml"').locks["lab"].pip.count("=1 ") == 150


def test_files_are_found_beside_the_profile_and_by_their_whole_path(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert environment(files, f'file = "{files}/more/requirements.txt"').packages == REQUIRED
    monkeypatch.setenv("HOME", str(files))
    write(files / "sub/requirements.txt", "x\n")
    assert environment(files, 'file = "~/sub/requirements.txt"').packages == ("x",)


def test_only_a_profile_in_a_file_has_files_beside_it() -> None:
    text = '[[environment]]\nname = "lab"\nfile = "requirements.txt"\n'
    assert parse_profile(text).environment[0].packages == ()


@dataclass(frozen=True)
class Bad:
    """A file that must be refused: on `line` (0: as a whole), with `says` in the message and `hint` in the hint."""

    name: str
    content: str | bytes
    line: int
    says: str
    hint: str = ""


def deps(*lines: str) -> str:
    return "\n".join(("dependencies:", *(f"  - {line}" for line in lines), ""))


LAUGHS = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9) if n else 'lol'}]\n" for n in range(12))
BAD_YML = [
    Bad("empty", "", 0, "is empty"),
    Bad("only a comment", "# x\n", 0, "is empty"),
    Bad("a text", "numpy\n", 1, "must be a table"),
    Bad("a list", "- numpy\n", 1, "must be a table", "dependencies"),
    Bad("billion laughs", LAUGHS, 1, "has an anchor or alias"),
    Bad("merge of an alias", "a:\n  <<: *b\n", 2, "has an anchor or alias"),
    Bad("python object", "dependencies: !!python/object/apply:os.system ['id']\n", 1, "has a tag"),
    Bad("own tag", "dependencies:\n  - !x numpy\n", 2, "has a tag"),
    Bad("two documents", "name: a\n---\nname: b\n", 2, "a second document"),
    Bad("key twice", "name: a\nchannels: []\nname: b\n", 3, "name: is given twice, first on line 1"),
    Bad("list as key", "? [a]\n: b\n", 1, "where a key is to be"),
    Bad("deep lists", "dependencies: " + "[" * 5_000, 1, "more than 8 lists"),
    Bad("deep tables", "".join(f"{' ' * n}a:\n" for n in range(1, 900)), 9, "more than 8 lists"),
    Bad("many texts", "dependencies: [" + "a," * 150_000 + "]", 1, "more than 100000 texts"),
    Bad("tab", "dependencies:\n\t- numpy\n", 2, ""),
    Bad("unclosed", "dependencies: [numpy\n", 0, ""),
    Bad("control character", "name: \x07\n", 0, "a character that YAML does not allow"),
    Bad("nul", "name: \x00\n", 1, "NUL"),
    Bad("not utf-8", b"name: \xff\n", 1, "not UTF-8"),
    Bad("utf-16", "name: x\n".encode("utf-16"), 1, "UTF-16"),
    Bad("larger than 1 MiB", "#" * (1 << 20) + "\n", 0, "larger than 1 MiB"),
    Bad("unknown key", "name: a\ndependncies: []\n", 2, "dependncies: unknown key", "did you mean `dependencies`?"),
    Bad("variables", "name: a\nvariables:\n  A: b\n", 2, "variables: are not taken over", "conda env config vars"),
    Bad("channels as text", "channels: conda-forge\n", 1, "channels: must be a list"),
    Bad("channel as a table", "channels:\n  - a: b\n", 2, "channels: must be text"),
    Bad("defaults", "channels:\n  - conda-forge\n  - defaults\n", 3, "channels: is Anaconda's own", "`conda-forge` has the same"),
    Bad("channel with a password", "channels:\n  - https://me:canary@mirror.test/x\n", 2, "holds a password or token"),
    Bad("dependencies as a table", "dependencies:\n  numpy: 1\n", 2, "dependencies: must be a list"),
    Bad("another table", deps("conda: [x]"), 2, "dependencies: must be text, or `pip:` with a list"),
    Bad("pip and more", "dependencies:\n  - pip: [x]\n    conda: [y]\n", 2, "dependencies: must be text, or `pip:`"),
    Bad("pip as text", deps("pip: numpy"), 2, "pip: must be a list"),
    Bad("list in the list", deps("[numpy]"), 2, "dependencies: must be text"),
    Bad("url", deps("numpy", "https://mirror.test/canary.conda"), 3, "dependencies: must be a package's name"),
    Bad("nothing", deps("numpy", ""), 3, "dependencies: must not be empty"),
    Bad("channel of nobody", deps("nvidia::cuda"), 2, "dependencies: a package is from a channel"),
    Bad("another python", deps("python=3.11"), 2, "wants Python 3.11, and the profile 3.12", "leave `python` out"),
    Bad("pip option", deps("pip: ['--index-url https://canary.test']"), 2, "says where packages come from", "frameworks"),
    Bad("pip url", deps("pip: ['x @ https://canary.test/x.whl']"), 2, "must be a package's name, not a file or URL"),
    Bad("pip include of nothing", deps("pip: [-r missing.txt]"), 0, "missing.txt: no such file", "e.yml:2` includes it"),
]
WHERE = "says where packages come from"
BAD_TXT = [
    *(
        Bad(option, f"numpy\n{option}\n", 2, WHERE, "pip config set")
        for option in (
            "--index-url https://me:canary@mirror.test/simple",
            "-i https://canary.test",
            "-ihttps://canary.test",
            "--index-url=https://canary.test",
            "--extra-index-url https://canary.test",
            "--find-links /srv/canary",
            "-f /srv/canary",
            "--trusted-host canary.test",
            "--no-index",
        )
    ),
    Bad("editable", "numpy\n\n-e .\n", 3, "a project in a folder is not taken over"),
    Bad("pre", "--pre\n", 1, "pip's options are not taken over"),
    Bad("only binary", "--only-binary :all:\n", 1, "pip's options are not taken over"),
    Bad("url", "https://canary.test/x.whl\n", 1, "must be a package's name, not a file or URL"),
    Bad("direct reference", "x @ git+https://canary.test/x\n", 1, "must be a package's name, not a file or URL"),
    Bad("folder", "./canary\n", 1, "must be a package's name, not a file or URL"),
    Bad("wheel", "canary-1.0-py3-none-any.whl\nnumpy ==\n", 2, "must be a package's name"),
    Bad("hashes", f"numpy==1 --hash=sha256:{HASH}\n", 1, "has hashes", "--format pylock.toml"),
    Bad("hashes on further lines", f"numpy==1 \\\n    --hash=sha256:{HASH}\n", 1, "has hashes"),
    Bad("config settings", "numpy --config-settings a=b\n", 1, "options of a requirement"),
    Bad("variable", "numpy==${CANARY}\n", 1, "must be a package's name"),
    Bad("single =", "# x\nnumpy=1\n", 2, "has a single `=`", "`==`"),
    Bad("shell", "numpy; $(canary)\n", 1, "must be a package's name"),
    Bad("look-alike", "nump\u0443\n", 1, "U+0443"),
    Bad("include itself", "-r requirements.txt\n", 0, "requirements.txt: includes itself", ":1` includes it"),
    Bad("include a url", "-r https://canary.test/x.txt\n", 1, "what it includes must be a file"),
    Bad("include an option", "-r -x\n", 1, "what it includes must be a file"),
    Bad("include a device", "-r /dev/zero\n", 0, "/dev/zero: is a device"),
    Bad("include a folder", "-c .\n", 0, "is a directory"),
    Bad("include nothing", "-r\n", 1, "pip's options are not taken over"),
    Bad("many", "".join(f"p{n}\n" for n in range(20_000)), 10_001, "more than 10000 requirements"),
    Bad("not utf-8", b"numpy\n\xff\n", 2, "not UTF-8"),
    Bad("json", '{"a": 1}\n', 1, "must be a package's name"),
]
BAD_PYLOCK = [
    Bad("not toml", "lock-version\n", 1, "expected `=`"),
    Bad("another format", "version = 1\n", 0, "lock-version: must be `1.0`", "is it a pylock.toml?"),
    Bad("newer", PYLOCK.replace('"1.0"', '"2.0"', 1), 1, "lock-version: must be `1.0`"),
    Bad("no packages", 'lock-version = "1.0"\n', 0, "packages: must be a list"),
    Bad("packages as text", 'lock-version = "1.0"\npackages = ["x"]\n', 2, "packages: must be a list of tables"),
    Bad("no kernel", PYLOCK.partition('[[packages]]\nname = "ipykernel"')[0], 0, "holds no `ipykernel`", "make the lock anew"),
    Bad("no name", PYLOCK.replace('name = "numpy"', "size = 1"), 5, "packages[0]: `name` and `marker` must be text"),
    Bad("no version", PYLOCK.replace('version = "2.4.6"', ""), 5, "packages[0]: has no version"),
    Bad(
        "from a repository", PYLOCK.replace('version = "7.4.0"', 'vcs = { type = "git" }'), 14, "packages[1]: comes from a `vcs`"
    ),
    Bad("from a folder", PYLOCK.replace('version = "7.4.0"', 'directory = { path = "." }'), 14, "comes from a `directory`"),
    Bad("of a group", PYLOCK.replace("sys_platform ==", "'x' in dependency_groups or sys_platform =="), 14, "or a group only"),
    Bad("no hash", PYLOCK.replace(f', hashes = {{ sha256 = "{HASH}" }}', ""), 5, "packages[0]: has a file without a sha256"),
    Bad("a weak hash", PYLOCK.replace("sha256", "sha1"), 5, "packages[0]: has a file without a sha256"),
    Bad("a short hash", PYLOCK.replace(HASH, HASH[:8]), 5, "packages[0]: has a file without a sha256"),
    Bad("no file", PYLOCK.replace("wheels = [{", "x = [{"), 14, "packages[1]: has no file with a sha256"),
    Bad("option as name", PYLOCK.replace('"numpy"', '"--index-url=https://canary.test"'), 5, "its name, version or marker"),
    Bad("newline in a marker", PYLOCK.replace("'linux'", "'linux'\\n-e ."), 14, "its name, version or marker"),
    Bad("shell in a version", PYLOCK.replace('"2.4.6"', '"$(canary)"'), 5, "its name, version or marker"),
    Bad("deep", "lock-version = " + "[" * 10_000, 1, "brackets within brackets"),
]


@pytest.mark.parametrize(
    ("file", "bad"),
    [
        *(("e.yml", bad) for bad in BAD_YML),
        *(("requirements.txt", bad) for bad in BAD_TXT),
        *(("pylock.toml", bad) for bad in BAD_PYLOCK),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_what_is_not_taken_over_is_refused_with_file_and_line(file: str, bad: Bad, tmp_path: Path) -> None:
    path = tmp_path / file
    path.write_bytes(bad.content if isinstance(bad.content, bytes) else bad.content.encode())
    before = path.read_bytes()
    fields = [f'file = "{file}"', *(['manager = "conda"', 'python = "3.12"'] if file == "e.yml" else [])]
    with pytest.raises(InputError) as caught:
        loaded(tmp_path, *fields)
    error = caught.value
    assert error.exit is Exit.BAD_INPUT
    assert bad.says in error.message
    assert bad.hint in error.hint
    if bad.line:
        assert error.message.startswith(f"{path}:{bad.line}: ")
    else:
        assert error.message.startswith((str(tmp_path), "/dev/zero"))
    assert "canary" not in (error.message + error.hint).lower()
    assert (error.message + error.hint).replace("\n", "").isprintable()
    assert path.read_bytes() == before


@pytest.mark.parametrize("file", ["environment.yml", "requirements.txt", "pylock.toml"])
def test_a_missing_file_says_who_names_it(file: str, tmp_path: Path) -> None:
    manager = "conda" if file == "environment.yml" else "uv"
    with pytest.raises(InputError) as caught:
        loaded(tmp_path, f'manager = "{manager}"', f'file = "{file}"')
    assert caught.value.message == f"{tmp_path / file}: no such file or directory"
    assert caught.value.hint == f"`{tmp_path}/workstation.toml:4` names it"


def test_includes_end(tmp_path: Path) -> None:
    for number in range(40):
        write(tmp_path / f"r{number}.txt", f"p{number}\n-r r{number + 1}.txt\n")
    with pytest.raises(InputError, match="more than 32 files"):
        loaded(tmp_path, 'file = "r0.txt"')
    write(tmp_path / "a.txt", "-c b.txt\n")
    write(tmp_path / "b.txt", "-r a.txt\n")
    with pytest.raises(InputError, match=r"a\.txt: includes itself"):
        loaded(tmp_path, 'file = "a.txt"')


def test_a_file_may_be_included_twice(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", "-r c.txt\n-r b.txt\n")
    write(tmp_path / "b.txt", "-r c.txt\n")
    write(tmp_path / "c.txt", "numpy\n")
    assert environment(tmp_path, 'file = "a.txt"').packages == ("numpy",)


# The YAML itself

words = st.text(alphabet="abcxyz019.-_=<> ", min_size=1, max_size=8).map(str.strip).filter(bool)
trees = st.recursive(words, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=6)


def plain(value: object) -> object:
    if isinstance(value, Text):
        return value.text
    if isinstance(value, Items):
        return [plain(item) for item in value.items]
    assert isinstance(value, Table)
    return {key: plain(item) for key, item in value.entries.items()}


@settings(max_examples=150, deadline=None)
@given(trees)
def test_what_is_written_is_read(tree: object) -> None:
    # JSON is YAML: whatever a text looks like, it stays that text.
    assert plain(read_yaml(json.dumps(tree, indent=1), "F")) == tree


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.sampled_from("ab:- \n[]{}&*!|>#'\"?,%@`0\t"), max_size=40) | st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read_yaml(text, "F")
    except InputError as error:
        assert error.message.startswith("F:")  # noqa: PT017 - either is right
        assert error.message.isprintable()  # noqa: PT017 - as above


def test_lines_are_those_of_the_file() -> None:
    tree = read_yaml("# x\nname: a\nchannels:\n  - b\n  - c\n", "F")
    assert isinstance(tree, Table)
    assert tree.lines == {"name": 2, "channels": 3}
    channels = tree.entries["channels"]
    assert isinstance(channels, Items)
    assert [item.line for item in channels.items] == [4, 5]


def test_numbers_stay_as_they_are_written() -> None:
    assert plain(read_yaml("[3.10, 0x10, yes, null, ~, 1e3, 2026-11-22]", "F")) == [
        "3.10",
        "0x10",
        "yes",
        "null",
        "~",
        "1e3",
        "2026-11-22",
    ]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(PYLOCK)), st.integers(0, 40), st.text(alphabet="ab\"'=[]{}\n -", max_size=5))
def test_a_pylock_that_was_damaged_is_read_as_it_says_or_refused(
    tmp_path_factory: pytest.TempPathFactory, at: int, length: int, other: str
) -> None:
    folder = tmp_path_factory.getbasetemp() / "pylock"
    text = PYLOCK[:at] + other + PYLOCK[at + length :]
    write(folder / "pylock.toml", text)
    try:
        found = loaded(folder, 'file = "pylock.toml"')
    except InputError as error:
        assert error.message.startswith(str(folder))  # noqa: PT017 - either is right
    else:
        lock = found.locks["lab"].pip
        assert lock.count("==") >= len(tomli.loads(text)["packages"])
        assert "://" not in lock
