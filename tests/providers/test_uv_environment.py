"""Environments: every prior state, interruptions, drift, and what is never touched."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

import pytest

from provision.agent.provider import Pending, SolvingProvider, provider_of
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


def test_an_environment_of_condas_at_this_path_is_made_anew() -> None:
    host = machine()
    host.put_file(f"{PATH}/provision.json", b'{"schema": 1, "manager": "conda", "state": "done"}', owner="me")
    host.put_file(f"{PATH}/conda-meta/history", owner="me")
    diff, steps = converge(LOCKED, host)
    assert (diff.changes[0].before, diff.changes[0].after) == ("made by conda", "made anew")
    assert isinstance(steps[0], RemoveTree)
    assert host.tree.get(f"{PATH}/conda-meta") is None


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


# Solving aside

SCRATCH = "/run/provision/solve-1"


def solved(want: UvEnvironment, host: FakeHost) -> tuple[dict[str, str], list[Run]]:
    """Solve `want` as `provision lock` does; assert that only the scratch directory is different then."""
    provider = cast("SolvingProvider[Any, Any]", provider_of("uv_environment"))
    host.put_directory(SCRATCH, mode=0o700, owner="me", group="me")
    before = [(path, node) for path, node in host.snapshot().nodes if not path.startswith(SCRATCH)]
    steps = list(provider.solve(want, provider.observe(want, read_only(host)), SCRATCH))
    for step in steps:
        host.perform(step)
    assert [(path, node) for path, node in host.snapshot().nodes if not path.startswith(SCRATCH)] == before
    return provider.solved(want, read_only(host), SCRATCH), [step for step in steps if isinstance(step, Run)]


def test_solving_aside_gives_the_lock_that_an_apply_would_have_reported() -> None:
    found, steps = solved(WANT, machine())
    host = machine()
    converge(WANT, host)
    assert found == {"lock": host.text(f"{PATH}/provision.lock")}
    assert [step.argv[step.argv.index("--python") + 1] for step in steps] == ["/usr/bin/python3"]
    assert all(step.user == "me" and ("UV_PYTHON_DOWNLOADS", "never") in step.environment for step in steps)


def test_solving_aside_leaves_an_environment_that_is_there_alone() -> None:
    host = machine()
    converge(WANT, host)
    _, steps = solved(dataclasses.replace(WANT, requirements=("pandas",)), host)
    assert [step.argv[step.argv.index("--python") + 1] for step in steps] == [f"{PATH}/bin/python"]
    assert plan(WANT, host).ok


def test_solving_aside_brings_no_python() -> None:
    _, (step,) = solved(dataclasses.replace(WANT, python="3.13"), machine())
    assert step.argv[3:7] == ("--python", "/usr/bin/python3", "--python-version", "3.13")
    host = machine()
    converge(WANT, host)
    host.tree.drop(f"{PATH}/bin/python")
    _, (step,) = solved(WANT, host)
    assert step.argv[3:5] == ("--python", "/usr/bin/python3")


def test_solving_aside_for_nobody_is_nothing() -> None:
    want = dataclasses.replace(WANT, owner="you")
    provider = cast("SolvingProvider[Any, Any]", provider_of("uv_environment"))
    assert list(provider.solve(want, provider.observe(want, read_only(machine())), SCRATCH)) == []


@pytest.mark.parametrize("kind", ["ntfs3", "fuseblk", "exfat", "cifs"])
def test_a_file_system_that_keeps_no_links_is_refused(kind: str) -> None:
    host = machine()
    host.answer(("findmnt",), f"{kind} 1000000000000 /home/me/envs\n")
    with pytest.raises(ProvisionError, match=rf"`{PATH}` is on {kind} \(`/home/me/envs`\), which keeps neither"):
        plan(WANT, host)
    host.put_directory(PATH, owner="me")
    with pytest.raises(ProvisionError, match="keeps neither"):
        plan(WANT, host)
