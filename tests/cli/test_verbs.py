"""Each verb on machines whose agents are in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from provision.errors import Exit
from provision.facts import model as facts_model
from tests.cli.conftest import Provision, Said
from tests.fake_agent import STARTED, FakeMachine, ended, several, verdict
from tests.roles.machines import FOLDER, machine

FACTS = machine("ubuntu-24.04-no-gpu")
Here = Callable[..., None]
SHOWN = (
    "debian-12-gtx-1080-ti-bios",
    "debian-13-nspawn-no-gpu",
    "ubuntu-22.04-laptop-rtx-3060-mobile",
    "ubuntu-24.04-kvm-a10",
    "ubuntu-24.04-no-gpu",
    "ubuntu-24.04-rtx-2070-super",
    "ubuntu-24.04-rtx-2070-super-nvidia-loaded",
    "ubuntu-26.04-two-rtx-5090",
)
"""Of the recorded machines, some of each kind; what the roles of the driver plan for all of them is in tests/unit/knowledge."""


def lab(**more: object) -> FakeMachine:
    return FakeMachine("lab", replace(FACTS, hostname="lab"), **more)  # type: ignore[arg-type]  # the machine's own fields


def lines(said: Said) -> list[tuple[str, str]]:
    assert said.err == ""
    found = [json.loads(line) for line in said.out.splitlines()]
    assert all(line["schema"] == 1 for line in found)
    return [(line["host"], line["type"]) for line in found]


def nothing(_key: str) -> bool:
    return False


@pytest.mark.parametrize("name", SHOWN)
def test_a_plan_for_recorded_machines(provision: Provision, name: str, snapshot: SnapshotAssertion) -> None:
    said = provision("plan", "--facts", FOLDER / f"{name}.json")
    assert (said.code, said.out) == (0, "")
    assert said.err == snapshot


def test_facts_can_be_replayed(provision: Provision, here: Here) -> None:
    here(lab())
    said = provision("facts", "--json")
    assert facts_model.load(json.loads(said.out)) == lab().facts
    Path("facts.json").write_text(said.out)
    assert provision("plan", "--facts", "facts.json").err.startswith("lab · ")
    Path("lines.json").write_text(provision("plan", "--json").out.splitlines()[0])
    assert provision("plan", "--facts", "lines.json").err.startswith("lab · ")
    assert "Ubuntu 24.04" in provision("facts").out


@pytest.mark.parametrize("text", ["", "[]", "1", "{}", '{"hostname": 7}', '{"schema": 99}', "[" * 100_000, "\x00"])
def test_what_is_no_facts_is_refused(provision: Provision, text: str) -> None:
    Path("facts.json").write_text(text)
    said = provision("plan", "--facts", "facts.json")
    assert said.code == Exit.BAD_INPUT


def test_plan(provision: Provision, here: Here) -> None:
    here(lab())
    said = provision("plan", "base")
    assert (said.code, said.out) == (0, "")
    assert "lab · Ubuntu 24.04" in said.err
    assert provision("plan", "base", "--detailed-exitcode").code == Exit.CHANGES_PENDING
    kinds = lines(provision("plan", "base", "--json"))
    assert kinds[:2] == [("lab", "facts"), ("lab", "plan")]


def test_without_sudo(provision: Provision, here: Here) -> None:
    target = lab()
    here(target)
    provision("plan", "--no-sudo")
    provision("plan")
    assert [stream.header["sudo"] for stream in target.streams] == [False, True]


@pytest.mark.parametrize(
    ("typed", "words", "code"), [("y\n", [], Exit.DONE), ("n\n", [], 130), ("\n", [], 130), (None, ["--yes"], 0), (None, [], 3)]
)
def test_apply_asks_on_a_terminal_only(provision: Provision, here: Here, typed: str | None, words: list[str], code: int) -> None:
    target = lab()
    here(target)
    said = provision("apply", "base", *words, typed=typed)
    assert said.code == code
    assert ("go" in target.asked) == (code == 0)
    assert said.out == ""


def test_a_gpu_that_is_in_use_is_taken_only_from_who_insists(provision: Provision, here: Here) -> None:
    facts = machine("ubuntu-24.04-rtx-2070-super")
    busy = replace(facts, driver=replace(facts.driver, users=("python3 (pid 4242, me)",)))
    target = FakeMachine("lab", replace(busy, hostname="lab"))
    here(target)
    said = provision("apply", "nvidia", "--yes")
    assert said.code == Exit.FAILED
    assert "✗ an apply would stop: the GPU is in use by python3 (pid 4242, me)" in said.err
    assert "error: the GPU is in use by python3 (pid 4242, me)" in said.err
    assert "go" not in target.asked
    assert json.loads(provision("plan", "nvidia", "--json").out.splitlines()[1])["notes"][0]["hint"].endswith("`--even-if-busy`")
    assert provision("apply", "nvidia", "--yes", "--even-if-busy").code == 0
    assert "go" in target.asked


def test_apply_for_programs(provision: Provision, here: Here) -> None:
    here(lab(events=(STARTED, verdict("a"), ended("failed"))))
    said = provision("apply", "base", "--yes", "--json")
    assert said.code == Exit.FAILED
    assert [kind for _, kind in lines(said)][:5] == ["facts", "plan", "event", "event", "event"]
    assert json.loads(provision("apply", "base", "--json").out.splitlines()[-1])["error"]["hint"] == "add `--yes`"


def test_verify(provision: Provision, here: Here) -> None:
    here(lab(pending=nothing))
    said = provision("verify", "base")
    assert said.code == 0
    assert "works" in said.err
    here(lab(pending=nothing, verdicts=(verdict("gpu answers", "failed", evidence="no GPU", hint="buy one"),)))
    said = provision("verify", "base")
    assert said.code == Exit.FAILED
    assert "no GPU" in said.err
    assert "buy one" in said.err


def test_runs(provision: Provision, here: Here) -> None:
    run = {"run": "20261122-1", "started": 1_795_000_000.0, "seconds": 61.5, "result": "done", "changed": 3, "message": ""}
    here(lab(runs=(run,)))
    said = provision("runs")
    assert "20261122-1" in said.out
    assert "3 changed" in said.out
    assert json.loads(provision("runs", "--json").out) == {"schema": 1, "host": "lab", "type": "run", **run}


def test_attach(provision: Provision, here: Here) -> None:
    target = lab(events=(STARTED, ended("reboot-needed")))
    here(target)
    assert provision("attach", "r7", "--after", "4").code == Exit.REBOOT_NEEDED
    assert target.heard[0] == {"do": "attach", "run": "r7", "after": 4}
    here(lab(events=(STARTED,)))
    said = provision("attach")
    assert said.code == Exit.FAILED
    assert "its process was killed" in said.err


def test_several_hosts_and_an_inventory(provision: Provision, here: Here) -> None:
    here(*several(FACTS, "a", "b", "c"))
    said = provision("plan", "base", "--host", "b", "--host", "a", "--host", "b", "--json")
    assert {host for host, kind in lines(said) if kind == "plan"} == {"a", "b"}
    Path("inventory.toml").write_text('[[host]]\nname = "a"\n[[host]]\nname = "c"\nprofile = "c.toml"\n')
    Path("c.toml").write_text("[base]\npackages = ['vim']\n")
    said = provision("plan", "base", "--inventory", "inventory.toml", "--json")
    plans = {line["host"]: line for line in map(json.loads, said.out.splitlines()) if line["type"] == "plan"}
    assert set(plans) == {"a", "c"}
    assert "vim" in json.dumps(plans["c"])
    assert "vim" not in json.dumps(plans["a"])
    said = provision("plan", "base", "--inventory", "inventory.toml", "--limit", "c", "--json")
    assert {host for host, kind in lines(said) if kind == "plan"} == {"c"}


def test_passwords_come_from_stdin_or_a_terminal(provision: Provision, here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    here(lab(asks_for="s3cret"))
    assert provision("plan", "base", "--sudo-password-stdin", piped="s3cret\nmore").code == 0
    said = provision("plan", "base")
    assert said.code == Exit.UNREACHABLE
    assert "nobody to ask" in said.err
    prompts: list[str] = []

    def getpass(prompt: str, stream: object = None) -> str:
        prompts.append(prompt)
        return "s3cret"

    monkeypatch.setattr("getpass.getpass", getpass)
    assert provision("plan", "base", typed="").code == 0
    assert provision("plan", "base", "--ask-sudo-password", typed="").code == 0
    assert prompts == ["sudo password for lab: ", "sudo password for all hosts: "]


def test_init_writes_a_profile_that_works_and_never_overwrites(provision: Provision, here: Here) -> None:
    target = lab()
    here(target)
    said = provision("init")
    assert said.code == 0
    assert "provision plan" in said.err
    assert target.streams[0].header["sudo"] is False
    assert provision("plan", "--facts", FOLDER / "ubuntu-24.04-no-gpu.json").code == 0
    before = Path("workstation.toml").read_bytes()
    said = provision("init")
    assert said.code == Exit.BAD_INPUT
    assert "never overwritten" in said.err
    assert Path("workstation.toml").read_bytes() == before
    assert provision("init", "other.toml").code == 0


def test_rehearse_hands_over_what_was_asked_for(provision: Provision, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def rehearsed(request: object, _ui: object, **options: object) -> Exit:
        asked.append((request.roles, options))  # type: ignore[attr-defined]  # a request
        return Exit.CHANGES_PENDING

    monkeypatch.setattr("provision.box.rehearse.rehearse", rehearsed)
    assert provision("rehearse", "base", "--release", "debian-13", "--keep").code == Exit.CHANGES_PENDING
    assert asked == [(("base",), {"release": "debian-13", "keep": True})]
