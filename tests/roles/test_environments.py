"""Environments with frameworks, of conda packages, ready-made ones: what the role makes of a profile on a machine."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from provision.catalog import notes
from provision.catalog.compile import compile_catalog
from provision.catalog.model import dump, load
from provision.catalog.wheels import wheels
from provision.errors import ProvisionError
from provision.knowledge.presets import companions, packages_of, presets, variables
from provision.knowledge.tables import knowledge
from provision.profile.lock import Lock
from provision.profile.model import Profile
from provision.resources import UvEnvironment
from tests.roles.asking import (
    BLACKWELL,
    CPU,
    PASCAL,
    READY,
    TURING,
    WHL,
    catalog,
    condas,
    decided,
    environments,
    keeping,
    profile,
)
from tests.roles.machines import FIT, compiled, machine, selected

# whole catalogs


@pytest.fixture
def machine_json(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(JSONSnapshotExtension)


@pytest.mark.parametrize("name", [CPU, PASCAL, TURING, BLACKWELL])
def test_catalog(name: str, machine_json: SnapshotAssertion) -> None:
    wanted = Profile.model_validate(READY)
    if name == PASCAL:  # which no torch 2.15 drives
        wanted = wanted.model_copy(update={"environment": wanted.environment[:3]})
    found = catalog(wanted, machine(name))
    data: dict[str, Any] = {**dump(found), "notes": notes.dump(found.notes)}
    data["entries"] = [entry for entry in data["entries"] if entry["role"] == "environments"]
    data["checks"] = [item for item in data["checks"] if item["role"] == "environments"]
    for item in data["checks"]:
        item["check"]["probe"]["stdin"] = item["check"]["probe"]["stdin"].partition("\n")[0]
    for entry in data["entries"]:
        if entry["resource"].get("path", "").startswith("/opt/provision/conda-"):
            entry["resource"] |= {"path": "/opt/provision/conda-….py", "content": "…"}
        if "program" in entry["resource"]:
            entry["resource"]["program"] = re.sub(r"conda-[0-9a-f]{12}", "conda-…", entry["resource"]["program"])
    assert data == machine_json


@pytest.mark.parametrize("name", FIT)
def test_every_catalog_travels_and_has_no_two_owners_of_a_thing(name: str) -> None:
    wanted = profile(*READY["environment"][1:3], {"name": "jax"}, conda=READY["conda"])  # type: ignore[index]
    found = catalog(wanted, machine(name))
    assert load(json.loads(json.dumps(dump(found, redact=False)))) == found
    claims = [claim for entry in found.entries for claim in entry.resource.claims]
    assert len(claims) == len(set(claims))


# frameworks


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("debian-12-gtx-780", "GTX 780 (Kepler) has compute capability 3.5"),
        ("ubuntu-24.04-gtx-1080-ti-and-rtx-5090", "needs the proprietary module"),
        ("ubuntu-26.04-unknown-gpu", "GPU 10de:3fa0 is not in the tables"),
    ],
)
@pytest.mark.parametrize("manager", ["uv", "conda"])
def test_what_no_card_can_serve_computes_on_the_processor_and_says_so(name: str, why: str, manager: str) -> None:
    wanted = profile({"name": "x", "manager": manager, "frameworks": ("torch", "jax")})
    found = catalog(wanted, machine(name))
    (said,) = (each.note for each in found.notes if each.role == "environments")
    assert "torch 2.15 (cpu), jax" in said.summary
    (warning,) = (each for each in said.warnings if "processor" in each)
    assert warning.startswith("torch and jax will compute on the processor: ")
    assert why in warning
    assert [each.check.probe.argv[-1] for each in found.checks if " computes in x" in each.check.name] == ["cpu", "cpu"]


def test_a_release_that_no_card_can_take_is_an_error() -> None:
    with pytest.raises(ProvisionError, match="GTX 780"):
        catalog(profile({"name": "x", "frameworks": ("torch==2.14",)}), machine("debian-12-gtx-780"))


def test_a_build_is_bound_to_its_own_index_with_what_is_built_for_it() -> None:
    found = environments(profile({"name": "x", "frameworks": ("torch",), "packages": ("torchaudio",)}), machine(PASCAL))["x"]
    assert found.requirements == ("torch==2.14.*", "torchvision", "torchaudio", "ipykernel")
    ((name, url, packages),) = found.indexes
    assert (name, packages) == ("torch-cu126", ("torch", "torchvision", "torchaudio"))
    assert url.endswith("/whl/cu126")


def test_a_build_of_the_usual_index_is_bound_to_none() -> None:
    found = environments(profile({"name": "x", "frameworks": ("torch",)}), machine(TURING))["x"]
    assert (found.requirements, found.indexes) == (("torch==2.15.*", "ipykernel"), ())


def test_an_index_is_fetched_from_its_mirror_and_stands_in_requests_by_name() -> None:
    plain = profile({"name": "x", "frameworks": ("torch",)})
    mirrors = {WHL: "http://a.test/w", f"{WHL}/cu126": "http://b.test/x"}
    mirrored = profile({"name": "x", "frameworks": ("torch",)}, pip={"mirrors": mirrors})
    one, other = (environments(each, machine(PASCAL))["x"] for each in (plain, mirrored))
    assert other.indexes[0][1] == "http://b.test/x"
    assert one.request == other.request
    assert environments(mirrored, machine(CPU))["x"].indexes[0][1] == "http://a.test/w/cpu"
    assert environments(mirrored, machine(CPU))["x"].request != one.request


def test_without_a_gpu_they_are_builds_for_the_processor() -> None:
    found = environments(profile({"name": "x", "frameworks": ("torch", "tensorflow")}), machine(CPU))["x"]
    assert found.indexes[0][0] == "torch-cpu"
    assert "tensorflow==2.21.*" in found.requirements


def test_python_is_the_resolvers_with_frameworks_and_the_machines_own_without() -> None:
    wanted = profile(
        {"name": "x", "frameworks": ("tensorflow",)}, {"name": "y"}, {"name": "z", "frameworks": ("torch",), "python": "3.13"}
    )
    found = environments(wanted, machine(BLACKWELL))
    assert {name: each.python for name, each in found.items()} == {"x": "3.12", "y": "", "z": "3.13"}


def test_old_cards_hold_cudnn() -> None:
    wanted = profile(
        {"name": "x", "frameworks": ("jax",), "constraints": ("numpy<3",)},
        {"name": "y", "manager": "conda", "frameworks": ("jax",)},
    )
    assert environments(wanted, machine(PASCAL))["x"].constraints == ("numpy<3", "nvidia-cudnn-cu12==9.10.2.21")
    assert condas(wanted, machine(PASCAL))["y"].pip_constraints == ("nvidia-cudnn-cu12==9.10.2.21",)
    assert environments(wanted, machine(TURING))["x"].constraints == ("numpy<3",)


def test_what_cannot_share_an_environment_is_set_apart_and_it_says_why() -> None:
    wanted = profile({"name": "ml", "frameworks": ("torch==2.15", "tensorflow", "jax"), "packages": ("pandas",), "path": "~/ml"})
    found = environments(wanted, machine(TURING))
    assert {name: each.path for name, each in found.items()} == {"ml": "/home/me/ml", "ml-tensorflow": "/home/me/ml-tensorflow"}
    assert found["ml"].requirements == ("torch==2.15.*", "jax[cuda13]==0.12.*", "pandas", "ipykernel")
    assert found["ml-tensorflow"].requirements == ("tensorflow[and-cuda]==2.21.*", "pandas", "ipykernel")
    said = decided(wanted, machine(TURING))
    assert said.summary == "torch 2.15 (cu132), jax 0.12 (cuda13), tensorflow 2.21 (cu125)"
    assert "`ml-tensorflow` is apart, as torch 2.15 comes with CUDA 13; tensorflow comes with CUDA 11 or 12" in said.why
    assert set(environments(wanted, machine(CPU))) == {"ml"}


def test_a_framework_that_fits_nowhere_is_an_error_of_its_own() -> None:
    wanted = profile({"name": "ml", "frameworks": ("torch==2.15", "tensorflow")})
    with pytest.raises(ProvisionError, match=r"torch 2\.15 is built for 7\.5 to 12\.0; GTX 1080 Ti .* 6\.1"):
        environments(wanted, machine(PASCAL))


def test_a_driver_that_stays_is_not_taken_for_one_that_was_asked_for() -> None:
    facts = machine("debian-12-rtx-3090-debian-driver")
    wanted = profile({"name": "x", "frameworks": ("torch==2.15",)})
    with pytest.raises(ProvisionError, match=r"torch 2\.15 needs driver 580 or newer; this machine's driver is 535"):
        environments(wanted, facts)
    asked = profile({"name": "x", "frameworks": ("torch==2.15",)}, nvidia={"branch": "535"})
    with pytest.raises(ProvisionError, match=r"driver 535 was asked for"):
        environments(asked, facts)
    assert environments(profile({"name": "x", "frameworks": ("torch",)}), facts)["x"].indexes[0][0] == "torch-cu126"


def test_builds_are_for_the_driver_that_the_machine_gets() -> None:
    wanted = profile({"name": "x", "frameworks": ("torch",)}, nvidia={"branch": "570"})
    facts = machine("ubuntu-22.04-laptop-rtx-3060-mobile")
    branch = next(e.resource.branch for e in compiled(wanted, facts, "nvidia").entries if e.resource.kind == "driver_module")  # type: ignore[attr-defined]
    (found,) = environments(wanted, facts).values()
    assert (branch < 580) == any(name.startswith("torch-cu12") for name, _, _ in found.indexes)


# builds that lie beside the index

KEPT = "torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl"


def test_a_build_that_the_machine_keeps_replaces_the_index() -> None:
    for frameworks in (("torch",), ("torch==2.13",)):
        wanted = profile({"name": "x", "frameworks": frameworks})
        found = environments(wanted, keeping(machine(CPU), KEPT))["x"]
        assert (found.requirements, found.indexes, found.python) == (("torch==2.13.0+cpu", "ipykernel"), (), "3.11")
        assert dict(found.settings)["UV_FIND_LINKS"] == "/srv/wheels"
    assert "kept on the machine" in decided(wanted, keeping(machine(CPU), KEPT)).why


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({"frameworks": ("torch==2.15",)}, KEPT),
        ({"frameworks": ("torch",), "python": "3.12"}, KEPT),
        ({"frameworks": ("torch",)}, KEPT.replace("x86_64", "aarch64")),
        ({"frameworks": ("torch",)}, KEPT.replace("+cpu", "")),
        ({"frameworks": ("torch",)}, KEPT.replace("2.13.0", "1.0.0")),
    ],
    ids=["another release", "another Python", "another processor", "no build named", "unknown release"],
)
def test_a_build_that_does_not_fit_replaces_nothing(environment: dict[str, object], name: str) -> None:
    found = environments(profile({"name": "x", **environment}), keeping(machine(CPU), name))["x"]
    assert [index for index, _, _ in found.indexes] == ["torch-cpu"]
    assert found.requirements[0] == "torch==2.15.*"


def test_with_a_gpu_only_the_chosen_build_counts_and_the_others_are_kept_out() -> None:
    cpu, chosen, old = (
        "torch-2.15.0+cpu-cp312-cp312-x.whl",
        "torch-2.15.1+cu132-cp312-cp312-x.whl",
        "torch-2.10.0+cu128-cp312-cp312-x.whl",
    )
    cpu, chosen, old = (name.replace("-x.whl", "-manylinux_2_28_x86_64.whl") for name in (cpu, chosen, old))
    wanted = profile({"name": "x", "frameworks": ("torch",)})
    found = environments(wanted, keeping(machine(TURING), cpu, old))["x"]
    assert (found.requirements[0], found.indexes) == ("torch==2.15.*", ())
    assert set(found.constraints) == {"torch!=2.15.0+cpu", "torch!=2.10.0+cu128"}
    assert environments(wanted, keeping(machine(TURING), cpu, chosen))["x"].requirements[0] == "torch==2.15.1+cu132"


def test_what_is_built_for_a_kept_build_is_kept_too_or_from_that_builds_index() -> None:
    wanted = profile({"name": "x", "frameworks": ("fastai",)})
    found = environments(wanted, keeping(machine(CPU), KEPT))["x"]
    assert (found.requirements[:3], found.indexes[0][2]) == (
        ("torch==2.13.0+cpu", "fastai==2.8.12", "torchvision"),
        ("torchvision",),
    )
    vision = "torchvision-0.28.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl"
    assert environments(wanted, keeping(machine(CPU), KEPT, vision))["x"].indexes == ()


def test_names_of_wheels() -> None:
    (found,) = wheels(["torch-2.14.1+cu126-cp312-cp312-manylinux_2_28_x86_64.whl", "x.whl", "jax-0.12-py3-none-any.whl"], "amd64")
    assert (found.pin, found.python, found.architecture) == ("torch==2.14.1+cu126", "3.12", "amd64")
    assert wheels(["torchvision-0.29+cpu-py3-none-any.whl"], "arm64")[0].python == ""


# ready-made environments


@pytest.mark.parametrize("name", presets())
@pytest.mark.parametrize("manager", ["uv", "conda"])
def test_a_ready_made_environment_holds_its_framework_and_what_goes_with_it(name: str, manager: str) -> None:
    wanted = profile({"name": name, "manager": manager})
    if manager == "uv":
        found = environments(wanted, machine(TURING))[name].requirements
    else:
        found = condas(wanted, machine(TURING))[name].pip
    assert found[0].startswith((f"{name}==", f"{name}["))
    assert set(presets()[name].packages) <= set(found)


@pytest.mark.parametrize("said", [{"packages": ("numpy",)}, {"frameworks": ("jax",)}])
def test_who_says_what_an_environment_holds_gets_that(said: dict[str, object]) -> None:
    found = environments(profile({"name": "torch", **said}), machine(TURING))["torch"]
    assert not any(requirement.startswith("torch") for requirement in found.requirements)


def test_the_table_names_frameworks_that_are_known() -> None:
    known = {row.framework for row in knowledge().builds}
    assert {framework for each in presets().values() for framework in each.frameworks} <= known
    assert set(packages_of().values()) <= known
    assert companions("torch").always
    assert not companions("jax").packages
    for row in variables():
        assert all(re.fullmatch(r"[A-Z_]+", name) and "{prefix}" in value for name, value in row.set)


# kernels, checks, locks


def test_each_framework_is_computed_with_in_the_build_that_was_chosen() -> None:
    wanted = profile(
        {"name": "a", "frameworks": ("fastai",)},
        {"name": "b", "packages": ("jax>=0.5", "torch")},
        {"name": "c", "manager": "conda", "packages": ("conda-forge::pytorch-gpu=2.13",)},
    )
    probes = {item.check.name: item.check.probe for item in catalog(wanted, machine(PASCAL)).checks if " in " in item.check.name}
    assert {name: probe.argv[-1] for name, probe in probes.items()} == {
        "PyTorch computes in a": "cu126",
        "JAX computes in b": "-",
        "PyTorch computes in b": "-",
        "PyTorch computes in c": "-",
    }
    assert {probe.user for probe in probes.values()} == {"me"}


def test_conda_environments_are_looked_through_and_activated() -> None:
    names = {item.check.name for item in catalog(profile({"name": "x", "manager": "conda"}), machine(CPU)).checks}
    assert {"conda activates", "x is sound", "kernel x", "x computes"} <= names


def test_a_lock_reaches_each_of_those_set_apart() -> None:
    wanted, facts = profile({"name": "ml", "frameworks": ("torch==2.15", "tensorflow")}), machine(TURING)
    locks = {"ml": Lock(pip="torch==2.15.0\n"), "ml-tensorflow": Lock(pip="tensorflow==2.21.0\n")}
    found = compile_catalog(wanted, facts, selected(wanted, facts), locks=locks)
    given = {e.resource.name: e.resource.lock for e in found.entries if isinstance(e.resource, UvEnvironment)}
    assert given == {"ml": "torch==2.15.0\n", "ml-tensorflow": "tensorflow==2.21.0\n", "jupyter": ""}
