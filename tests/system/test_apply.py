"""Apply brings a machine to what was shown, a second apply changes nothing, and looking changes nothing at all."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from provision.box.box import Box
from provision.box.snapshot import EXCLUDED, TREES, differences, take
from provision.catalog.model import Catalog, Entry
from provision.errors import ProvisionError
from provision.resources import File
from provision.run.session import open_session
from provision.transports.ssh import Ssh
from tests.system.archive import Archive
from tests.system.driving import Driver, Said, undone, until

pytestmark = pytest.mark.box

FEW = ("/etc", "/home", "/opt", "/root", "/srv", "/usr/local", "/var/lib", "/var/spool")
"""Where a role of these tests changes anything."""
OWN = tuple(pattern for pattern in EXCLUDED if "provision" in pattern)
"""What of the snapshot's exceptions is ours: a plan may not touch these either."""


@pytest.fixture
def driver(box: Box, tmp_path: Path) -> Driver:
    return Driver(box, tmp_path)


def converged(driver: Driver, *roles: str, trees: Sequence[str] = TREES) -> Said:
    """Apply twice; the plan is exactly what is done, and the second time neither we nor a snapshot see a change."""
    plan = driver.run("plan", *roles)
    assert plan.code == 0, plan
    first = driver.apply(*roles, timeout=500)
    assert first.code == 0, first
    certain = [key for key, entry in plan.pending.items() if entry["status"] != "known-after-apply"]
    assert first.pending == plan.pending
    assert [key for key in first.changed if key in certain] == certain
    assert set(first.changed) <= set(plan.pending)
    again = driver.run("plan", *roles, "--detailed-exitcode")
    assert (again.code, again.pending) == (0, {})
    before = take(driver.box, trees=trees)
    second = driver.apply(*roles)
    assert (second.code, second.pending, second.events) == (0, {}, [])
    assert differences(before, take(driver.box, trees=trees)) == ()
    return first


PROFILE = """
[machine]
hostname = "prometheus"
timezone = "Europe/Paris"
locale = "C.UTF-8"
[[environment]]
name = "tiny"
packages = ["packaging"]
[ssh]
authorized_keys = ["{key}"]
"""


@pytest.mark.parametrize("role", ["base", "ssh", "environments", pytest.param("jupyter", marks=pytest.mark.slow)])
def test_every_role(driver: Driver, role: str) -> None:
    key = driver.folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "me", "-f", key], check=True)
    driver.profile(PROFILE.format(key=key.with_suffix(".pub").read_text().strip()))
    first = converged(driver, role)
    (verdicts,) = driver.run("verify", role).of("verdicts")
    assert verdicts["drift"] == 0
    assert {verdict["outcome"] for verdict in verdicts["verdicts"]} == {"passed"}, verdicts
    assert [event["outcome"] for event in first.events if event["event"] == "verdict"], "checks ran in the run, too"
    if role == "ssh":
        driver.configure(IdentityFile=str(key))
        assert driver.run("runs").code == 0, "the key of the profile opens"


