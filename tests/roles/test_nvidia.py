"""The role `nvidia`: the driver in its order, what it refuses, and when an apply must not begin."""

from __future__ import annotations

import dataclasses
import datetime as dt
import subprocess
import sys
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from provision.catalog.role import Circumstances
from provision.catalog.stack import today
from provision.errors import Exit, InputError, ProvisionError
from provision.facts.model import Driver, DriverPackage, Facts, InstalledKernel
from provision.knowledge.stack import NoSolutionError
from provision.profile.model import Profile
from provision.resources import (
    AptComponents,
    AptPin,
    AptSource,
    DriverModule,
    File,
    Initramfs,
    Packages,
    Reboot,
    Resource,
    Service,
    Unit,
)
from tests.roles.machines import compiled, machine, selected, shipped

R = TypeVar("R", bound=Resource)
TURING = "ubuntu-24.04-rtx-2070-super"
PASCAL = "debian-12-gtx-1080-ti-bios"
BOX = "debian-13-nspawn-no-gpu"
AUTO = Profile()


def profile(**nvidia: Any) -> Profile:  # noqa: ANN401 - the section's fields
    return Profile.model_validate({"nvidia": nvidia})


def resources(facts: Facts, wanted: Profile = AUTO) -> list[Resource]:
    return [entry.resource for entry in compiled(wanted, facts, "nvidia").entries if entry.role == "nvidia"]


def of(kind: type[R], facts: Facts, wanted: Profile = AUTO) -> list[R]:
    return [each for each in resources(facts, wanted) if isinstance(each, kind)]


def driven(name: str, **driver: Any) -> Facts:  # noqa: ANN401 - the facts' fields
    facts = machine(name)
    return replace(facts, driver=replace(facts.driver, **driver))


def installed(*names: str, version: str = "595.71.05-0ubuntu0.24.04.1", **more: Any) -> tuple[DriverPackage, ...]:  # noqa: ANN401 - as above
    return tuple(DriverPackage(name=name, version=version, **{"origin": "ubuntu", **more}) for name in names)


# Who gets it


@pytest.mark.parametrize(
    ("name", "why"),
    [("ubuntu-24.04-no-gpu", "no NVIDIA GPU"), (BOX, "a container (systemd-nspawn) has its host's driver")],
)
def test_who_does_not_get_it_and_why(name: str, why: str) -> None:
    assert dict(selected(Profile(), machine(name)).skipped)["nvidia"] == why
    with pytest.raises(InputError) as caught:
        resources(machine(name))
    assert caught.value.message == why
    assert "gpus" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (
            "ubuntu-24.04-gtx-1080-ti-and-rtx-5090",
            "GTX 1080 Ti (Pascal, 6.1) needs the proprietary module and driver from 390 to 580",
        ),
        ("ubuntu-26.04-unknown-gpu", "GPU 10de:3fa0 is not in the tables"),
    ],
)
def test_a_card_that_nothing_fits_does_not_stop_the_rest(name: str, why: str) -> None:
    facts = machine(name)
    selection = selected(Profile(), facts)
    assert {"base", "ssh"} <= {role.name for role in selection.roles}
    skipped = dict(selection.skipped)
    assert skipped["nvidia"] == skipped["cuda"]
    assert why in skipped["nvidia"]
    assert "\n" not in skipped["nvidia"]
    notes = compiled(Profile(), facts).notes
    assert {each.role: each.skipped for each in notes if each.skipped} == {"cuda": skipped["cuda"], "nvidia": skipped["nvidia"]}
    for wanted, asked in ((Profile(), ("nvidia",)), (Profile(), ("cuda",)), (profile(branch="580"), ())):
        with pytest.raises(NoSolutionError):
            compiled(wanted, facts, *asked)


