"""Plans, events, verdicts and facts of many shapes, as a run makes them."""

from __future__ import annotations

from provision.agent.events import Event
from provision.catalog.model import Note, RoleNote
from provision.checks.model import Outcome, Verdict
from provision.facts.model import Cpu, Facts, Gpu, Kernel, System
from provision.plan.model import Change, Diff, Plan, PlanEntry, Status, differs, same

UNIT_DIFF = """\
--- /etc/systemd/system/jupyter@.service
+++ /etc/systemd/system/jupyter@.service
@@ -8,5 +8,6 @@
 [Service]
 User=%i
-PrivateTmp=no
+PrivateTmp=yes
+ProtectSystem=strict
 ExecStart=%h/envs/jupyter/bin/jupyter lab --no-browser --ip 127.0.0.1 --port 8888"""


def facts(hostname: str = "prometheus") -> Facts:
    """A desktop with one card and Secure Boot."""
    return Facts(
        hostname=hostname,
        system=System(id="ubuntu", version="24.04", codename="noble", name="Ubuntu", architecture="amd64"),
        kernel=Kernel(running="6.8.0-45-generic", next="6.8.0-49-generic"),
        cpu=Cpu(model="AMD Ryzen 7 3700X 8-Core Processor", cores=8, threads=16),
        memory=33_554_432_000,
        gpus=(Gpu(slot="0000:0a:00.0", pci="10de:1e84", name="NVIDIA GeForce RTX 2070 SUPER", driver="nouveau"),),
        efi=True,
        secure_boot=True,
        timezone="Europe/Paris",
        locale="en_GB.UTF-8",
        python="3.12.3",
    )


def bare_facts() -> Facts:
    """A box: no GPU, no kernel of its own, nothing known of Secure Boot."""
    return Facts(
        hostname="box",
        system=System(id="debian", version="12", codename="bookworm", name="Debian GNU/Linux", architecture="amd64"),
        kernel=Kernel(running="6.1.0-18-amd64"),
        cpu=Cpu(model="", cores=2, threads=2),
        memory=4_000_000_000,
        virtualization="systemd-nspawn",
    )


def entry(role: str, kind: str, title: str, diff: Diff) -> PlanEntry:
    """A plan's entry whose identity is its title."""
    return PlanEntry(key=f"{kind}:{title}", role=role, kind=kind, title=title, diff=diff)


def already(role: str, number: int) -> tuple[PlanEntry, ...]:
    """`number` entries that are as they should be."""
    return tuple(entry(role, "file", f"/etc/{role}/{index}", same("content, mode and owner are so")) for index in range(number))


def full_plan() -> Plan:
    """Every mark, a reboot, downloads, a diff, and roles with nothing to do."""
    drivers = "nvidia-driver-595-open linux-modules-nvidia-595-open-generic nvidia-settings"
    return Plan(
        free_bytes=61_000_000_000,
        entries=(
            *already("base", 30),
            entry(
                "nvidia",
                "packages",
                drivers,
                differs(
                    Change(field="nvidia-driver-595-open", before="absent", after="595.71.05"),
                    Change(field="linux-modules-nvidia-595-open-generic", before="absent", after="6.8.0-49.50"),
                    download_bytes=1_100_000_000,
                    seconds=180,
                ),
            ),
            entry(
                "nvidia",
                "file",
                "/etc/modprobe.d/provision-nouveau.conf",
                differs(
                    Change(field="content", before="", after="2 lines"),
                    text="--- /dev/null\n+++ x\n@@ -0,0 +1 @@\n+blacklist nouveau",
                ),
            ),
            entry(
                "nvidia",
                "reboot",
                "driver",
                Diff(
                    status=Status.CHANGE, why="nouveau holds the GPU; the run goes on by itself afterwards", reboots=1, seconds=60
                ),
            ),
            *already("nvidia", 3),
            entry(
                "environments",
                "uv_environment",
                "torch: 87 packages from workstation.lock",
                Diff(status=Status.KNOWN_AFTER_APPLY, download_bytes=3_400_000_000, seconds=280),
            ),
            entry(
                "environments",
                "command",
                "kernelspec torch",
                Diff(
                    status=Status.OPAQUE,
                    why="not yet so",
                    changes=(Change(field="command", before="not run", after="ipykernel install"),),
                ),
            ),
            entry(
                "environments",
                "service",
                "nvidia-persistenced.service",
                Diff(status=Status.KNOWN_AFTER_APPLY, why="its package is not here yet"),
            ),
            entry(
                "jupyter",
                "unit",
                "jupyter@.service",
                differs(Change(field="PrivateTmp", before="no", after="yes"), text=UNIT_DIFF),
            ),
            entry(
                "jupyter",
                "service",
                "jupyter@me.service",
                differs(Change(field="restart", before="jupyter@.service changes", after="restarted")),
            ),
            entry(
                "jupyter",
                "link",
                "/etc/nginx/sites-enabled/jupyter",
                differs(Change(field="target", before="../jupyter", after="absent")),
            ),
            *already("ssh", 8),
        ),
    )


def notes() -> tuple[RoleNote, ...]:
    """What roles say of `full_plan`; one would stop an apply, one says nothing else."""
    nvidia = Note(
        summary="595 open, signed modules from Ubuntu",
        why="newest long-supported branch for Turing; 580 would do, 615 is not signed",
        warnings=("kernel 6.8.0-45-generic in /boot belongs to no package: no driver comes for it",),
    )
    return (
        RoleNote(role="nvidia", note=nvidia, stops="python3 (pid 4242, me) holds the GPU", hint="wait, or `--even-if-busy`"),
        RoleNote(role="environments", note=Note(summary="torch 2.15 (cu132)")),
        RoleNote(role="jupyter", note=Note(summary=""), stops="somebody works in a notebook"),
        RoleNote(role="base", note=Note(summary="unseen", warnings=("a role with nothing to change says nothing",))),
    )


