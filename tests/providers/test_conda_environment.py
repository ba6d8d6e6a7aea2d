"""Conda environments: every prior state, interruptions, drift, what the machine lacks, and what is never touched."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, cast

import pytest

from provision.agent.provider import Pending, SolvingProvider, provider_of
from provision.agent.steps import MakeDirectory, RemoveTree, Report, Run, Step, Write
from provision.errors import InputError, ProvisionError, StepError
from provision.plan.model import Status
from provision.resources import CondaEnvironment, User
from tests.converge import converge, plan, read_only
from tests.fake_host import FakeHost
from tests.providers.fake_conda import PROGRAM, PYTHON, SIZE, UV, killed, line, lock_of, machine, pip_lock, request_of

PATH = "/home/me/envs/torch"
META = f"{PATH}/conda-meta"
PACKAGES = f"{PATH}/lib/python3.12/site-packages"
WANT = CondaEnvironment(
    name="torch",
    path=PATH,
    owner="me",
    python=PYTHON,
    program=PROGRAM,
    specs=("python 3.12.*", "numpy"),
    channels=(("conda-forge", "http://mirror.test/conda-forge"),),
    virtual=(("__glibc", "2.36"),),
    uv=UV,
    settings=(("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"),),
)
LOCKED = dataclasses.replace(WANT, lock=lock_of("python", "numpy"))
PIP = dataclasses.replace(WANT, pip=("torch",), pip_constraints=("nvidia-cudnn-cu12==9.10.2.21",))
BOTH = dataclasses.replace(PIP, lock=LOCKED.lock, pip_lock=pip_lock("torch"))


def runs(steps: tuple[Step, ...]) -> list[str]:
    return [step.argv[3] if step.argv[0] == PYTHON else f"uv {step.argv[2]}" for step in steps if isinstance(step, Run)]


def asked(steps: tuple[Step, ...], host: FakeHost, verb: str) -> dict[str, Any]:
    return next(request_of(step, host) for step in steps if isinstance(step, Run) and verb in step.argv)


def changes(want: CondaEnvironment, host: FakeHost) -> list[tuple[str, str, str]]:
    return [(change.field, change.before, change.after) for change in plan(want, host).changes]


def test_without_a_lock_it_is_solved_on_the_machine_and_reported() -> None:
    host = machine()
    diff, steps = converge(WANT, host)
    assert (diff.status, diff.why) == (Status.KNOWN_AFTER_APPLY, "solved on the machine in apply; 2 wishes")
    assert runs(steps) == ["solve", "install"]
    assert host.reports == [Report(name="conda-lock", subject="torch", path=f"{PATH}/provision-conda.lock")]
    assert host.text(f"{PATH}/provision-conda.lock").startswith(f"# provision request={WANT.request} platform=linux-64\n")
    assert plan(WANT, host).why == "matches its lock on the machine, 3 packages"


def test_a_reported_lock_is_taken_back_by_the_controller_without_a_change() -> None:
    host = machine()
    converge(WANT, host)
    locked = dataclasses.replace(WANT, lock=host.text(f"{PATH}/provision-conda.lock"))
    assert plan(locked, host).why == "matches its lock, 3 packages"


def test_all_is_done_as_its_owner_by_the_rattler_of_ours() -> None:
    host = machine()
    _, steps = converge(WANT, host)
    for step in steps:
        if isinstance(step, Run):
            assert (step.user, step.argv[:3], step.progress) == ("me", (PYTHON, "-IB", PROGRAM), "conda")
            assert set(WANT.settings) <= set(step.environment)
        if isinstance(step, (Write, MakeDirectory)):
            assert (step.owner, step.group) == ("me", "me")
    request = asked(steps, host, "install")
    assert request["channels"] == [["conda-forge", "http://mirror.test/conda-forge"]]
    assert (request["cache"], request["virtual"]) == ("/home/me/.cache/provision/conda", [["__glibc", "2.36"]])


def test_roots_packages_are_kept_where_others_can_read_them() -> None:
    host = machine()
    base = dataclasses.replace(LOCKED, name="base", path="/opt/conda", owner="root")
    _, steps = converge(base, host)
    assert asked(steps, host, "install")["cache"] == "/var/cache/provision/conda"
    host = machine()
    _, steps = converge(dataclasses.replace(LOCKED, cache="/big"), host)
    assert asked(steps, host, "install")["cache"] == "/big"


def test_with_a_lock_nothing_is_solved() -> None:
    host = machine()
    diff, steps = converge(LOCKED, host)
    assert diff.status is Status.CHANGE
    assert [(c.field, c.after) for c in diff.changes] == [("environment", PATH), ("packages", "3 from the lock")]
    assert diff.download_bytes == 3 * SIZE
    assert runs(steps) == ["install"]
    assert not host.reports


def test_what_is_in_the_cache_is_not_downloaded() -> None:
    host = machine()
    converge(LOCKED, host)
    second = dataclasses.replace(LOCKED, name="second", path="/home/me/envs/second", lock=lock_of("python", "numpy", "pandas"))
    assert plan(second, host).download_bytes == SIZE


def test_missing_parents_are_made_by_whom_they_belong_to() -> None:
    _, steps = converge(dataclasses.replace(LOCKED, path="/data/envs/torch"), machine())
    made = [(s.path, s.owner) for s in steps if isinstance(s, MakeDirectory)]
    assert made == [("/data", "root"), ("/data/envs", "root"), ("/data/envs/torch", "me")]


@pytest.mark.parametrize("want", [LOCKED, BOTH, PIP], ids=["conda", "both", "solved"])
@pytest.mark.parametrize("index", range(14))
def test_killed_before_any_step_the_next_run_completes_it(index: int, want: CondaEnvironment) -> None:
    host = machine()
    provider = provider_of("conda_environment")
    steps = list(provider.steps(want, provider.observe(want, read_only(host))))
    assert len(steps) <= 14
    for step in steps[:index]:
        host.perform(step)
    _, again = converge(want, host)
    assert index >= len(steps) or again


@pytest.mark.parametrize("want", [WANT, LOCKED], ids=["solved", "locked"])
def test_killed_while_installing_it_is_completed_with_the_lock_it_had(want: CondaEnvironment) -> None:
    host = machine()
    install = host.handler((PYTHON, "-IB", PROGRAM, "install"))
    killed(host, "install", lambda host: host.put_file(f"{META}/numpy-2.4.6-h_0.json", b'{"name": "nu', owner="me"))
    with pytest.raises(StepError):
        converge(want, host)
    lock = host.text(f"{PATH}/provision-conda.lock")
    host.on((PYTHON, "-IB", PROGRAM, "install"), install)
    diff, steps = converge(want, host)
    assert diff.changes[0].before == "half-made"
    assert runs(steps) == ["install"]
    assert not any(isinstance(step, RemoveTree) for step in steps)
    assert host.text(f"{PATH}/provision-conda.lock") == lock


def test_an_environment_whose_seal_is_gone_is_half_made() -> None:
    host = machine()
    converge(LOCKED, host)
    host.tree.drop(f"{PATH}/provision-records.json")
    assert changes(LOCKED, host) == [("environment", "half-made", "complete")]
    converge(LOCKED, host)


def test_drift_is_named_package_by_package_and_mended() -> None:
    host = machine()
    converge(dataclasses.replace(LOCKED, lock=lock_of("python", "numpy", "pandas", "ipykernel")), host)
    host.tree.drop(f"{META}/ipykernel-7.4.0-h_0.json")
    host.put_file(f"{META}/pandas-3.1.0-h_0.json", b'{"name": ')
    host.tree.drop(f"{META}/numpy-2.4.6-h_0.json")
    older = json.loads(line("numpy", "1.26.4"))
    host.put_file(f"{META}/numpy-1.26.4-h_0.json", json.dumps({**older, "files": []}).encode())
    host.put_file(f"{META}/left-pad-1.0-0.json", b'{"name": "left-pad", "version": "1.0", "build": "0", "files": []}')
    want = dataclasses.replace(LOCKED, lock=lock_of("python", "numpy", "pandas", "ipykernel"))
    assert changes(want, host) == [
        ("ipykernel", "absent", "7.4.0"),
        ("left-pad", "1.0", "absent"),
        ("numpy", "1.26.4", "2.4.6"),
        ("pandas", "damaged", "3.1.0"),
    ]
    _, steps = converge(want, host)
    assert asked(steps, host, "install")["repair"] == ["pandas"]


def test_a_package_of_the_same_name_with_other_contents_is_not_the_one() -> None:
    host = machine()
    converge(LOCKED, host)
    other = dataclasses.replace(LOCKED, lock=LOCKED.lock.replace(json.loads(line("numpy"))["sha256"], "f" * 64))
    assert changes(other, host) == [("numpy", "2.4.6 with other contents", "2.4.6 h_0")]
    converge(other, host)
    rebuilt = dataclasses.replace(
        LOCKED, lock=LOCKED.lock.replace('"build":"h_0"', '"build":"h_1"', 1).replace("libzed-1.3.1-h_0", "libzed-1.3.1-h_1")
    )
    assert changes(rebuilt, host)[0] == ("libzed", "1.3.1 h_0", "1.3.1 h_1")


def test_touched_records_are_read_and_found_right() -> None:
    host = machine()
    converge(LOCKED, host)
    host.tick()
    host.put_file(f"{META}/numpy-2.4.6-h_0.json", host.text(f"{META}/numpy-2.4.6-h_0.json").encode())
    assert plan(LOCKED, host).ok


def test_two_records_of_one_package_are_damage() -> None:
    host = machine()
    converge(LOCKED, host)
    older = {"name": "numpy", "version": "1.0", "build": "0", "files": []}
    host.put_file(f"{META}/numpy-1.0-0.json", json.dumps(older).encode())
    assert changes(LOCKED, host) == [("numpy", "damaged", "2.4.6")]


@pytest.mark.parametrize("name", ["python", "python3.12"])
def test_a_python_that_is_gone_is_installed_again(name: str) -> None:
    """Be it the link, or what it leads to."""
    host = machine()
    converge(LOCKED, host)
    host.tree.drop(f"{PATH}/bin/{name}")
    assert changes(LOCKED, host) == [("python", "damaged", "3.12.7")]
    _, steps = converge(LOCKED, host)
    assert asked(steps, host, "install")["repair"] == ["python"]


def test_another_lock_moves_only_what_it_changes() -> None:
    host = machine()
    converge(LOCKED, host)
    newer = dataclasses.replace(LOCKED, lock=LOCKED.lock.replace(line("numpy"), line("numpy", "2.5.0")))
    diff, steps = converge(newer, host)
    assert [(c.field, c.before, c.after) for c in diff.changes] == [("numpy", "2.4.6", "2.5.0")]
    assert (diff.download_bytes, runs(steps)) == (SIZE, ["install"])


def test_a_lock_of_the_same_packages_is_only_written() -> None:
    host = machine()
    converge(LOCKED, host)
    said = dataclasses.replace(LOCKED, lock=f"# provision request={WANT.request} platform=linux-64\n{LOCKED.lock}")
    assert changes(said, host) == [("lock", "another", "the profile's")]
    converge(said, host)


def test_other_packages_are_solved_near_to_what_is_there() -> None:
    host = machine()
    converge(WANT, host)
    before = host.text(f"{PATH}/provision-conda.lock")
    more = dataclasses.replace(WANT, specs=(*WANT.specs, "pandas"))
    diff, steps = converge(more, host)
    assert diff.status is Status.KNOWN_AFTER_APPLY
    assert runs(steps) == ["solve", "install"]
    assert asked(steps, host, "solve")["prefer"] == before
    assert "pandas" in host.text(f"{PATH}/provision-conda.lock")


def test_a_request_that_cannot_be_solved_leaves_all_as_it_is() -> None:
    host = machine()
    converge(PIP, host)
    before = {path: node for path, node in host.snapshot().nodes if path.startswith((META, PACKAGES))}
    killed(host, "solve", lambda _host: None)
    with pytest.raises(StepError):
        converge(dataclasses.replace(PIP, specs=("python", "nonsense")), host)
    assert {path: node for path, node in host.snapshot().nodes if path.startswith((META, PACKAGES))} == before
    assert plan(PIP, host).ok


def test_order_of_packages_does_not_matter_that_of_channels_does() -> None:
    assert WANT.request == dataclasses.replace(WANT, specs=WANT.specs[::-1]).request
    two = dataclasses.replace(WANT, channels=(("conda-forge", ""), ("lab", "http://lab.test/conda")))
    assert two.request != dataclasses.replace(two, channels=two.channels[::-1]).request
    assert WANT.request == dataclasses.replace(WANT, channels=(("conda-forge", ""),)).request  # a mirror has the same packages
    assert WANT.request == dataclasses.replace(WANT, virtual=(("__cuda", "13.2"),)).request
    assert PIP.pip_request != dataclasses.replace(PIP, specs=("python 3.13.*",)).pip_request


@pytest.mark.parametrize("what", ["files", "someone's environment", "garbage record", "file", "link"])
def test_what_somebody_else_put_there_is_refused(what: str) -> None:
    host = machine()
    if what == "files":
        host.put_file(f"{PATH}/thesis.tex", b"years")
    if what == "someone's environment":
        host.put_file(f"{META}/history", b"")
    if what == "garbage record":
        host.put_file(f"{PATH}/provision.json", b"{]")
    if what == "file":
        host.put_file(PATH, b"mine")
    if what == "link":
        host.put_link(PATH, "/etc")
    with pytest.raises(ProvisionError, match="not made by provision"):
        plan(LOCKED, host)
    assert not host.queries


def test_an_environment_of_uvs_at_this_path_is_made_anew() -> None:
    host = machine()
    host.put_file(f"{PATH}/provision.json", b'{"schema": 1, "state": "done", "request": "0"}\n', owner="me")
    host.put_file(f"{PATH}/pyvenv.cfg", b"version_info = 3.11.2\n", owner="me")
    diff, steps = converge(LOCKED, host)
    assert (diff.changes[0].before, diff.changes[0].after) == ("made by uv", "made anew")
    assert isinstance(steps[0], RemoveTree)
    assert host.tree.get(f"{PATH}/pyvenv.cfg") is None


def test_a_record_of_a_newer_provision_is_refused() -> None:
    host = machine()
    host.put_file(f"{PATH}/provision.json", b'{"schema": 2, "state": "done"}')
    with pytest.raises(ProvisionError, match="newer provision"):
        plan(WANT, host)


def test_a_spoilt_record_beside_our_lock_is_mended() -> None:
    host = machine()
    converge(WANT, host)
    host.put_file(f"{PATH}/provision.json", b"{]")
    diff, steps = converge(WANT, host)
    assert (diff.changes[0].before, runs(steps)) == ("half-made", ["install"])


def test_an_owner_who_is_not_there_yet() -> None:
    want, pending = dataclasses.replace(WANT, owner="you", path="/home/you/envs/torch"), Pending()
    with pytest.raises(ProvisionError, match="no user `you`"):
        plan(want, machine())
    pending.add(User(name="you"))
    assert plan(want, machine(), pending).status is Status.KNOWN_AFTER_APPLY


@pytest.mark.parametrize("kind", ["ntfs", "ntfs3", "fuseblk", "exfat", "vfat", "cifs", "smb3", "9p"])
@pytest.mark.parametrize("where", ["prefix", "cache"])
def test_a_file_system_that_keeps_no_links_is_refused(kind: str, where: str) -> None:
    host = machine(filesystem=kind) if where == "prefix" else machine(cache_filesystem=kind)
    with pytest.raises(ProvisionError, match=rf"is on {kind} \(`/home.*`\), which keeps neither") as caught:
        plan(WANT, host)
    assert ("/.cache/" in caught.value.message) == (where == "cache")


def test_a_full_disk_is_refused_before_anything_is_written() -> None:
    assert plan(LOCKED, machine(free=12 * SIZE)).status is Status.CHANGE
    with pytest.raises(ProvisionError, match=r"environment `torch` needs \d+ MB at `/home`, where \d+ MB are free"):
        plan(LOCKED, machine(free=12 * SIZE - 1))


def test_room_is_needed_twice_where_packages_cannot_be_links() -> None:
    assert plan(LOCKED, machine(free=12 * SIZE, cache_filesystem="xfs")).status is Status.CHANGE
    host = machine(free=12 * SIZE, cache_filesystem="xfs")
    for name in ("python-3.12.7", "numpy-2.4.6", "libzed-1.3.1"):
        host.put_directory(f"/home/me/.cache/provision/conda/pkgs/{name}-h_0")
    host.answer(("findmnt",), lambda argv: machine(free=9 * SIZE - 1, cache_filesystem="xfs").query(argv))
    with pytest.raises(ProvisionError, match="needs"):
        plan(LOCKED, host)


@pytest.mark.parametrize("answer", ["", "ext4\n", "ext4 ? /home\n"])
def test_a_file_system_that_does_not_say_is_left_to_the_program(answer: str) -> None:
    host = machine()
    host.answer(("findmnt",), answer)
    assert plan(LOCKED, host).status is Status.CHANGE


@pytest.mark.parametrize(
    ("depends", "constrains", "virtual", "needs"),
    [
        (["__cuda >=13"], [], {}, "needs `__cuda >=13`, and this machine does not have it"),
        (["__cuda >=13"], [], {"__cuda": "12.8"}, "needs `__cuda >=13`, and this machine has __cuda 12.8"),
        (["__cuda >=13"], [], {"__cuda": "13.2"}, ""),
        (["__cuda"], [], {"__cuda": "12.8"}, ""),
        (
            ["__glibc >=2.38,<3.0.a0"],
            [],
            {"__glibc": "2.36"},
            "needs `__glibc >=2.38,<3.0.a0`, and this machine has __glibc 2.36",
        ),
        (["__glibc >=2.17,<3.0.a0"], [], {"__glibc": "2.36"}, ""),
        (["__glibc >=2.9"], [], {"__glibc": "2.36"}, ""),
        (["__cuda 12.*"], [], {"__cuda": "13.0"}, "needs `__cuda 12.*`"),
        (["__cuda 12.*|13.*"], [], {"__cuda": "13.0"}, ""),
        (["__archspec 1.* x86_64_v3"], [], {"__archspec": "x86_64_v2"}, "needs `__archspec"),
        (["__archspec 1.* x86_64_v3"], [], {"__archspec": "x86_64_v4"}, ""),
        (["__archspec 1 zen3"], [], {"__archspec": "x86_64_v3"}, ""),
        (["__unix", "__linux"], [], {}, ""),
        ([], ["__cuda >=12"], {}, ""),
        ([], ["__cuda >=12"], {"__cuda": "11.8"}, "needs `__cuda >=12`"),
    ],
)
def test_what_the_machine_must_have(depends: list[str], constrains: list[str], virtual: dict[str, str], needs: str) -> None:
    lock = line("tensor", depends=depends, constrains=constrains)
    want = dataclasses.replace(WANT, lock=lock, virtual=tuple(virtual.items()))
    if not needs:
        assert plan(want, machine()).status is Status.CHANGE
        return
    with pytest.raises(ProvisionError) as caught:
        plan(want, machine())
    assert needs in caught.value.message
    assert caught.value.message.startswith("environment `torch`: in its lock, tensor 2.11.0 ")
    assert "`provision lock --upgrade torch`" in caught.value.hint


def test_what_is_there_already_stays_when_the_gpu_is_gone() -> None:
    host = machine()
    lock = lock_of("tensor")
    converge(dataclasses.replace(WANT, lock=lock, virtual=(("__cuda", "13.2"),)), host)
    assert plan(dataclasses.replace(WANT, lock=lock), host).ok


def test_pip_packages_come_last_and_only_from_their_lock() -> None:
    host = machine()
    diff, steps = converge(BOTH, host)
    assert [(c.field, c.before, c.after) for c in diff.changes][-1] == ("torch (pip)", "absent", "2.15.0")
    assert runs(steps) == ["install", "uv install"]
    uv = next(step for step in steps if isinstance(step, Run) and step.argv[0] == UV)
    assert {"--no-deps", "--require-hashes"} <= set(uv.argv)
    assert plan(BOTH, host).why == "matches its lock, 4 packages"


def test_pip_packages_are_solved_on_top_and_reported() -> None:
    host = machine()
    diff, steps = converge(PIP, host)
    assert (diff.status, diff.why) == (Status.KNOWN_AFTER_APPLY, "solved on the machine in apply; 3 wishes")
    assert runs(steps) == ["solve", "install", "pip", "uv install"]
    assert [report.name for report in host.reports] == ["conda-lock", "lock"]
    assert asked(steps, host, "pip")["constraints"] == "nvidia-cudnn-cu12==9.10.2.21\n"
    lock, pip = host.text(f"{PATH}/provision-conda.lock"), host.text(f"{PATH}/provision.lock")
    assert plan(dataclasses.replace(PIP, lock=lock, pip_lock=pip), host).ok


def test_a_conda_lock_without_one_for_pip() -> None:
    host = machine()
    diff, steps = converge(dataclasses.replace(PIP, lock=LOCKED.lock), host)
    assert (diff.status, diff.why) == (Status.KNOWN_AFTER_APPLY, "1 pip package solved on the machine in apply")
    assert runs(steps) == ["install", "pip", "uv install"]


def test_an_index_of_its_own_is_asked_for_its_packages() -> None:
    host = machine()
    index = (("cu132", "https://wheels.test/cu132", ("torch",)),)
    _, steps = converge(dataclasses.replace(BOTH, indexes=index), host)
    first = next(step for step in steps if isinstance(step, Run) and step.argv[0] == UV)
    assert first.argv[first.argv.index("--index") :][:2] == ("--index", "https://wheels.test/cu132")
    solved = converge(dataclasses.replace(PIP, indexes=index), machine())
    project = next(json.loads(s.content)["text"] for s in solved[1] if isinstance(s, Write) and "provision-pip" in s.path)
    assert '"torch" = { index = "cu132" }' in project


def test_what_pip_put_there_besides_is_drift() -> None:
    host = machine()
    converge(BOTH, host)
    host.put_directory(f"{PACKAGES}/left_pad-1.0.dist-info")
    host.tree.drop(f"{PACKAGES}/torch-2.15.0.dist-info")
    host.put_directory(f"{PACKAGES}/torch-2.0.0.dist-info")
    assert changes(BOTH, host) == [("left-pad (pip)", "1.0", "absent"), ("torch (pip)", "2.0.0", "2.15.0")]
    _, steps = converge(BOTH, host)
    assert runs(steps)[0] == "uv uninstall"
    assert next(s for s in steps if isinstance(s, Run)).argv[-1] == "left-pad"


def test_pip_packages_no_longer_wanted_go_and_without_uv_they_are_not_ours_to_judge() -> None:
    host = machine()
    converge(BOTH, host)
    assert plan(dataclasses.replace(LOCKED, uv=""), host).ok
    diff, steps = converge(LOCKED, host)
    assert [(c.field, c.after) for c in diff.changes] == [("pip packages", "none"), ("torch (pip)", "absent")]
    assert runs(steps)[0] == "uv uninstall"


def test_another_python_takes_pip_packages_away_while_it_is_still_the_old_one() -> None:
    host = machine()
    converge(BOTH, host)
    newer = dataclasses.replace(BOTH, lock=BOTH.lock.replace(line("python"), line("python", "3.13.1")))
    provider = provider_of("conda_environment")
    steps = tuple(provider.steps(newer, provider.observe(newer, read_only(host))))
    assert runs(steps) == ["uv uninstall", "install", "uv install"]


def test_pip_packages_of_a_run_that_was_killed_are_installed_again() -> None:
    host = machine()
    install = host.handler((UV, "pip", "install"))

    def half(_step: Run, host: FakeHost) -> int:
        host.put_directory(f"{PACKAGES}/torch-2.15.0.dist-info", owner="me")
        return 137

    host.on((UV, "pip", "install"), half)
    with pytest.raises(StepError):
        converge(BOTH, host)
    host.on((UV, "pip", "install"), install)
    _, steps = converge(BOTH, host)
    assert runs(steps) == ["uv uninstall", "install", "uv install"]


def test_pip_packages_of_a_killed_change_are_not_trusted() -> None:
    host = machine()
    converge(LOCKED, host)
    install = host.handler((UV, "pip", "install"))

    def half(_step: Run, host: FakeHost) -> int:
        host.put_directory(f"{PACKAGES}/torch-2.15.0.dist-info", owner="me")
        return 137

    host.on((UV, "pip", "install"), half)
    with pytest.raises(StepError):
        converge(BOTH, host)
    host.on((UV, "pip", "install"), install)
    diff, steps = converge(BOTH, host)
    assert diff.changes[0].before == "half-made"
    assert runs(steps) == ["uv uninstall", "install", "uv install"]


def test_solving_anew_installs_nothing() -> None:
    host, provider = machine(), cast("SolvingProvider[CondaEnvironment, Any]", provider_of("conda_environment"))
    converge(BOTH, host)
    before = {path: node for path, node in host.snapshot().nodes if path.startswith(PATH)}
    scratch = "/run/solve"
    host.put_directory(scratch, owner="me")
    want = dataclasses.replace(BOTH, lock="", pip_lock="")
    for step in provider.solve(want, provider.observe(want, read_only(host)), scratch):
        host.perform(step)
    found = provider.solved(want, read_only(host), scratch)
    assert set(found) == {"conda-lock", "lock"}
    assert found["conda-lock"].startswith("# provision request=")
    assert {path: node for path, node in host.snapshot().nodes if path.startswith(PATH)} == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"specs": ("-n base",)},
        {"specs": ("numpy[url=http://evil.test/x.conda]",)},
        {"specs": ("numpy\nscipy",)},
        {"specs": ()},
        {"channels": ()},
        {"channels": (("https://evil.test", ""),)},
        {"channels": (("lab", "http://me:secret@lab.test"),)},
        {"channels": (("lab", "ssh://lab.test"),)},
        {"virtual": (("cuda", "13"),)},
        {"virtual": (("__cuda", "13 ; x"),)},
        {"pip": ("--index-url=https://evil.test",)},
        {"pip": ("torch",), "uv": ""},
        {"subdir": "../x"},
        {"cache": "relative"},
        {"settings": (("UV_INDEX", "https://me:secret@mirror.test"),)},
    ],
)
def test_bad_values_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        dataclasses.replace(WANT, **wrong)


def test_five_environments_in_order_are_known_without_running_or_reading_records() -> None:
    host = machine()
    lock = "".join(line(f"package-{index}", "1.0") for index in range(60))
    wants = [dataclasses.replace(LOCKED, name=f"e{n}", path=f"/home/me/envs/e{n}", lock=lock) for n in range(5)]
    for want in wants:
        converge(want, host)
    provider = provider_of("conda_environment")
    host.queries.clear()
    host.calls.clear()
    assert all(provider.diff(want, provider.observe(want, read_only(host)), Pending()).ok for want in wants)
    assert not host.queries
    assert host.calls["read"] <= 4 * len(wants)
