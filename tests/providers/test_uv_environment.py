"""Environments: every prior state, interruptions, drift, and what is never touched."""

from __future__ import annotations

import dataclasses

import pytest

from provision.agent.provider import Pending, provider_of
from provision.agent.steps import MakeDirectory, RemoveTree, Report, Run, Step, Write
from provision.errors import InputError, ProvisionError, StepError
from provision.plan.model import Status
from provision.resources import User, UvEnvironment
from tests.converge import converge, plan, read_only
from tests.fake_host import FakeHost
from tests.providers.fake_uv import PROGRAM, VERSIONS, lock_of, machine

PATH = "/home/me/envs/torch"
PACKAGES = f"{PATH}/lib/python3.11/site-packages"
WANT = UvEnvironment(
    name="torch",
    path=PATH,
    program=PROGRAM,
    requirements=("numpy", "ipykernel"),
    owner="me",
    settings=(("UV_DEFAULT_INDEX", "https://mirror.test/simple"),),
)
LOCKED = dataclasses.replace(WANT, lock=lock_of("numpy", "ipykernel"))


def runs(steps: tuple[Step, ...]) -> list[str]:
    return [step.argv[1] if step.argv[1] != "pip" else step.argv[2] for step in steps if isinstance(step, Run)]


def test_without_a_lock_it_is_solved_on_the_machine_and_reported() -> None:
    host = machine()
    diff, steps = converge(WANT, host)
    assert (diff.status, diff.why) == (Status.KNOWN_AFTER_APPLY, "solved on the machine in apply; 2 requirements")
    assert runs(steps) == ["venv", "compile", "sync"]
    assert host.reports == [Report(name="lock", subject="torch", path=f"{PATH}/provision.lock")]
    assert plan(WANT, host).why == "matches its lock on the machine, 2 packages"


def test_all_is_done_as_its_owner_with_the_machines_index_and_no_downloaded_python() -> None:
    _, steps = converge(WANT, machine())
    for step in steps:
        if isinstance(step, Run):
            assert step.user == "me"
            assert {("UV_DEFAULT_INDEX", "https://mirror.test/simple"), ("UV_PYTHON_DOWNLOADS", "never")} <= set(step.environment)
        if isinstance(step, (Write, MakeDirectory)):
            assert (step.owner, step.group) == ("me", "me")


def test_a_reported_lock_is_taken_back_by_the_controller_without_a_change() -> None:
    host = machine()
    converge(WANT, host)
    locked = dataclasses.replace(WANT, lock=host.text(f"{PATH}/provision.lock"))
    assert plan(locked, host).why == "matches its lock, 2 packages"


def test_with_a_lock_nothing_is_solved() -> None:
    host = machine()
    diff, steps = converge(LOCKED, host)
    assert diff.status is Status.CHANGE
    assert [(c.field, c.after) for c in diff.changes] == [("environment", PATH), ("packages", "2 from the lock")]
    assert runs(steps) == ["venv", "sync"]
    assert "--require-hashes" in next(step for step in steps if isinstance(step, Run) and "sync" in step.argv).argv
    assert not host.reports


def test_missing_parents_are_made_by_whom_they_belong_to() -> None:
    _, steps = converge(WANT, machine())
    assert [(s.path, s.owner) for s in steps if isinstance(s, MakeDirectory)] == [("/home/me/envs", "me"), (PATH, "me")]
    outside = dataclasses.replace(WANT, path="/data/envs/torch")
    _, steps = converge(outside, machine())
    made = [(s.path, s.owner) for s in steps if isinstance(s, MakeDirectory)]
    assert made == [("/data", "root"), ("/data/envs", "root"), ("/data/envs/torch", "me")]


def test_an_empty_directory_is_taken() -> None:
    host = machine()
    host.put_directory("/home/me/envs", owner="me", group="me")
    host.put_directory(PATH, owner="me", group="me")
    _, steps = converge(WANT, host)
    assert not [step for step in steps if isinstance(step, (MakeDirectory, RemoveTree))]


