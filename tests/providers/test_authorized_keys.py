"""Authorized keys: every wanted state over every prior one; a person's lines stay."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from provision.agent.provider import Pending
from provision.errors import InputError, ProvisionError
from provision.plan.model import Status
from provision.resources import AuthorizedKeys, User
from tests.converge import converge, outcome, plan
from tests.fake_host import FakeHost
from tests.prior import machine
from tests.public_keys import ED25519, P256, P384, RSA_1024

FOLDER = "/home/me/.ssh"
PATH = f"{FOLDER}/authorized_keys"
MINE, OTHERS = ED25519, P384
BARE = " ".join(MINE.split()[:2])
SAME = "= all of 1 keys are there"

WANTED = {
    "one": AuthorizedKeys(user="me", keys=(MINE,)),
    "two": AuthorizedKeys(user="me", keys=(MINE, P256)),
    "only": AuthorizedKeys(user="me", keys=(MINE,), exclusive=True),
    "none": AuthorizedKeys(user="me", keys=()),
}


def ssh(host: FakeHost, text: str = f"{MINE}\n", file: int = 0o600, folder: int = 0o700) -> None:
    host.put_directory(FOLDER, folder, "me", "me")
    host.put_file(PATH, text.encode(), file, "me", "me")


# What is in the file; what is said of `one` and what is in it then; the same for `only`.
TEXTS: dict[str, tuple[str, str, str]] = {
    "the key": (f"{MINE}\n", f"{MINE}\n", f"{MINE}\n"),
    "without comment": (f"{BARE}\n", f"{BARE}\n", f"{BARE}\n"),
    "another comment": (f"{BARE} me@desk\n", f"{BARE} me@desk\n", f"{BARE} me@desk\n"),
    "no line end": (MINE, MINE, MINE),
    "options": (f"no-pty {MINE}\n", f"no-pty {MINE}\n", f"no-pty {MINE}\n"),
    "quoted options": (f'command="a \\" b # c",no-pty {MINE}\n',) * 3,
    "tabs": (f"\t{MINE.replace(' ', chr(9))}\n",) * 3,
    "CRLF": (f"{BARE}\r\n",) * 3,
    "comments and blanks": (f"# mine\n\n  # too\n{MINE}\n",) * 3,
    "empty": ("", f"{MINE}\n", f"{MINE}\n"),
    "blank": ("\n", f"\n{MINE}\n", f"\n{MINE}\n"),
    "another": (f"{OTHERS}\n", f"{OTHERS}\n{MINE}\n", f"{MINE}\n"),
    "another without line end": (OTHERS, f"{OTHERS}\n{MINE}\n", f"{MINE}\n"),
    "between": (f"# a\n{OTHERS}\n{MINE}\nrubbish\n", f"# a\n{OTHERS}\n{MINE}\nrubbish\n", f"# a\n{MINE}\n"),
    "commented out": (f"#{MINE}\n", f"#{MINE}\n{MINE}\n", f"#{MINE}\n{MINE}\n"),
    "in a command": (f'command="{MINE}" {OTHERS}\n', f'command="{MINE}" {OTHERS}\n{MINE}\n', f"{MINE}\n"),
    "open quote": (f'command="x {MINE}\n', f'command="x {MINE}\n{MINE}\n', f"{MINE}\n"),
    "weak ones": (f"{RSA_1024}\n", f"{RSA_1024}\n{MINE}\n", f"{MINE}\n"),
    "not UTF-8": ("\udcff\n", "\udcff\n" + f"{MINE}\n", f"{MINE}\n"),
}


@pytest.mark.parametrize("wanted", ["one", "only"])
@pytest.mark.parametrize("prior", TEXTS)
def test_every_wanted_over_every_text(wanted: str, prior: str) -> None:
    before, one, only = (text.encode(errors="surrogateescape") for text in TEXTS[prior])
    after = one if wanted == "one" else only
    host = machine()
    ssh(host, "")
    host.put_file(PATH, before, 0o600, "me", "me")
    said = outcome(WANTED[wanted], host)
    assert host.read(PATH) == after
    if after == before:
        assert said == SAME
    else:
        assert said.endswith(" > Write")
        assert set(said.split(" > ")[0].split()) == {"~", "key"}


# How things lie; what is said of `one`.
PLACES: dict[str, str] = {
    "right": SAME,
    "no .ssh": f"~ key {FOLDER} {PATH} > MakeDirectory Write",
    "no file": f"~ key {PATH} > Write",
    "home writable": "~ /home/me > SetAttributes",
    "home of root": SAME,
    "home of another": "! `/home/me` belongs to `other`, so sshd ignores the keys in it",
    "home missing": "! user `me` has no home directory to keep keys in: `/home/me`",
    "home a file": "! user `me` has no home directory to keep keys in: `/home/me`",
    "home linked": SAME,
    "home linked, writable": "! what `/home/me` leads to can be written by others, so sshd ignores the keys in it",
    "home linked, dangling": "! user `me` has no home directory to keep keys in: `/home/me`",
    ".ssh 0755": f"~ {FOLDER} > SetAttributes",
    ".ssh 0775": f"~ {FOLDER} > SetAttributes",
    ".ssh of root": f"~ {FOLDER} {PATH} > SetAttributes SetAttributes",
    ".ssh a link": f"! `{FOLDER}` is a link, not a directory, and is never followed or replaced",
    ".ssh a file": f"! `{FOLDER}` is a file, not a directory, and is never followed or replaced",
    ".ssh unsearchable": f"! cannot read `{PATH}`: permission denied",
    "file 0664": f"~ {PATH} > SetAttributes",
    "file of root": f"~ {PATH} > SetAttributes",
    "file wrong all": f"~ key {FOLDER} {PATH} > SetAttributes Write",
    "file a link": f"! `{PATH}` is a link, not a file, and is never followed or replaced",
    "file a directory": f"! `{PATH}` is a directory, not a file, and is never followed or replaced",
    "file a FIFO": f"! `{PATH}` is a FIFO, socket or device, not a file, and is never followed or replaced",
    "file unreadable": f"! cannot read `{PATH}`: permission denied",
    "no user": "! user `me` does not exist, so no key can let anybody in as `me`",
}


def own(host: FakeHost, path: str, mode: int, owner: str) -> None:
    host.tree.alter(path, mode=mode, owner=owner, group=owner, now=host.now)


def link_home(host: FakeHost, mode: int) -> None:
    host.tree.drop("/home/me")
    host.put_link("/home/me", "../data/me")
    if mode:
        host.put_directory("/data/me", mode, "me", "me")
        ssh(host)


LAYS: dict[str, tuple[Callable[[FakeHost], None], ...]] = {
    "right": (ssh,),
    "no .ssh": (),
    "no file": (lambda host: host.put_directory(FOLDER, 0o700, "me", "me"),),
    "home writable": (ssh, lambda host: own(host, "/home/me", 0o775, "me")),
    "home of root": (ssh, lambda host: own(host, "/home/me", 0o755, "root")),
    "home of another": (ssh, lambda host: own(host, "/home/me", 0o755, "other")),
    "home missing": (lambda host: host.tree.drop("/home/me"),),
    "home a file": (lambda host: host.tree.drop("/home/me"), lambda host: host.put_file("/home/me")),
    "home linked": (lambda host: link_home(host, 0o750),),
    "home linked, writable": (lambda host: link_home(host, 0o770),),
    "home linked, dangling": (lambda host: link_home(host, 0),),
    ".ssh 0755": (lambda host: ssh(host, folder=0o755),),
    ".ssh 0775": (lambda host: ssh(host, folder=0o775),),
    ".ssh of root": (ssh, lambda host: own(host, FOLDER, 0o700, "root"), lambda host: own(host, PATH, 0o600, "root")),
    ".ssh a link": (lambda host: host.put_link(FOLDER, "/etc"),),
    ".ssh a file": (lambda host: host.put_file(FOLDER),),
    ".ssh unsearchable": (ssh, lambda host: host.unreadable.add(FOLDER)),
    "file 0664": (lambda host: ssh(host, file=0o664),),
    "file of root": (ssh, lambda host: own(host, PATH, 0o600, "root")),
    "file wrong all": (
        lambda host: ssh(host, "", 0o666, 0o777),
        lambda host: own(host, FOLDER, 0o777, "root"),
        lambda host: own(host, PATH, 0o666, "root"),
    ),
    "file a link": (lambda host: host.put_link(PATH, "/mnt/target"),),
    "file a directory": (lambda host: host.put_directory(PATH),),
    "file a FIFO": (lambda host: host.put_other(PATH),),
    "file unreadable": (ssh, lambda host: host.unreadable.add(PATH)),
    "no user": (lambda host: host.users.clear(),),
}


@pytest.mark.parametrize("prior", PLACES)
def test_one_key_over_every_place(prior: str) -> None:
    host = machine()
    for act in LAYS[prior]:
        act(host)
    assert outcome(WANTED["one"], host) == PLACES[prior]
    if not PLACES[prior].startswith("!"):
        home, folder, file = (host.tree.get(f"{path}") for path in ("/home/me/.", FOLDER, PATH))
        assert home is not None
        assert folder is not None
        assert file is not None
        assert home.mode & 0o022 == 0
        assert (folder.mode, folder.owner, file.mode, file.owner) == (0o700, "me", 0o600, "me")
        assert file.data.decode() == f"{MINE}\n"


def test_no_keys_make_no_folder() -> None:
    host = machine()
    assert outcome(WANTED["none"], host) == "= no key is wanted"
    ssh(host, f"{OTHERS}\n")
    assert outcome(WANTED["none"], host) == "= no key is wanted"
    assert outcome(AuthorizedKeys(user="me", keys=(), exclusive=True), host) == "~ key > Write"
    assert host.text(PATH) == ""


def test_keys_are_added_once_in_the_order_given() -> None:
    host = machine()
    twice = AuthorizedKeys(user="me", keys=(P256, MINE, f"{BARE} again"))
    diff, _ = converge(twice, host)
    assert host.text(PATH) == f"{P256}\n{MINE}\n"
    assert [change.after for change in diff.changes if change.field == "key"] == [
        f"ecdsa-sha2-nistp256 …{P256.split()[1][-8:]} me@laptop",
        f"ssh-ed25519 …{BARE[-8:]} me@laptop",
    ]


def test_a_user_who_is_not_there_yet() -> None:
    host, pending = machine(), Pending()
    want = AuthorizedKeys(user="new", keys=(MINE,))
    with pytest.raises(ProvisionError, match="user `new` does not exist"):
        plan(want, host, pending)
    pending.add(User(name="new"))
    assert plan(want, host, pending).status is Status.KNOWN_AFTER_APPLY
    host.add_user("new", 1002)
    assert outcome(want, host).endswith("> MakeDirectory Write")


def test_bad_keys_never_become_a_resource() -> None:
    for key in (RSA_1024, f'command="id" {MINE}', "-----BEGIN OPENSSH PRIVATE KEY-----", f"{MINE}\n{P256}"):
        with pytest.raises(InputError, match="authorized key for me: "):
            AuthorizedKeys(user="me", keys=(key,))