EVERYTHING = """
yield Hostname(name="sampled")
yield Timezone(name="Asia/Tokyo")
yield Locale(name="C.UTF-8")
yield Group(name="samplers")
yield User(name="sampler", groups=("samplers",), shell="/bin/bash", comment="A sample")
yield AuthorizedKeys(user="sampler", keys=(PUBLIC,))
yield Directory(path="/srv/sample", mode=0o750, owner="sampler", group="samplers")
yield Directory(path="/home/sampler/deep/er", owner="sampler")
conf = File(path="/etc/sample.conf", content="one\\n", mode=0o640, group="samplers", validate=("grep", "one", "{}"))
yield conf
yield File(path="/home/sampler/note", content="kept", owner="sampler", create_only=True)
yield File(path="/etc/nothing-here", absent=True)
yield Link(path="/srv/sample/conf", target="/etc/sample.conf")
yield Line(path="/etc/fstab", name="sample", lines=("# one", "# two"), create=True)
yield GeneratedSecret(path="/srv/sample/token", owner="sampler")
yield AptSource(name="sample", uris=("file:/srv/archive",), suites=("./",), key_text=KEY, fingerprint=FINGERPRINT)
yield AptPin(name="sample", packages=("tiny*",), pin="release o=Sample", priority=700)
yield Packages(names=("tiny",), hold=True, recommends=False)
yield Packages(names=("tiny-asks",), answers=(("tiny-asks", "tiny-asks/colour", "string", "green"),))
yield Unit(name="sample.service", content="[Service]\\nExecStart=/bin/sleep infinity\\n[Install]\\nWantedBy=multi-user.target\\n")
yield Unit(name="sample.service", dropin="nice", content="[Service]\\nNice=5\\n")
yield Service(unit="sample.service", restart_after=("/etc/sample.conf",))
yield Sysctl(name="net.ipv4.tcp_keepalive_time", value="600")
yield Download(url="http://127.0.0.1:8099/tiny_1.0_all.deb", path="/srv/sample/fetched", sha256=SHA256, size=SIZE)
yield Command(name="sample", argv=("sh", "-c", "id -un > /home/sampler/made"), creates="/home/sampler/made", user="sampler")
yield Command(name="guarded", argv=("touch", "/run/guarded"), unless=("test", "-e", "/run/guarded"))
active = Probe(argv=("/usr/bin/systemctl", "is-active", "sample.service"), expect="^active")
yield Check(name="runs", proves="it runs", probe=active)
"""
NOTHING = """
yield Service(unit="sample.service", running=False, enabled=False)
yield Unit(name="sample.service", dropin="nice", absent=True)
yield Unit(name="sample.service", absent=True)
yield Packages(names=("tiny", "tiny-asks"), absent=True)
yield AptPin(name="sample", absent=True)
yield AptSource(name="sample", absent=True)
yield Line(path="/etc/fstab", name="sample", absent=True)
yield Link(path="/srv/sample/conf", absent=True)
yield File(path="/srv/sample/token", absent=True)
yield File(path="/srv/sample/fetched", absent=True)
yield Directory(path="/srv/sample", absent=True)
yield File(path="/etc/sample.conf", absent=True)
yield Sysctl(name="net.ipv4.tcp_keepalive_time", absent=True)
"""
FACTS = {
    "hostname; cat /etc/hostname; getent hosts sampled": "sampled\nsampled\n127.0.1.1       sampled\n",
    "readlink /etc/localtime; date +%Z": "/usr/share/zoneinfo/Asia/Tokyo\nJST\n",
    "cat /etc/default/locale": "LANG=C.UTF-8\n",
    "id -Gn sampler; getent passwd sampler | cut -d: -f5-": "sampler samplers\nA sample:/home/sampler:/bin/bash\n",
    "stat -c '%U %a' /home/sampler/.ssh /home/sampler/.ssh/authorized_keys": "sampler 700\nsampler 600\n",
    "stat -c '%U %G %a' /srv/sample /home/sampler/deep /home/sampler/deep/er": "sampler samplers 750\n"
    + "sampler sampler 755\n" * 2,
    "cat /etc/sample.conf; stat -c '%U %G %a' /etc/sample.conf": "one\nroot samplers 640\n",
    "cat /home/sampler/note; cat /srv/sample/conf": "keptone\n",
    "grep -c . /srv/sample/token; stat -c '%U %a %s' /srv/sample/token": "1\nsampler 600 49\n",
    "dpkg-query -Wf '${Package} ${Status};' tiny tiny-asks": "tiny hold ok installed;tiny-asks install ok installed;",
    "cat /etc/tiny-asks; apt-mark showhold": "green\ntiny\n",
    "systemctl is-active sample; systemctl is-enabled sample; systemctl show -P Nice sample": "active\nenabled\n5\n",
    "cat /proc/sys/net/ipv4/tcp_keepalive_time": "600\n",
    "cmp /srv/sample/fetched /srv/archive/tiny_1.0_all.deb; cat /home/sampler/made; ls /run/guarded": "sampler\n/run/guarded\n",
}