def small_plan() -> Plan:
    """Two changes of a box."""
    return Plan(
        free_bytes=2_000_000_000,
        entries=(
            *already("base", 11),
            entry("base", "packages", "curl", differs(Change(field="installed", before="", after="8.5"), download_bytes=340_000)),
            entry(
                "ssh",
                "directory",
                "/home/me/.ssh",
                differs(
                    Change(field="mode", before="0755", after="0700"),
                    Change(field="owner", before="root", after="me"),
                    Change(
                        field="group",
                        before="a rather long name of a group of people",
                        after="another rather long name of a group",
                    ),
                    why="a home of somebody else is no place for keys",
                ),
            ),
        ),
    )


def empty_plan() -> Plan:
    """Nothing to change."""
    return Plan(entries=already("base", 49))


def verdicts() -> tuple[Verdict, ...]:
    """One failed, one skipped, the rest passed."""
    good, bad, skipped = Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED
    return (
        Verdict(role="nvidia", name="driver answers", outcome=good, evidence="module = library = disk = 595.71.05", seconds=0.2),
        Verdict(
            role="nvidia",
            name="GPU computes",
            outcome=good,
            evidence="fp16 3.9 \N{MULTIPLICATION SIGN} fp32, largest error 3e-4 against float64",
            seconds=4,
        ),
        Verdict(role="ssh", name="passwords refused", outcome=good, evidence="tried from laptop over IPv4 and IPv6", seconds=1.2),
        Verdict(role="jupyter", name="a cell runs", outcome=skipped, evidence="no kernel is installed"),
        Verdict(
            role="jupyter",
            name="hidden from the LAN",
            outcome=bad,
            evidence="10.0.0.7:8888 answers, expected refused",
            hint="`provision apply jupyter` binds it to 127.0.0.1 again",
            seconds=0.1,
        ),
    )


class Script:
    """Events with their numbers and times, as an agent writes them."""

    def __init__(self, start: float = 1_780_000_000.0) -> None:
        self.events: list[Event] = []
        self._time = start

    def say(self, event: str, after: float = 0.0, **fields: object) -> Script:
        """Add an event `after` seconds."""
        self._time += after
        self.events.append({"seq": len(self.events) + 1, "time": self._time, "event": event, **fields})
        return self

    def resource(
        self, key: str, role: str, title: str, seconds: float, *, result: str = "changed", says: tuple[str, ...] = ()
    ) -> Script:
        """Add one resource from its start to its end, with a progress event for each phrase."""
        self.say("resource-started", key=key, role=role, title=title)
        for number, phrase in enumerate(says):
            far = (number + 1) / len(says)
            step = seconds / len(says)
            self.say("progress", step, key=key, says=phrase, fraction=far, bytes=int(far * 1.1e9), total_bytes=1_100_000_000)
        self.say("resource-done", 0 if says else seconds, key=key, role=role, title=title, result=result, seconds=seconds)
        return self


def good_run() -> list[Event]:
    """Five resources, one of them already so, a download and two checks."""
    script = Script().say("run-started", run="20261122-101500-ab12", pid=4711, total=4)
    script.resource("apt_source:provision", "base", "provision", 1.9)
    says = ("downloading", "downloading", "unpacking libc6", "setting up libc6")
    script.resource("packages:build-essential curl", "base", "build-essential curl", 84.0, says=says)
    script.resource("file:/etc/motd", "base", "/etc/motd", 0.0, result="ok")
    script.resource("uv_environment:torch", "environments", "torch: 87 packages", 39.4, says=("solving", "installing"))
    script.resource("service:jupyter@me.service", "jupyter", "jupyter@me.service", 0.31)
    script.say("check-started", role="jupyter", name="a cell runs")
    script.say(
        "verdict",
        2.0,
        role="jupyter",
        name="a cell runs",
        outcome="passed",
        evidence="6 \N{MULTIPLICATION SIGN} 7 = 42",
        hint="",
        seconds=2.0,
    )
    return script.say("run-ended", result="done", changed=4, seconds=125.6, message="").events


def failing_run() -> list[Event]:
    """The second resource fails."""
    script = Script().say("run-started", run="20261122-101500-cd34", pid=4712, total=6)
    script.resource("apt_source:provision", "base", "provision", 1.9)
    script.say("resource-started", key="packages:nvidia-driver-595-open", role="nvidia", title="nvidia-driver-595-open")
    script.say(
        "resource-failed",
        12.4,
        key="packages:nvidia-driver-595-open",
        role="nvidia",
        title="nvidia-driver-595-open",
        message="`apt-get install` exited with 100",
        evidence="Reading package lists...\n\x1b[1;31mE:\x1b[0m Unable to correct problems, you have held broken packages.\n"
        "   nvidia-driver-595-open : Depends: nvidia-dkms-595-open (= 595.71.05-0ubuntu1) but it is not going to be installed",
        hint="`apt-mark showhold` lists what is held; release it and `provision apply nvidia` again",
    )
    return script.say("run-ended", result="failed", changed=1, seconds=14.5, message="`apt-get install` exited with 100").events
