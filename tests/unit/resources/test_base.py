"""Resources are data: what they refuse, and that they come back from JSON as they were."""

from __future__ import annotations

import dataclasses
import importlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import provision
from provision import resources as r
from provision.errors import InputError
from provision.resources import base
from provision.resources.base import Blob, Resource, Secret, check_mode, check_path, check_setting, dump, load, resource_class
from tests.unit.run.samples import every_kind

SAMPLES = every_kind(Path("/srv/x"), "me")
CANARY = "canary-22ab"


@pytest.mark.parametrize("resource", SAMPLES, ids=lambda resource: resource.kind)
def test_every_kind_comes_back_from_json(resource: Resource) -> None:
    again = load(json.loads(json.dumps(dump(resource, redact=False))))
    assert again == resource
    assert type(again) is type(resource) is resource_class(resource.kind)
    assert resource.key == f"{resource.kind}:{resource.identity}"
    assert resource.claims
    assert resource.title
    assert dataclasses.is_dataclass(resource)
    with pytest.raises(dataclasses.FrozenInstanceError):
        resource.kind = "other"  # type: ignore[misc]  # the point


@pytest.mark.parametrize("kind", ["base", "public_key", "nothing", "File", "", "../base", "file.x", "json", "__init__", "text"])
def test_what_is_no_kind_is_refused(kind: str) -> None:
    with pytest.raises(InputError):
        resource_class(kind)


def test_malformed_resources_are_refused() -> None:
    with pytest.raises(InputError, match="malformed `file` resource"):
        load({"kind": "file", "path": "/x", "nothing": 1})
    with pytest.raises(InputError, match="malformed `file` resource"):
        load({"kind": "file"})


def test_a_secret_is_shown_nowhere_but_where_it_is_asked_for() -> None:
    secret = Secret(CANARY)
    shown = (repr(secret), str(secret), f"{secret!r} {secret}", repr(r.File(path="/x", content=secret)), repr([secret]))
    assert not any(CANARY in text for text in shown)
    resource = r.File(path="/x", content=secret)
    assert CANARY not in json.dumps(dump(resource))
    assert dump(resource)["content"] == {"$secret": "***"}
    again = load(dump(resource, redact=False))
    assert isinstance(again, r.File)
    assert isinstance(again.content, Secret)
    assert again.content.reveal() == CANARY
    assert secret == Secret(CANARY) != Secret("other")
    assert secret != CANARY
    assert len({secret, Secret(CANARY)}) == 1


def test_blobs_travel_as_their_hash() -> None:
    blob = Blob.of(b"large")
    resource = r.File(path="/x", content=blob)
    assert dump(resource)["content"] == {"$blob": blob.sha256, "size": 5}
    assert load(dump(resource)) == resource


@given(
    path=st.text(max_size=12)
    | st.lists(st.sampled_from(["a", "..", ".", "", "\n", "b c"]), max_size=5).map(lambda p: "/" + "/".join(p))
)
def test_paths_that_are_taken_are_absolute_and_normal(path: str) -> None:
    try:
        check_path(path)
    except InputError:
        return
    assert path.startswith("/")
    assert str(Path(path)) == path
    assert ".." not in path.split("/")
    assert path.isprintable() or not any(ord(char) < 32 or ord(char) == 127 for char in path)


@pytest.mark.parametrize("path", ["", "a", "/a/", "/a//b", "/a/../b", "/./a", "/a\nb", "/a\x7f", "//"])
def test_paths_that_are_refused(path: str) -> None:
    with pytest.raises(InputError):
        check_path(path)


def test_the_root_is_a_path() -> None:
    check_path("/")


@pytest.mark.parametrize("mode", [-1, 0o10000])
def test_modes_that_are_none(mode: int) -> None:
    with pytest.raises(InputError, match="out of range"):
        check_mode(mode)


@pytest.mark.parametrize(
    ("name", "value"),
    [("lower", "x"), ("A=B", "x"), ("A", "x\ny"), ("A", "https://me:pw@mirror.test/"), ("A", "http://token@mirror.test")],
)
def test_settings_that_are_refused(name: str, value: str) -> None:
    with pytest.raises(InputError) as caught:
        check_setting(name, value)
    assert "pw" not in caught.value.message


NAMES = ("", "..", "../etc", "a;b", "0", "-x", "Root", "a" * 33, "a b", "a\n", "\u0430dmin", "a.b")


@pytest.mark.parametrize("name", NAMES)
def test_no_user_or_group_of_such_a_name(name: str) -> None:
    for make in (
        lambda: r.User(name=name),
        lambda: r.Group(name=name),
        lambda: r.File(path="/x", owner=name),
        lambda: r.Directory(path="/x", owner=name),
    ):
        with pytest.raises(InputError):
            make()