@pytest.mark.parametrize("index", range(8))
def test_killed_before_any_step_the_next_run_completes_it(index: int) -> None:
    host = machine()
    provider = provider_of("uv_environment")
    steps = list(provider.steps(LOCKED, provider.observe(LOCKED, read_only(host))))
    assert len(steps) <= 8
    for step in steps[:index]:
        host.perform(step)
    _, again = converge(LOCKED, host)
    assert index >= len(steps) or again


@pytest.mark.parametrize("want", [WANT, LOCKED], ids=["solved", "locked"])
def test_killed_while_installing_it_is_made_anew_with_the_lock_it_had(want: UvEnvironment) -> None:
    host = machine()
    sync = host.handler((PROGRAM, "pip", "sync"))

    def killed(_step: Run, host: FakeHost) -> int:
        host.put_directory(f"{PACKAGES}/numpy-{VERSIONS['numpy']}.dist-info", owner="me")
        return 137

    host.on((PROGRAM, "pip", "sync"), killed)
    with pytest.raises(StepError):
        converge(want, host)
    lock = host.text(f"{PATH}/provision.lock")
    host.on((PROGRAM, "pip", "sync"), sync)
    diff, steps = converge(want, host)
    assert diff.changes[0].before == "half-made"
    assert isinstance(steps[0], RemoveTree)
    assert runs(steps) == ["venv", "sync"]
    assert host.text(f"{PATH}/provision.lock") == lock


def test_drift_is_named_package_by_package_and_mended() -> None:
    host = machine()
    converge(LOCKED, host)
    host.tree.drop(f"{PACKAGES}/ipykernel-7.4.0.dist-info")
    host.tree.drop(f"{PACKAGES}/numpy-2.4.6.dist-info")
    host.put_directory(f"{PACKAGES}/numpy-1.26.4.dist-info")
    host.put_directory(f"{PACKAGES}/Left_Pad-1.0.dist-info")
    host.put_directory(f"{PACKAGES}/numpy")
    diff, steps = converge(LOCKED, host)
    assert [(c.field, c.before, c.after) for c in diff.changes] == [
        ("ipykernel", "absent", "7.4.0"),
        ("left-pad", "1.0", "absent"),
        ("numpy", "1.26.4", "2.4.6"),
    ]
    assert runs(steps) == ["sync"]


def test_other_requirements_are_solved_anew_and_their_lock_reported() -> None:
    host = machine()
    converge(WANT, host)
    more = dataclasses.replace(WANT, requirements=(*WANT.requirements, "pandas"))
    diff, steps = converge(more, host)
    assert diff.status is Status.KNOWN_AFTER_APPLY
    assert runs(steps) == ["compile", "sync"]
    assert "pandas==3.1.0" in host.text(f"{PATH}/provision.lock")
    assert len(host.reports) == 2


def test_a_hand_made_lock_stays_valid_when_the_controller_forgets_it() -> None:
    host = machine()
    converge(LOCKED, host)
    assert plan(WANT, host).ok
    assert not plan(dataclasses.replace(WANT, requirements=("numpy",)), host).ok


def test_order_of_requirements_does_not_matter() -> None:
    assert WANT.request == dataclasses.replace(WANT, requirements=("ipykernel", "numpy")).request
    assert WANT.request != dataclasses.replace(WANT, python="3.12").request


def test_a_new_machine_python_makes_it_anew() -> None:
    host = machine()
    converge(WANT, host)
    host.tree.drop("/usr/bin/python3.11")
    host.put_file("/usr/bin/python3.13", b"\x7fELF", mode=0o755)
    host.put_link("/usr/bin/python3", "python3.13")
    diff, steps = converge(WANT, host)
    assert diff.changes[0].before == "made for Python 3.11, the machine now has 3.13"
    assert isinstance(steps[0], RemoveTree)
    assert runs(steps) == ["venv", "compile", "sync"]


def test_a_python_that_is_gone_makes_it_anew() -> None:
    host = machine()
    converge(LOCKED, host)
    host.tree.drop(f"{PATH}/bin/python")
    diff, steps = converge(LOCKED, host)
    assert diff.changes[0].before == "its Python 3.11.2 is gone"
    assert runs(steps) == ["venv", "sync"]