@pytest.fixture
def everything(driver: Driver, tmp_path: Path) -> Iterator[str]:
    """A role with a resource of each kind, and what it needs in the box."""
    archive = Archive(tmp_path / "archive")
    box = driver.box
    box.copy_to(archive.folder, "/srv/archive")
    serve = ["systemd-run", "--unit=web", "--collect", "--quiet", "python3", "-m", "http.server"]
    box.succeed([*serve, "--bind", "127.0.0.1", "--directory", "/srv/archive", "8099"])
    names = {
        "KEY": archive.key,
        "FINGERPRINT": archive.fingerprint,
        "SHA256": archive.sha256("tiny_1.0_all.deb"),
        "SIZE": (archive.folder / "tiny_1.0_all.deb").stat().st_size,
        "PUBLIC": box.key.with_suffix(".pub").read_text().strip(),
    }
    with undone(box, "systemctl stop web; rm -rf /srv/archive /home/sampler/made /run/guarded"):
        box.wait_for_port(8099)
        yield "".join(f"{name} = {value!r}\n" for name, value in names.items()) + EVERYTHING


def test_a_plan_changes_nothing(driver: Driver, everything: str) -> None:
    driver.role(everything)
    excluded = [pattern for pattern in EXCLUDED if pattern not in OWN]
    trees = (*FEW, "/var/cache")
    driver.run("plan", "sample")  # whatever a first login leaves
    before = take(driver.box, trees=trees, excluded=excluded)
    state = driver.box.execute("find /run/provision /tmp /var/tmp /dev/shm -mindepth 1").stdout
    said = driver.run("plan", "sample", "--diff")
    assert len(said.pending) >= 10
    assert differences(before, take(driver.box, trees=trees, excluded=excluded)) == ()
    assert driver.box.execute("find /run/provision /tmp /var/tmp /dev/shm -mindepth 1").stdout == state


def test_every_kind(driver: Driver, everything: str) -> None:
    driver.role(everything)
    box = driver.box
    fstab = box.execute(["cat", "/etc/fstab"]).stdout
    first = converged(driver, "sample", trees=FEW)
    assert len(first.changed) >= 23
    for command, said in FACTS.items():
        assert box.succeed(command) == said, command
    assert [event["outcome"] for event in first.events if event["event"] == "verdict"] == ["passed"]
    box.fail("dpkg-query -Wf '${Status}' tiny-more | grep 'ok installed'")
    token = box.succeed(["cat", "/srv/sample/token"])

    pid = box.succeed("systemctl show -P MainPID sample")
    driver.role(everything.replace("one\\n", "one more\\n"))
    changed = converged(driver, "sample", trees=FEW).changed
    assert changed == ["file:/etc/sample.conf", "service:sample.service"]
    assert box.succeed("systemctl show -P MainPID sample") != pid, "restarted after its file changed"
    assert box.succeed(["cat", "/srv/sample/token"]) == token

    driver.role(NOTHING)
    converged(driver, "sample", trees=FEW)
    gone = "/srv/sample /etc/sample.conf /etc/systemd/system/sample.service /etc/systemd/system/sample.service.d/nice.conf"
    gone += " /etc/apt/sources.list.d/sample.sources /etc/apt/preferences.d/sample"
    assert box.execute(f"ls -d {gone}").stdout == ""
    assert box.execute(["cat", "/etc/fstab"]).stdout == fstab
    box.fail("dpkg-query -Wf '${Status}' tiny tiny-asks | grep 'ok installed'")
    assert box.succeed("apt-mark showhold; dpkg --audit; systemctl --failed --no-legend") == ""
    assert box.execute(["systemctl", "is-active", "sample"]).stdout == "inactive\n"


