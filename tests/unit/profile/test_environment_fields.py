"""Environments in the profile: what is taken is what the tools read, and a profile stays a key of caches."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError
from rattler import MatchSpec

from provision.errors import InputError
from provision.knowledge.tables import FRAMEWORKS, knowledge
from provision.profile.conda_fields import CHANNEL, MATCH_SPEC, channel_name
from provision.profile.environment_fields import FRAMEWORK, Pairs, file_kind
from provision.profile.read import parse_profile

NAME = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,6}[A-Za-z0-9]\Z")
VERSION = st.from_regex(r"\A[0-9]{1,3}(\.[0-9]{1,3}){0,2}(a[0-9])?(\.\*)?\Z")
SIGN = st.sampled_from(["==", "=", "~=", "!=", ">=", "<=", ">", "<"])
BUILD = st.sampled_from(["py312_0", "cuda129*", "*_cpython", "h0a1b2c3_0", "*cuda*"])


@st.composite
def specs(draw: st.DrawFn) -> str:
    """MatchSpecs as people write them."""
    name, version, build = draw(NAME), draw(VERSION), draw(BUILD)
    several = ",".join(f"{draw(SIGN)}{draw(VERSION)}" for _ in range(draw(st.integers(1, 2))))
    forms = [
        name,
        f"{name}={version}",
        f"{name}=={version}={build}",
        f"{name}={version}={build}",
        f"{name} {version}",
        f"{name} {version} {build}",
        f"{name}{several}",
        f"{name} {several}",
        f"{name} {several} {build}",
        f"{name}[version='{several}']",
        f"{name}[version='{several}', build={build.strip('*')}]",
        f'{name}[build="{build}"]',
        f"conda-forge::{name}={version}",
    ]
    return draw(st.sampled_from(forms))


@settings(max_examples=300, deadline=None)
@given(specs())
def test_what_is_taken_is_a_spec_that_rattler_reads_by_name(text: str) -> None:
    try:
        checked = MATCH_SPEC.check(text)
    except PydanticCustomError:
        assert "~=" in text or text.endswith((".conda", ".tar.bz2")), text
        return
    try:
        spec = MatchSpec(checked)
    except Exception:  # noqa: BLE001 - whatever rattler raises
        assert re.search(r"\*|~=", text), text  # odd uses of a star: the solver says so
        return
    assert spec.name is not None
    assert str(spec.name.normalized if hasattr(spec.name, "normalized") else spec.name).lower() in text.lower()
    assert getattr(spec, "url", None) is None
    assert spec.md5 is None
    assert spec.sha256 is None


@given(st.text(alphabet=st.sampled_from("ab1=<>!~.,|*[]'\" :/@-_;$()\n%{}"), max_size=24))
def test_whatever_is_taken_names_a_package_and_no_place(text: str) -> None:
    try:
        MATCH_SPEC.check(text)
    except PydanticCustomError:
        return
    assert re.match(r"([A-Za-z0-9][A-Za-z0-9_./-]*::)?_?[A-Za-z0-9]", text)
    assert not re.search(r"://|@|[;$()\n%{}]|url|^-", text)


@pytest.mark.parametrize(
    ("channel", "name"),
    [
        ("conda-forge", "conda-forge"),
        ("lab/label/dev", "lab/label/dev"),
        ("https://mirror.test/conda/conda-forge", "conda-forge"),
        ("https://mirror.test/lab/label/dev", "lab/label/dev"),
        ("http://127.0.0.1:8080/lab", "lab"),
        ("file:///srv/channel", "channel"),
    ],
)
def test_what_a_channel_is_called(channel: str, name: str) -> None:
    assert CHANNEL.check(channel) == channel
    assert channel_name(channel) == name


def test_a_channel_of_somebody_elses_on_the_same_host_is_free() -> None:
    for channel in (
        "https://conda.anaconda.test/conda-forge",
        "http://mirror.test/anaconda/cloud/x",
        "anaconda-cluster",
        "lab/main",
    ):
        assert CHANNEL.check(channel) == channel


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("environment.yml", "conda"),
        ("envs/torch.yaml", "conda"),
        ("requirements.txt", "requirements"),
        ("requirements-dev.txt", "requirements"),
        ("pylock.toml", "pylock"),
        ("/srv/pylock.lab.toml", "pylock"),
        ("workstation.toml", ""),
        ("pylock.a.b.toml", ""),
        ("Pipfile", ""),
    ],
)
def test_what_a_file_is(name: str, kind: str) -> None:
    assert file_kind(name) == kind


def test_every_framework_and_release_of_the_tables_can_be_asked_for() -> None:
    assert {build.framework for build in knowledge().builds} == set(FRAMEWORKS)
    for build in knowledge().builds:
        assert FRAMEWORK.check(build.framework) == build.framework
        assert FRAMEWORK.check(f"{build.framework}=={build.version}")
        assert FRAMEWORK.check(f"{build.framework}=={build.version}.*")


def test_a_profile_with_tables_is_still_a_key() -> None:
    text = "[conda]\nmirrors = {{ lab = 'http://mirror.test/{}' }}\n"
    one, same, other = (parse_profile(text.format(name)) for name in ("a", "a", "b"))
    assert hash(one) == hash(same)
    assert one == same
    assert one != other
    assert one.conda.mirrors == {"lab": "http://mirror.test/a"}
    assert isinstance(one.conda.mirrors, Pairs)
    assert one.model_dump()["conda"]["mirrors"] == {"lab": "http://mirror.test/a"}
    assert parse_profile("").conda.base


@pytest.mark.parametrize("address", ["http://mirror.test", "http://mirror.test:8080", "https://mirror.test/conda-forge"])
def test_a_mirror_may_be_all_of_its_host(address: str) -> None:
    assert parse_profile(f"[conda.mirrors]\nconda-forge = '{address}'\n").conda.mirrors["conda-forge"] == address


@pytest.mark.parametrize("address", ["file://", "http://mirror.test/", "http://", "https://anaconda.org/main"])
def test_a_mirror_that_is_refused(address: str) -> None:
    with pytest.raises(InputError):
        parse_profile(f"[conda.mirrors]\nconda-forge = '{address}'\n")


def test_a_channel_says_its_name_a_mirror_need_not() -> None:
    with pytest.raises(InputError, match="must be a channel's name or address"):
        parse_profile("[[environment]]\nname = 'a'\nmanager = 'conda'\nchannels = ['http://mirror.test']\n")


def test_a_package_is_read_as_its_manager_reads_it() -> None:
    spec = "packages = ['numpy=2.4']"
    assert parse_profile(f"[[environment]]\nname = 'a'\nmanager = 'conda'\n{spec}\n").environment[0].packages == ("numpy=2.4",)
    with pytest.raises(InputError, match="has a single `=`"):
        parse_profile(f"[[environment]]\nname = 'a'\n{spec}\n")
    with pytest.raises(InputError) as caught:
        parse_profile(f"[[environment]]\nname = 'a'\nmanager = 'conad'\n{spec}\n")
    assert len(caught.value.message.splitlines()) == 1


def test_keys_that_may_be_secrets_are_not_repeated() -> None:
    with pytest.raises(InputError) as caught:
        parse_profile("[conda.mirrors]\n'https://me:canary@mirror.test' = 'https://me:canary@mirror.test/x'\n")
    assert "canary" not in caught.value.message + caught.value.hint
    assert caught.value.message.startswith("workstation.toml:2: conda.mirrors: ")