def test_the_server_edition_stays_until_a_person_names_a_branch() -> None:
    names = ("nvidia-headless-no-dkms-580-server-open", "nvidia-utils-580-server")
    facts = driven(TURING, packages=installed(*names, version="580.173.02-0ubuntu0.24.04.1"))
    why = "the `-server` edition of driver 580 is installed, and stays as it is"
    assert {each.role: each.skipped for each in compiled(Profile(), facts).notes if each.skipped} == {"nvidia": why}
    with pytest.raises(InputError, match="stays as it is") as caught:
        compiled(Profile(), facts, "nvidia")
    assert caught.value.hint == '`[nvidia] branch = "580"` puts the usual edition in its place'
    assert going(facts, profile(branch="580")) == set(names)


def test_a_system_that_the_tables_do_not_know_does_not_stop_the_rest() -> None:
    facts = machine(TURING)
    strange = replace(facts, system=replace(facts.system, version="25.10"))
    assert dict(selected(Profile(), strange).skipped)["nvidia"] == "unknown system `ubuntu-25.10`"
    with pytest.raises(InputError, match="unknown system"):
        compiled(Profile(), strange, "nvidia")


def test_a_container_that_sees_its_hosts_gpu_is_left_alone() -> None:
    facts = replace(machine(TURING), virtualization="docker")
    assert "nvidia" in dict(selected(Profile(), facts).skipped)


def test_a_box_prepares_for_a_card_that_is_elsewhere() -> None:
    wanted = profile(gpus=("10de:1e84",), origin="nvidia")
    kinds = {each.kind for each in resources(machine(BOX), wanted)}
    assert {"apt_source", "packages", "driver_module", "initramfs", "file"} <= kinds
    assert not {"reboot", "service"} & kinds
    assert "nvidia" in {role.name for role in selected(wanted, machine(BOX)).roles}


def test_a_machine_without_a_gpu_does_not_pay_for_the_tables() -> None:
    code = "import sys; from provision.catalog.load import load_roles; load_roles(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "provision.knowledge.words" in done.stdout.split()
    assert "provision.knowledge.model" not in done.stdout.split()


# What it does


def test_the_gate_comes_after_the_packages_and_before_nouveau_and_the_reboot() -> None:
    kinds = [each.kind for each in resources(machine(TURING))]
    nouveau = next(
        index
        for index, each in enumerate(resources(machine(TURING)))
        if isinstance(each, File) and each.path == "/etc/modprobe.d/provision-nouveau.conf"
    )
    order = [kinds.index("packages"), kinds.index("driver_module"), nouveau, kinds.index("initramfs"), kinds.index("reboot")]
    assert order == sorted(order)
    assert kinds.index("reboot") < kinds.index("service")


def test_a_turing_card_on_ubuntu_gets_signed_modules() -> None:
    facts = machine(TURING)
    modules, driver = of(Packages, facts)
    assert (modules.names, modules.hold) == (("linux-modules-nvidia-595-open-generic",), False)
    assert (driver.names, driver.hold) == (("nvidia-driver-595-open",), True)
    assert of(DriverModule, facts) == [DriverModule(flavour="open", branch=595, signed=True, headers=False)]
    assert not of(AptSource, facts)
    assert of(Reboot, facts)[0].because == "nouveau holds the GPU"
    note = compiled(Profile(), facts, "nvidia").notes[0].note
    assert note.summary == "595 open, signed modules from Ubuntu"
    assert note.why.startswith("newest long-supported branch for Turing; 580 would do; 615 is ")


def test_where_dkms_builds_the_headers_of_the_next_kernel_come_along() -> None:
    facts = machine("debian-13-broken-headers-missing")
    headers, driver = of(Packages, facts)[1:]
    assert headers.names == ("linux-headers-amd64", f"linux-headers-{facts.kernel.next}")
    assert not headers.hold
    assert driver.hold
    assert "nvidia-persistenced" in driver.names
    assert of(DriverModule, facts)[0].headers
    there = replace(facts, driver=replace(facts.driver, kernels=(InstalledKernel(release=facts.kernel.next, headers=True),)))
    assert of(Packages, there)[1].names == ("linux-headers-amd64",)


def test_the_branch_is_pinned_in_a_transaction_of_its_own_before_the_driver() -> None:
    kinds = [(each.kind, getattr(each, "names", ())) for each in resources(machine(PASCAL))]
    pinning = kinds.index(("packages", ("nvidia-driver-pinning-580",)))
    assert kinds[pinning + 1][0] != "packages"
    assert "apt_source" in [kind for kind, _ in kinds[:pinning]]


