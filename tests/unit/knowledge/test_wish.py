"""What a profile wants of the stack on a machine."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from provision.knowledge.resolve import resolve
from provision.knowledge.wish import kernel_flavour, system_id, wish_for, with_environment
from provision.profile.model import Profile
from tests.roles.machines import machine

TODAY = dt.date(2026, 11, 22)
FACTS = machine("ubuntu-24.04-rtx-2070-super")


def test_an_empty_profile_on_the_machine_this_began_with() -> None:
    wish = wish_for(Profile(), FACTS, TODAY)
    assert (wish.system, wish.gpus, wish.secure_boot, wish.today) == ("ubuntu-24.04", ("10de:1e84",), True, TODAY)
    assert (wish.branch, wish.flavour, wish.origin, wish.toolkits) == ("auto", "auto", "auto", ("auto",))
    assert resolve(wish).driver


def test_what_the_profile_says() -> None:
    profile = Profile.model_validate(
        {
            "nvidia": {"branch": "580", "flavour": "open", "origin": "nvidia", "gpus": ("10de:2b85",)},
            "cuda": {"toolkits": ("12.8",)},
        }
    )
    wish = wish_for(profile, FACTS, TODAY)
    assert (wish.branch, wish.flavour, wish.origin, wish.toolkits) == ("580", "open", "nvidia", ("12.8",))
    assert wish.gpus == ("10de:1e84", "10de:2b85")


def test_without_uefi_there_is_no_secure_boot() -> None:
    assert wish_for(Profile(), replace(FACTS, efi=False, secure_boot=None), TODAY).secure_boot is False
    assert wish_for(Profile(), replace(FACTS, efi=True, secure_boot=None), TODAY).secure_boot is None


@pytest.mark.parametrize(
    ("packages", "release", "flavour"),
    [
        ((), "6.8.0-49-generic", ""),
        (("linux-image-generic", "linux-headers-generic"), "6.8.0-49-generic", "generic"),
        (("linux-image-generic", "linux-image-generic-hwe-24.04"), "6.14.0-33-generic", "generic-hwe-24.04"),
        (("linux-image-generic", "linux-image-lowlatency"), "6.8.0-49-lowlatency", "lowlatency"),
        (("linux-image-amd64",), "6.1.0-38-amd64", "amd64"),
        (("linux-image-amd64", "linux-image-cloud-amd64"), "6.1.0-38-cloud-amd64", "cloud-amd64"),
        (("linux-image-cloud-amd64",), "6.1.0-38-amd64", ""),
    ],
)
def test_the_flavour_of_the_kernel_that_boots_next(packages: tuple[str, ...], release: str, flavour: str) -> None:
    kernel = replace(FACTS.kernel, packages=packages, next=release)
    assert kernel_flavour(replace(FACTS, kernel=kernel)) == flavour


def test_point_releases_of_debian() -> None:
    debian = replace(FACTS.system, id="debian", version="12.8")
    assert system_id(replace(FACTS, system=debian)) == "debian-12"


def test_an_environments_frameworks() -> None:
    profile = Profile.model_validate(
        {
            "environment": (
                {"name": "plain", "packages": ("numpy", "torchaudio")},
                {"name": "deep", "python": "3.12", "packages": ("torch==2.14.*", "tensorflow[and-cuda]>=2.20", "pandas")},
            )
        }
    )
    names = ("torch", "tensorflow", "jax", "fastai")
    wish = with_environment(wish_for(profile, FACTS, TODAY), profile, names)
    assert (wish.frameworks, wish.python) == (("torch==2.14", "tensorflow"), "3.12")
    assert with_environment(wish, Profile(), names) == wish
    named = {"name": "new", "frameworks": ("jax==0.11", "torch"), "packages": ("tensorflow",)}
    profile = Profile.model_validate({"environment": ({"name": "none"}, named)})
    assert with_environment(wish, profile, names).frameworks == ("jax==0.11", "torch")