def test_the_kernel_keeps_a_plan_from_writing(driver: Driver) -> None:
    catalog = Catalog(entries=(Entry(role="sample", resource=File(path="/etc/sample", content="x")),))
    transport = Ssh(driver.box.name, ssh_config=driver.ssh_config)
    for sudo in (True, False):
        with open_session(transport, sudo=sudo, password="", ask=lambda _: "") as session:
            assert len(session.plan(catalog).pending) == 1
            assert session.enforced is sudo, "an ordinary user cannot make the namespace, nor write to /etc"


def test_drift(driver: Driver) -> None:
    driver.role('yield File(path="/etc/drift-a", content="a\\n")\nyield File(path="/etc/drift-b", content="b\\n", mode=0o600)')
    with undone(driver.box, "rm -f /etc/drift-a /etc/drift-b"):
        assert driver.apply().code == 0
        assert driver.run("verify", "sample").code == 0
        edits = {
            "echo mine >> /etc/drift-a": "file:/etc/drift-a",
            "chmod 644 /etc/drift-b": "file:/etc/drift-b",
            "chown demo /etc/drift-b": "file:/etc/drift-b",
            "rm /etc/drift-a": "file:/etc/drift-a",
        }
        for edit, key in edits.items():
            driver.box.succeed(edit)
            said = driver.run("verify", "sample")
            assert (said.code, said.of("verdicts")[0]["drift"]) == (2, 1), edit
            shown = driver.run("verify", "sample", as_json=False)
            assert (shown.code, key.partition(":")[2] in shown.stdout + shown.stderr) == (2, True), shown
            repaired = driver.apply()
            assert (repaired.code, list(repaired.pending), repaired.changed) == (0, [key], [key])
            assert driver.run("verify", "sample").code == 0


def test_what_was_not_shown_is_not_changed(driver: Driver) -> None:
    """A resource that was in order in the plan, and is not any more when its turn comes, ends the run."""
    driver.role("""
        yield Command(name="meddler", argv=("sh", "-c", "echo theirs > /etc/drift-c; touch /run/meddled"), creates="/run/meddled")
        yield File(path="/etc/drift-c", content="ours\\n")
    """)
    with undone(driver.box, "rm -f /etc/drift-c /run/meddled"):
        driver.box.succeed("echo ours > /etc/drift-c")
        said = driver.apply()
        assert (said.code, list(said.pending), said.changed) == (1, ["command:meddler"], ["command:meddler"])
        assert "was in order when the plan was shown" in said.events[-1]["message"]
        assert driver.box.succeed(["cat", "/etc/drift-c"]) == "theirs\n"


def boot_id(box: Box) -> str:
    """Return the id of the box's boot; empty while it is going down, when nothing in it may answer any more."""
    try:
        return box.execute(["cat", "/proc/sys/kernel/random/boot_id"], timeout=5).stdout
    except ProvisionError:
        return ""


def test_a_reboot(driver: Driver) -> None:
    driver.role("""
        yield File(path="/etc/needs-reboot", content="1\\n")
        yield Reboot(name="sample", because="the sample says so", after=("/etc/needs-reboot",))
        yield File(path="/etc/after-reboot", content="2\\n")
    """)
    box = driver.box
    with undone(box, "rm -f /etc/needs-reboot /etc/after-reboot"):
        said = driver.apply()
        assert (said.code, said.ended) == (5, "reboot-needed")
        box.fail(["test", "-e", "/etc/after-reboot"])
        assert driver.apply().code == 5, "and nothing else until then"
        boot = box.succeed(["cat", "/proc/sys/kernel/random/boot_id"])
        box.execute(["systemctl", "reboot"])
        until(lambda: boot_id(box) not in {boot, ""}, 90)
        box.wait_until_up(60)
        after = driver.apply()
        assert (after.code, after.changed) == (0, ["file:/etc/after-reboot"])
        again = driver.apply()
        assert (again.code, again.pending) == (0, {})


def test_the_archive_is_one(tmp_path: Path) -> None:
    """What apt would refuse would prove nothing above."""
    archive = Archive(tmp_path / "archive")
    assert subprocess.run(["dpkg-deb", "--info", archive.folder / "tiny_1.0_all.deb"], check=True, capture_output=True).stdout