def test_the_repository_is_bound_to_the_key_of_the_system() -> None:
    (source,) = of(AptSource, machine("debian-13-gtx-1660-ti"))
    assert source.fingerprint == "02182E60104FCDC26EAE1B8597A5D4CB8793F200"
    assert source.key_url == f"{source.uris[0]}8793F200.pub"
    assert source.uris[0].endswith("/debian13/x86_64/")
    assert of(AptComponents, machine("debian-13-gtx-1660-ti")) == [AptComponents(components=("contrib",))]
    keyring = next(each for each in of(File, machine("debian-13-gtx-1660-ti")) if each.absent)
    assert keyring.path == "/etc/apt/sources.list.d/cuda-debian13-x86_64.list"


def test_a_labs_copy_of_the_repository_with_a_key_of_its_own() -> None:
    wanted = profile(mirror="http://mirror.test/cuda", mirror_key="0A" * 20)
    (source,) = of(AptSource, machine(PASCAL), wanted)
    assert source.uris == ("http://mirror.test/cuda/",)
    assert (source.key_url, source.fingerprint) == ("http://mirror.test/cuda/3bf863cc.pub", "0A" * 20)


@pytest.mark.parametrize(
    ("name", "origin", "pin"),
    [
        (TURING, "ubuntu", "release l=NVIDIA CUDA"),
        (TURING, "nvidia", "release o=Ubuntu"),
        ("debian-12-gtx-780", "debian", "release l=NVIDIA CUDA"),
        (PASCAL, "nvidia", "release o=Debian"),
    ],
)
def test_the_other_origin_is_pinned_out(name: str, origin: str, pin: str) -> None:
    (found,) = of(AptPin, machine(name), profile(origin=origin))
    assert (found.pin, found.priority) == (pin, -1)
    assert found.path < "/etc/apt/preferences.d/nvidia-driver-pinning-595"
    assert not {"libnvidia-egl-wayland1", "nvidia-kernel-common", "*"} & set(found.packages)


def test_debians_own_driver_needs_its_components() -> None:
    (components,) = of(AptComponents, machine("debian-12-gtx-780"))
    assert components.components == ("contrib", "non-free", "non-free-firmware")


def test_unattended_upgrades_leave_the_driver_alone_and_bring_modules_for_new_kernels() -> None:
    text = next(str(each.content) for each in of(File, machine(TURING)) if each.path.endswith("52provision-nvidia"))
    assert '"nvidia-";' in text
    assert '"linux-modules-nvidia' not in text


def test_the_daemon_is_told_to_keep_the_gpu_awake() -> None:
    (unit,) = of(Unit, machine(TURING))
    assert (unit.name, unit.dropin) == ("nvidia-persistenced.service", "provision")
    assert of(Service, machine(TURING)) == [
        Service(unit="nvidia-persistenced.service", enabled=None, restart_after=(unit.path,)),
    ]
    assert of(Service, machine(PASCAL)) == [Service(unit="nvidia-persistenced.service")]
    assert not of(Service, machine(TURING), profile(origin="nvidia"))
    assert of(Service, driven(TURING, persistence=False), profile(origin="nvidia"))


def test_the_initramfs_follows_what_is_blocked() -> None:
    (initramfs,) = of(Initramfs, machine(TURING))
    blocked = next(each for each in of(File, machine(TURING)) if each.path in initramfs.after)
    assert [line for line in str(blocked.content).splitlines() if not line.startswith("#")] == [
        "blacklist nouveau",
        "blacklist nova_core",
        "blacklist nova_drm",
        "options nouveau modeset=0",
    ]


def test_checks_know_how_many_gpus_there_should_be() -> None:
    found = {item.check.name: item.check for item in compiled(Profile(), machine("ubuntu-22.04-eight-a100"), "nvidia").checks}
    assert found["GPU answers"].probe.argv == ("/usr/bin/python3", "-", "8")
    assert {"driver agrees", "nouveau is gone", "GPU stays awake"} <= set(found)