@pytest.mark.parametrize("name", ["g++", "memtest86+", "python3.11", "libc6:amd64", "0ad", "lib32z1", "bonnie++", "a2"])
def test_names_of_real_packages(name: str) -> None:
    assert r.Packages(names=(name,)).identity == name


@pytest.mark.parametrize(
    "name",
    ["vim-", "vim-:amd64", "openssh-server-", "-y", "+x", "vim/stable", "vim=1", "Vim", "v", "", "vim *", "vim;id", "~nvim"],
)
def test_names_that_apt_would_read_as_something_else(name: str) -> None:
    with pytest.raises(InputError):
        r.Packages(names=(name,))


@pytest.mark.parametrize(
    "make",
    [
        lambda: r.Packages(names=()),
        lambda: r.Packages(names=("vim",), answers=(("a", "b", "c"),)),  # type: ignore[arg-type]  # the point
        lambda: r.Packages(names=("vim",), answers=(("a", "b", "select", "x\ny"),)),
        lambda: r.Command(name="x", argv=("true",)),
        lambda: r.Command(name="x", argv=("true",), creates="/x", unless=("true",)),
        lambda: r.Command(name="x", argv=(), creates="/x"),
        lambda: r.Command(name="x", argv=("a\0b",), creates="/x"),
        lambda: r.Service(unit="ssh.service", masked=True),
        lambda: r.Service(unit="ssh"),
        lambda: r.Service(unit="../x.service"),
        lambda: r.Unit(name="x.service", dropin="../y"),
        lambda: r.Hostname(name="a_b"),
        lambda: r.Hostname(name=""),
        lambda: r.Timezone(name="../etc/passwd"),
        lambda: r.Timezone(name="/etc/passwd"),
        lambda: r.Locale(name="en US"),
        lambda: r.Locale(name="x;id"),
        lambda: r.Sysctl(name="../x", value="1"),
        lambda: r.Sysctl(name="kernel.panic", value="1\n2"),
        lambda: r.Link(path="/x", target="a\nb"),
        lambda: r.Line(path="/x", name="a\nb", lines=("a",)),
        lambda: r.Line(path="/x", name="a", lines=("a\nb",)),
        lambda: r.Download(url="file:///etc/passwd", path="/x", sha256="0" * 64),
        lambda: r.Download(url="http://mirror.test/x", path="/x", sha256="xyz"),
        lambda: r.AptSource(name="../x"),
        lambda: r.AptPin(name="../x"),
        lambda: r.AptPin(name="x", packages=("a",), pin="a\nb"),
        lambda: r.GeneratedSecret(path="/x", length=1),
        lambda: r.AuthorizedKeys(user="me", keys=("ssh-rsa nonsense",)),
        lambda: r.Reboot(name="a b", because="x"),
        lambda: r.Reboot(name="a", because="x", unless_loaded="../x"),
        lambda: r.Alternative(name="../x", link="/x", path="/y"),
        lambda: r.Alternative(name="--all", link="/x", path="/y"),
        lambda: r.Alternative(name="x", link="x", path="/y"),
        lambda: r.Alternative(name="x", link="/x", path="/y/../z"),
        lambda: r.AptComponents(components=()),
        lambda: r.AptComponents(components=("main", "a b")),
        lambda: r.AptComponents(components=("[trusted=yes]",)),
        lambda: r.AptSource(name="x", uris=("http://mirror.test/x",), suites=("./",), key_url="file:///x", fingerprint="A" * 40),
        lambda: r.AptSource(name="x", uris=("http://mirror.test/x",), suites=("./",), key_url="http://mirror.test/k"),
        lambda: r.DriverModule(flavour="free"),
        lambda: r.DriverModule(branch=-1),
        lambda: r.DriverModule(branch=True),
        lambda: r.Initramfs(after=()),
        lambda: r.Initramfs(after=("../x",)),
        lambda: r.Uv(version="1;2", hashes=("0" * 64,)),
    ],
)
def test_what_no_machine_should_be_asked_for(make: object) -> None:
    assert callable(make)
    with pytest.raises(InputError):
        make()


def test_nouns_are_imported_when_they_are_named() -> None:
    assert sorted(resource_class(sample.kind).__name__ for sample in SAMPLES) == sorted(
        set(r.__all__) - {"Blob", "Resource", "Secret"}
    )
    assert r.Secret is base.Secret
    with pytest.raises(AttributeError):
        r.Nothing  # noqa: B018 - the point


def test_a_resource_without_an_identity_is_none() -> None:
    class Nameless(Resource):
        kind = "nameless"

    with pytest.raises(NotImplementedError):
        _ = Nameless().key


def test_every_module_that_holds_a_kind_has_a_provider() -> None:
    folder = Path(provision.__file__).parent
    for sample in SAMPLES:
        assert (folder / f"agent/providers/{sample.kind}.py").is_file()
        assert importlib.import_module(f"provision.agent.providers.{sample.kind}").provider
