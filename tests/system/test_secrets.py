"""A secret goes to the one place it is for: it is in nothing anybody is shown, and in nothing that is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from provision.box.box import Box
from tests.system.driving import Driver, Said, undone, users
from tests.system.watching import Watch

pytestmark = pytest.mark.box

FIRST, SECOND, SUDO = "canary-first-9Q", 'canary-second-"\\-9Q', "canary-sudo-9Q"
STDIN = "--sudo-password-stdin"
ROLE = """
    yield File(path="/etc/secret", content=Secret({secret!r} + "\\n"), mode=0o600)
    yield File(path="/etc/public", content="{public}\\n")
    yield Command(name="wait", argv=("sh", "-c", "sleep 0.3; touch /run/waited"), creates="/run/waited")
"""


@pytest.fixture
def driver(box: Box, tmp_path: Path) -> Iterator[Driver]:
    users(box, "asked", password=SUDO, rules=["asked ALL=(ALL:ALL) ALL"])
    with undone(box, "rm -rf /etc/secret /etc/public /run/waited /var/lib/provision"):
        yield Driver(box, tmp_path, user="asked")


def role(driver: Driver, secret: str, more: str = "") -> None:
    driver.role(ROLE.format(secret=secret, public=hashlib.sha256(secret.encode()).hexdigest()[:4]) + more)


def apply(driver: Driver, *words: str) -> tuple[Said, Watch]:
    driver.box.succeed(["sudo", "-k"], user="asked")
    with Watch(driver.box, canary="canary-") as watch:
        child = driver.start("apply", "sample", STDIN, *words)
        watch.add(child.pid)
        said = driver.finish(child, f"{SUDO}\n")
    assert watch.looks > 10
    return said, watch


def hidden(*said: Said) -> bool:
    """Whether neither a canary nor a fingerprint of one was shown."""
    digests = [hashlib.sha256(text.encode()).hexdigest()[:8] for each in (FIRST, SECOND) for text in (each, f"{each}\n")]
    return not [word for each in said for word in ("canary", *digests) if word in each.stdout + each.stderr]


def kept(driver: Driver) -> list[str]:
    """Return the files that hold a canary, in the box and here."""
    places = "/etc /home /root /run /srv /tmp /var /dev/shm"
    search = f"grep --recursive --files-with-matches --devices=skip --fixed-strings canary- {places}"
    found = driver.box.execute(search).stdout.split()
    driver.box.succeed(["journalctl", "--sync"])
    if "canary" in driver.box.succeed(["journalctl", "--no-pager", "--output=export", "--all"]):
        found.append("the journal")
    cache = Path(driver.env["XDG_CACHE_HOME"]) / "provision"
    ours = [path for path in driver.folder.rglob("*") if "roles" not in path.parts] + list(cache.glob("*"))
    return found + [str(path) for path in ours if path.is_file() and b"canary" in path.read_bytes()]


def test_a_secret_that_is_written_changed_and_edited(driver: Driver) -> None:
    role(driver, FIRST)
    plan = driver.run("plan", "sample", "--diff", STDIN, stdin=f"{SUDO}\n")
    shown = driver.run("plan", "sample", "--diff", STDIN, stdin=f"{SUDO}\n", as_json=False)
    assert plan.pending["file:/etc/secret"]["changes"][0]["after"] == "***"
    first, watch = apply(driver)
    assert (first.code, watch.leaks) == (0, set())
    assert driver.box.succeed(["cat", "/etc/secret"]) == f"{FIRST}\n"
    assert hidden(plan, shown, first)
    assert kept(driver) == ["/etc/secret"]

    role(driver, SECOND)
    driver.box.succeed("rm /run/waited")
    plan = driver.run("plan", "sample", "--diff", STDIN, stdin=f"{SUDO}\n")
    second, watch = apply(driver, "--diff")
    assert (second.code, watch.leaks) == (0, set())
    assert driver.box.succeed(["cat", "/etc/secret"]) == f"{SECOND}\n"
    assert hidden(plan, second, driver.run("attach", STDIN, stdin=f"{SUDO}\n"), driver.run("runs", STDIN, stdin=f"{SUDO}\n"))
    assert kept(driver) == ["/etc/secret"], "no backup has the first"
    backups = driver.box.succeed("find /var/lib/provision/runs/*/backups -type f")
    assert backups, "and one has the public file"

    driver.box.succeed("echo canary-of-a-person >> /etc/secret")
    verified = driver.run("verify", "sample", STDIN, stdin=f"{SUDO}\n")
    assert verified.code == 2
    assert hidden(verified)
    assert apply(driver)[0].code == 0
    assert kept(driver) == ["/etc/secret"]


TELLS = "cat /etc/secret; cat /etc/secret >&2; false"
CHECK = 'yield Check(name="tells", proves="it", probe=Probe({}))'
TELLTALES = {
    "a command that fails": f'yield Command(name="tells", argv=("sh", "-ec", "{TELLS}"), creates="/no")',
    "a command whose guard stays": f'yield Command(name="tells", argv=("cat", "/etc/secret"), unless=("sh", "-c", "{TELLS}"))',
    "a validator": f'yield File(path="/etc/other", content=Secret({SECOND!r}), validate=("sed", "p;q9", "{{}}"))',
    "a check that passes": CHECK.format('argv=("/usr/bin/cat", "/etc/secret")'),
    "a check that fails": CHECK.format('argv=("/usr/bin/sed", "p;q9", "/etc/secret")'),
    "a check that expects": CHECK.format('argv=("/usr/bin/cat", "/etc/secret"), expect="x$"'),
    "a check with a credential": CHECK.format(
        'argv=("/bin/sh", "-c", "cat $TOKEN_FILE"), user="asked", credentials=(("TOKEN", "/etc/secret"),)'
    ),
}


@pytest.mark.parametrize("name", TELLTALES)
def test_children_that_tell(driver: Driver, name: str) -> None:
    role(driver, SECOND, f"\n    {TELLTALES[name]}\n")
    said, watch = apply(driver)
    assert watch.leaks == set()
    assert said.events
    assert hidden(said), said
    if "check" in name:
        assert "***" in said.stdout, "what it said was seen, and cleaned"
        verified = driver.run("verify", "sample", STDIN, stdin=f"{SUDO}\n")
        assert "***" in verified.stdout
        assert hidden(verified), verified
    assert kept(driver) == ["/etc/secret"]


HIDDEN = f"Secret({FIRST!r})"
MISTAKES = {
    "a path": f'yield File(path="relative", content={HIDDEN})',
    "an error of one's own": f"raise ValueError({HIDDEN})",
    "two of them": f'yield File(path="/etc/a", content={HIDDEN})\nyield File(path="/etc/a", content=Secret("other"))',
    "a wrong field": f'yield File(path="/etc/a", contents={HIDDEN})',
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_in_a_role(driver: Driver, name: str) -> None:
    driver.user = "demo"
    driver.configure()
    driver.role(MISTAKES[name])
    said = driver.run("plan", "sample")
    assert said.code == 3
    assert "sample" in said.error["message"] or name == "a path"
    assert hidden(said), said


def test_a_generated_secret_is_shown_nowhere(driver: Driver) -> None:
    tells = CHECK.format('argv=("/bin/sh", "-c", "cat $TOKEN_FILE"), credentials=(("TOKEN", "/etc/secret"),)')
    driver.role(f'yield GeneratedSecret(path="/etc/secret")\n{tells}')
    said, _ = apply(driver)
    assert said.code == 0
    token = driver.box.succeed(["cat", "/etc/secret"]).strip()
    assert len(token) == 48
    assert token not in said.stdout + said.stderr
    search = f"grep --recursive --files-with-matches --devices=skip --fixed-strings {token} /etc /run /tmp /var"
    assert driver.box.execute(search).stdout.split() == ["/etc/secret"]


def test_a_run_that_cannot_begin_leaves_no_orders(driver: Driver) -> None:
    role(driver, FIRST)
    lock = ["systemd-run", "--quiet", "--collect", "--unit=holder", "flock", "--exclusive", "/run/provision/lock", "sleep", "60"]
    driver.box.succeed("mkdir -p -m 700 /run/provision")
    driver.box.succeed(lock)
    with undone(driver.box, "systemctl stop holder"):
        said, _ = apply(driver)
    assert said.code == 1
    assert "at work on this machine" in said.stdout
    assert kept(driver) == []
    driver.box.succeed("mv /usr/bin/systemd-run /usr/bin/systemd-run.away; ln -s /bin/false /usr/bin/systemd-run")
    with undone(driver.box, "mv /usr/bin/systemd-run.away /usr/bin/systemd-run"):
        said, _ = apply(driver)
    assert said.code == 1
    assert "would not start the run" in said.error["message"]
    assert kept(driver) == []