@pytest.mark.parametrize(
    ("loaded", "nouveau", "because"),
    [
        ("", "nova_core", "nova_core holds the GPU"),
        ("580.173.02", "", "580.173.02 is loaded, 595 is on disk"),
        ("595.71.05", "", "595.71.05 is loaded, another build of it is on disk"),
    ],
)
def test_a_reboot_says_why(loaded: str, nouveau: str, because: str) -> None:
    facts = driven("ubuntu-24.04-rtx-2070-super-nvidia-loaded", loaded=loaded, nouveau=nouveau)
    assert of(Reboot, facts)[0].because == because


def test_a_clock_that_is_behind_the_tables_is_not_believed() -> None:
    facts = machine(TURING)
    assert today(replace(facts, date="2020-01-01")) == today(replace(facts, date="")) >= dt.date(2026, 11, 22)
    assert today(replace(facts, date="2031-02-03")) == dt.date(2031, 2, 3)
    late = compiled(Profile(), replace(facts, date="2027-06-01"), "nvidia").notes[0].note
    assert late.summary.startswith("580 ")


# What is in the way


def going(facts: Facts, wanted: Profile = AUTO) -> set[str]:
    return {name for each in of(Packages, facts, wanted) for name in each.replaces}


def told(facts: Facts, wanted: Profile = AUTO) -> str:
    return "\n".join(compiled(wanted, facts, "nvidia").notes[0].note.warnings)


def test_another_branch_goes_in_the_same_transaction() -> None:
    packages = (
        *installed("nvidia-headless-no-dkms-580-open", "libnvidia-compute-580", version="580.173.02-0ubuntu0.24.04.1"),
        *installed(
            "linux-modules-nvidia-580-open-generic", "linux-modules-nvidia-580-open-6.8.0-45-generic", version="6.8.0-45.45"
        ),
    )
    facts, wanted = driven(TURING, packages=packages), profile(branch="595")
    kinds = [each.kind for each in resources(facts, wanted)]
    at = kinds.index("packages")
    assert kinds[at : kinds.index("driver_module")] == ["packages", "packages"]
    assert len({each.replaces for each in of(Packages, facts, wanted)}) == 1, "apt decides each of them with the others gone"
    assert going(facts, wanted) == {package.name for package in packages}
    assert "4 packages go: nvidia-headless-no-dkms-580-open, libnvidia-compute-580, " in told(facts, wanted)


@pytest.mark.parametrize(
    ("name", "summary"),
    [
        ("ubuntu-24.04-two-h100-busy", "580 open, signed modules from Ubuntu"),
        ("ubuntu-24.04-h100-nvidia-repository", "595 open, modules built here (DKMS) from NVIDIA"),
        ("debian-12-rtx-3090-debian-driver", "535 proprietary, modules built here (DKMS) from Debian"),
    ],
)
def test_a_driver_that_is_there_and_does_what_is_wanted_stays(name: str, summary: str) -> None:
    facts = machine(name)
    assert not going(facts)
    note = compiled(Profile(), facts, "nvidia").notes[0].note
    assert note.summary == summary
    assert " is installed, " in note.why


def test_where_no_modules_come_built_dkms_builds_ubuntus() -> None:
    facts = machine("ubuntu-24.04-kvm-a10")
    following, driver = of(Packages, facts)
    assert following.names == ("linux-headers-kvm",)
    assert driver.names == ("nvidia-dkms-595-open", "nvidia-headless-no-dkms-595-open", "nvidia-utils-595")
    assert of(DriverModule, facts)[0].headers


def test_a_transitional_package_of_the_wanted_branch_stays() -> None:
    packages = (
        *installed("nvidia-driver-570-open", "nvidia-driver-580-open", version="580.173.02-0ubuntu0.24.04.1"),
        *installed("linux-modules-nvidia-570-open-generic", "linux-modules-nvidia-580-open-generic", version="6.8.0-49.49"),
    )
    assert not going(driven(TURING, packages=packages), profile(branch="570"))
    assert not going(driven(TURING, packages=packages), profile(branch="580"))