def test_another_python_is_uvs_own_and_the_machines_own_is_not_downloaded() -> None:
    host = machine()
    _, steps = converge(dataclasses.replace(WANT, python="3.12"), host)
    venv = next(step for step in steps if isinstance(step, Run))
    assert venv.argv[-4:-1] == ("--managed-python", "--python", "3.12")
    assert ("UV_PYTHON_DOWNLOADS", "automatic") in venv.environment
    diff, _ = converge(WANT, host)
    assert diff.changes[0].before == "made with Python 3.12.2, wanted 3.11"
    _, steps = converge(dataclasses.replace(WANT, python="3.11"), machine())
    assert "/usr/bin/python3" in next(step for step in steps if isinstance(step, Run)).argv


def test_roots_python_is_where_others_can_read_it() -> None:
    want = dataclasses.replace(WANT, owner="root", path="/opt/provision/envs/jupyter")
    _, steps = converge(want, machine())
    assert ("UV_PYTHON_INSTALL_DIR", "/opt/provision/python") in next(s for s in steps if isinstance(s, Run)).environment


@pytest.mark.parametrize("what", ["files", "someone's venv", "garbage record", "file", "link"])
def test_what_somebody_else_put_there_is_refused(what: str) -> None:
    host = machine()
    if what == "files":
        host.put_file(f"{PATH}/thesis.tex", b"years")
    if what == "someone's venv":
        host.put_file(f"{PATH}/pyvenv.cfg", b"version_info = 3.11.2\n")
    if what == "garbage record":
        host.put_file(f"{PATH}/provision.json", b"{]")
    if what == "file":
        host.put_file(PATH, b"mine")
    if what == "link":
        host.put_link(PATH, "/etc")
    with pytest.raises(ProvisionError, match="not made by provision"):
        plan(LOCKED, host)


def test_a_spoilt_record_beside_our_lock_is_mended() -> None:
    host = machine()
    converge(WANT, host)
    host.put_file(f"{PATH}/provision.json", b"{]")
    diff, steps = converge(WANT, host)
    assert diff.changes[0].before == "half-made"
    assert runs(steps) == ["venv", "sync"]


def test_a_record_of_a_newer_provision_is_refused() -> None:
    host = machine()
    host.put_file(f"{PATH}/provision.json", b'{"schema": 2, "state": "done"}')
    with pytest.raises(ProvisionError, match="newer provision"):
        plan(WANT, host)


def test_an_owner_who_is_not_there_yet() -> None:
    want, pending = dataclasses.replace(WANT, owner="you", path="/home/you/envs/torch"), Pending()
    with pytest.raises(ProvisionError, match="no user `you`"):
        plan(want, machine())
    pending.add(User(name="you"))
    assert plan(want, machine(), pending).status is Status.KNOWN_AFTER_APPLY


@pytest.mark.parametrize("requirement", ["-r /etc/shadow", "", "numpy\n--index-url=https://evil.test"])
def test_a_requirement_is_never_an_option(requirement: str) -> None:
    with pytest.raises(InputError, match="not a requirement"):
        dataclasses.replace(WANT, requirements=(requirement,))


def test_five_environments_in_order_are_known_without_running_anything() -> None:
    host = machine()
    names = [f"package-{index}" for index in range(150)]
    VERSIONS.update(dict.fromkeys(names, "1.0"))
    lock = "".join(f"{name}==1.0 \\\n" + f"{HASHES}\n" for name in names)
    wants = [dataclasses.replace(WANT, name=f"e{n}", path=f"/home/me/envs/e{n}", lock=lock) for n in range(5)]
    for want in wants:
        converge(want, host)
    provider = provider_of("uv_environment")
    host.queries.clear()
    assert all(provider.diff(want, provider.observe(want, read_only(host)), Pending()).ok for want in wants)
    assert not host.queries


HASHES = " \\\n".join(f"    --hash=sha256:{'0' * 64}" for _ in range(12))