@pytest.mark.parametrize(
    "name",
    [
        "nvidia-driver-595",
        "nvidia-driver-595-server-open",
        "nvidia-utils-595-server",
        "nvidia-kernel-source-595",
        "linux-modules-nvidia-595-generic",
        "nvidia-dkms-595-open",
    ],
)
def test_the_wrong_flavour_edition_or_way_of_building_goes(name: str) -> None:
    assert going(driven(TURING, packages=installed(name)), profile(branch="595", flavour="open")) == {name}


@pytest.mark.parametrize(
    "name",
    [
        "nvidia-driver-595-open",
        "nvidia-kernel-source-595-open",
        "nvidia-kernel-common-595",
        "libnvidia-gl-595",
        "nvidia-settings",
        "nvidia-prime",
        "linux-modules-nvidia-595-open-6.8.0-45-generic",
    ],
)
def test_what_is_of_the_wanted_driver_or_of_none_stays(name: str) -> None:
    assert not going(driven(TURING, packages=installed(name)))


def test_debians_driver_takes_either_flavour_and_its_module_does_not() -> None:
    packages = installed("nvidia-driver", "nvidia-kernel-dkms", "nvidia-kernel-support", version="595.91.07-1", origin="nvidia")
    assert going(driven("debian-13-gtx-1660-ti", packages=packages), profile(flavour="open")) == {"nvidia-kernel-dkms"}
    assert not going(driven("debian-13-gtx-1660-ti", packages=packages))


def test_another_origin_under_names_of_its_own_goes_and_is_named() -> None:
    facts, wanted = machine("ubuntu-24.04-h100-nvidia-repository"), profile(origin="ubuntu")
    assert "nvidia-driver-pinning-595" in going(facts, wanted)
    assert "9 packages from NVIDIA go: " in told(facts, wanted)
    assert '`[nvidia] origin = "nvidia"` keeps them' in told(facts, wanted)
    assert not going(facts, profile(origin="nvidia"))


def test_another_origin_under_the_same_names_is_for_a_person_to_purge() -> None:
    packages = installed("libnvidia-compute-580", version="580.178.04-1ubuntu1", origin="nvidia")
    with pytest.raises(InputError) as caught:
        resources(driven(TURING, packages=packages), profile(branch="580"))
    assert caught.value.message == (
        "1 package of the driver is from NVIDIA, and Ubuntu's has some of the same names: libnvidia-compute-580"
    )
    assert caught.value.hint == '`sudo apt-get purge libnvidia-compute-580`, or `[nvidia] origin = "nvidia"` keeps them'


def test_a_runfile_and_a_ppa_are_both_told_at_once() -> None:
    facts = driven(TURING, runfile="/usr/bin/nvidia-uninstall", sources=("ppa",))
    with pytest.raises(InputError) as caught:
        resources(facts)
    assert [line.partition(",")[0] for line in caught.value.message.splitlines()] == [
        "NVIDIA's own installer (`.run`) put a driver here",
        "the graphics-drivers PPA is a third origin of drivers",
    ]
    assert caught.value.hint.splitlines() == [
        "`sudo /usr/bin/nvidia-uninstall --silent` takes it away",
        "`sudo add-apt-repository --remove ppa:graphics-drivers/ppa`",
    ]
    assert caught.value.exit is Exit.BAD_INPUT


def test_holds_of_others_are_in_the_way_of_a_change_only() -> None:
    whole = ("nvidia-driver-595-open", "linux-modules-nvidia-595-open-generic")
    held = installed("libnvidia-gl-595", held=True)
    assert resources(driven(TURING, packages=(*installed(*whole, held=True), *held)))
    with pytest.raises(InputError, match="held, so that apt cannot change the driver: libnvidia-gl-595") as caught:
        resources(driven(TURING, packages=held))
    assert caught.value.hint == "`sudo apt-mark unhold libnvidia-gl-595`"


def test_holds_on_what_goes_are_lifted() -> None:
    assert resources(machine("ubuntu-24.04-broken-partly-held"))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("ubuntu-24.04-broken-orphan-kernel", "kernel 6.8.0-31-generic boots next, and belongs to no package"),
        ("ubuntu-24.04-broken-half-installed", "xserver-xorg-video-nvidia-595 are only half installed"),
        ("ubuntu-24.04-broken-proprietary-module-on-blackwell", "the proprietary kernel module is installed, the open one"),
        ("debian-13-broken-headers-missing", "boots next and has no headers: they are installed too"),
        ("debian-13-rtx-4090-secure-boot-unknown", "(MOK)"),
    ],
)
def test_what_a_person_should_know_is_in_the_note(name: str, says: str) -> None:
    assert says in told(machine(name))


def test_each_warning_is_said_by_one_role() -> None:
    catalog = compiled(Profile.model_validate({"cuda": {"toolkits": ("13.4",)}}), machine(TURING), "cuda")
    nvidia, cuda = (each.note.warnings for each in catalog.notes)
    assert any(warning.startswith("CUDA 13.4 needs driver 615") for warning in cuda)
    assert any("driver branch 595" in warning for warning in nvidia)
    assert not set(nvidia) & set(cuda)
    old = compiled(AUTO, machine("ubuntu-22.04-four-v100"), "cuda").notes[0]
    assert any(warning.startswith("Volta is losing support") for warning in old.note.warnings)
    assert not any("Python" in warning for warning in old.note.warnings)


# When an apply must not begin


def stops(
    facts: Facts,
    wanted: Profile = AUTO,
    *,
    remote: bool = False,
    even_if_busy: bool = False,
    pending: str = "packages",
) -> ProvisionError | None:
    circumstances = Circumstances(remote=remote, even_if_busy=even_if_busy, pending=frozenset({pending}))
    return shipped()["nvidia"].stops(wanted, facts, circumstances)


def test_the_driver_is_not_taken_from_under_a_job_unless_a_person_insists() -> None:
    facts = driven(TURING, users=("python3 (pid 4242, me)", "ollama (pid 900, ollama, docker 0123456789ab)"))
    error = stops(facts)
    assert error is not None
    assert all(user in error.message for user in facts.driver.users)
    assert "--even-if-busy" in error.hint
    assert error.exit is Exit.FAILED
    assert stops(facts, even_if_busy=True) is None
    assert stops(facts, pending="file") is None
    for kind in ("driver_module", "reboot", "unit"):
        assert stops(facts, pending=kind)


def test_a_screen_is_no_job() -> None:
    assert stops(driven(TURING, users=("Xorg (pid 900, root)", "gnome-shell (pid 1200, me)"))) is None
    error = stops(driven(TURING, users=("Xorg (pid 900, root)", "python3 (pid 4242, me, docker 0123456789ab)")))
    assert error is not None
    assert "Xorg" not in error.message


def test_from_afar_nobody_can_enrol_a_key() -> None:
    facts = machine(TURING)
    error = stops(facts, profile(origin="nvidia"), remote=True)
    assert error is not None
    assert "(MOK) has to be enrolled by a person who sits there" in error.message
    for words in ("update-secureboot-policy --enroll-key", "`Enroll MOK`", '`[nvidia] origin = "ubuntu"`'):
        assert words in error.hint
    assert stops(facts, profile(origin="nvidia")) is None
    assert "(MOK)" in told(facts, profile(origin="nvidia"))
    assert stops(facts, remote=True) is None
    assert stops(replace(facts, secure_boot=False), profile(origin="nvidia"), remote=True) is None
    assert stops(driven(TURING, mok_enrolled=True), profile(origin="nvidia"), remote=True) is None


def test_debian_has_a_command_of_its_own_for_the_key() -> None:
    facts = replace(machine("debian-13-gtx-1660-ti"), efi=True, secure_boot=True)
    error = stops(facts, remote=True)
    assert error is not None
    assert "`sudo mokutil --import /var/lib/dkms/mok.pub`" in error.hint
    assert "ubuntu" not in error.hint


def test_facts_without_a_driver_section_are_a_machine_without_one() -> None:
    facts = replace(machine(TURING), driver=Driver())
    assert dataclasses.asdict(facts.driver)["packages"] == ()
    assert resources(facts)
