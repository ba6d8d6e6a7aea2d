"""The corpus of bad profiles: exit 3 within a second, file and line, a suggestion, no traceback, nothing echoed."""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from provision.errors import Exit, InputError
from provision.facts import model as facts_model
from provision.profile.environment_fields import framework_indexes
from provision.profile.read import load_profile, parse_profile


@dataclass(frozen=True)
class Bad:
    """A profile that must be refused: on `line` (0: the file as a whole), with `says` in the message and `hint` in the hint."""

    name: str
    content: str | bytes
    line: int
    says: str
    hint: str = ""
    cli: bool = False
    """Also run through the command line, which costs a process."""

    def write(self, folder: Path) -> Path:
        path = folder / "bad.toml"
        path.write_bytes(self.content if isinstance(self.content, bytes) else self.content.encode())
        return path


def ssh_string(*parts: bytes) -> str:
    return base64.b64encode(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).decode()


RSA_1024 = "ssh-rsa " + ssh_string(b"ssh-rsa", b"\x01\x00\x01", b"\x00\xc1" + b"\x55" * 126 + b"\x57")
DSA = "ssh-dss " + ssh_string(b"ssh-dss", b"\x01", b"\x01", b"\x01", b"\x01")
ED25519 = "ssh-ed25519 " + ssh_string(b"ssh-ed25519", (9).to_bytes(32, "little"))
PRIVATE = "-----BEGIN OPENSSH PRIVATE KEY-----\\nQ0FOQVJZ\\n-----END OPENSSH PRIVATE KEY-----"
SPACES = f"'a{' ' * 298}!',"
INDEX = framework_indexes()[0]
UTF16 = "schema = 1\n".encode("utf-16")


def environment(field: str) -> str:
    return f'[[environment]]\nname = "a"\n{field}\n'


def conda(*fields: str) -> str:
    return "\n".join(('[[environment]]\nname = "a"\nmanager = "conda"', *fields, ""))


def key(text: str) -> str:
    return f'[ssh]\nauthorized_keys = [\n  "{text}",\n]\n'


TOML = [
    Bad("nul", b'[machine]\nhostname = "a\x00b"\n', 2, "NUL"),
    Bad("nul outside a string", b"schema = 1\n\x00", 2, "NUL"),
    Bad("not utf-8", b'# ok\n[machine]\nhostname = "\xff"\n', 3, "not UTF-8"),
    Bad("utf-16", UTF16, 1, "UTF-16", "iconv", cli=True),
    Bad("old mac line ends", b"schema = 1\r[machine]\r", 1, "expected newline"),
    Bad("duplicate key", "[jupyter]\nport = 8000\n\nport = 8001\n", 4, "jupyter.port: is given twice, first on line 2", cli=True),
    Bad("duplicate table", "[ssh]\n[jupyter]\n[ssh]\n", 3, "ssh: is given twice, first on line 1"),
    Bad("duplicate in an array of tables", environment('python = "3.12"\nname = "b"'), 4, "is given twice, first on line 2"),
    Bad("table over a key", "ssh = 1\n[ssh]\n", 2, "is given twice"),
    Bad("deep brackets", "roles = " + "[" * 30_000, 1, "brackets within brackets", cli=True),
    Bad("deep inline tables", "a = " + "{a=" * 5_000, 1, "brackets within brackets"),
    Bad("deep header", "[" + ".".join(["a"] * 5_000) + "]", 1, "a key of more than"),
    Bad("dotted key of 100 KB", ".".join(["a"] * 50_000) + " = 1", 1, "more than"),
    Bad("many deep keys", "".join(f"{'.'.join('abcdefghijklmnop')}{i} = 1\n" for i in range(20_000)), 0, "more than"),
    Bad("huge integer", "[jupyter]\nport = " + "9" * 5_000, 2, "5000 characters"),
    Bad("huge hexadecimal", "[jupyter]\nport = 0x" + "f" * 900_000, 2, "at most"),
    Bad("integer beyond 64 bits", "[jupyter]\nport = 99999999999999999999999", 2, "1024 to 65535"),
    Bad("long key", "k" * 100_000 + " = 1", 1, "100000 characters"),
    Bad("quoted key of 900 KB", f'"{"k" * 900_000}" = 1', 1, "unknown key"),
    Bad(
        "thousands of unknown keys",
        "".join(f"rolse{i} = 1\n" for i in range(9_000)),
        1,
        "and 8990 more",
        "line 1: did you mean",
    ),
    Bad("thousands of bad requirements", environment("packages = [" + SPACES * 3_000 + "]"), 3, "more"),
    Bad("nan", "[jupyter]\nport = nan\n", 2, "jupyter.port: must be a whole number, not a decimal number"),
    Bad("inf", "[jupyter]\nport = -inf\n", 2, "jupyter.port: must be a whole number"),
    Bad("a million signs", "roles = [" + "1," * 500_000 + "]", 1, "more than"),
    Bad("a million lines", "\n" * 1_000_000, 0, "more than"),
    Bad("larger than 1 MiB", "#" * (1 << 20) + "\n", 0, "larger than 1 MiB"),
    Bad("unclosed string", '[machine]\nhostname = "prometheus\n', 2, "illegal character"),
    Bad("unclosed long string", '[machine]\n\nhostname = """prometheus\n', 3, "never closed"),
    Bad("unclosed bracket", "[ssh]\nauthorized_keys = [\n\n[jupyter]\nport = 8888\n", 4, "inside the bracket opened on line 2"),
    Bad("half a header", "[machine", 1, "expected"),
    Bad("no quotes", "[machine]\nhostname = prometheus\n", 2, "invalid value", "quotes"),
    Bad("no value", "[machine]\nhostname\n", 2, "expected `=`"),
    Bad("yaml", "machine:\n  hostname: prometheus\n", 1, "expected `=`"),
    Bad("json", '{"schema": 1}', 1, "invalid statement", "key = value"),
    Bad("escape", "[machine]\nhostname = '\\q'\nlocale = \"\\q\"\n", 3, "unescaped"),
    Bad("binary", bytes(range(256)) * 16, 0, ""),
]

SCHEMA = [
    Bad("unknown table", "schema = 1\n[jupiter]\nport = 8888\n", 2, "jupiter: unknown key", "did you mean `jupyter`?", cli=True),
    Bad("unknown table like nothing", "[zzz]\n", 1, "zzz: unknown key", "known here: `schema`, `roles`"),
    Bad("unknown key", "[machine]\nhostnam = 'a'\n", 2, "machine.hostnam: unknown key", "did you mean `hostname`?"),
    Bad("plural", "[[environments]]\nname = 'a'\n", 1, "environments: unknown key", "did you mean `environment`?"),
    Bad("capital", "[Machine]\n", 1, "Machine: unknown key", "did you mean `machine`?"),
    Bad("unknown key in an environment", environment("pakages = []"), 3, "environment[0].pakages", "did you mean `packages`?"),
    Bad("key of another table", "[machine]\nport = 8888\n", 2, "machine.port: unknown key here", "`port` stands in `[jupyter]`"),
    Bad("key of the top in a table", "[machine]\nroles = ['ssh']\n", 2, "machine.roles", "before the first `[table]`"),
    Bad("key of a table at the top", "hostname = 'a'\n", 1, "hostname: unknown key here", "`hostname` stands in `[machine]`"),
    *(
        Bad(f"{table} comes later", f"schema = 1\n[{table}]\nx = 1\n", 2, f"`[{table}]` is not supported by this version yet")
        for table in ("storage", "parts")
    ),
    Bad("terminal escapes in a key", '"\\u001b[31m\\nx" = 1\n', 1, "\\x1b[31m\\nx: unknown key"),
    Bad("newer schema", "schema = 2\n", 1, "newer provision", "upgrade"),
    Bad("schema 0", "schema = 0\n", 1, "schema: must be 1"),
    Bad("negative schema", "schema = -1\n", 1, "schema: must be 1"),
    Bad("schema as a boolean", "schema = true\n", 1, "must be a whole number, not a boolean"),
    Bad("schema as text", 'schema = "1"\n', 1, "must be a whole number, not text"),
    Bad("roles as text", 'roles = "auto"\n', 1, "roles: must be a list, not text", "brackets"),
    Bad("no roles", "roles = []\n", 1, "roles: must not be empty"),
    Bad("auto and others", 'roles = ["auto", "ssh"]\n', 1, "`auto` stands alone"),
    Bad("role as a number", "roles = [\n  'ssh',\n  7,\n]\n", 3, "roles[1]: must be text, not a whole number"),
    Bad("table as a number", "machine = 5\n", 1, "machine: must be a table, not a whole number", "`[machine]`"),
    Bad("table as a date", "machine = 1979-05-27\n", 1, "machine: must be a table, not a date or time"),
    Bad("table as an array of tables", "[[jupyter]]\nport = 8888\n", 1, "jupyter: must be a table, not a list", "once"),
    Bad(
        "array of tables as a table", "[environment]\nname = 'a'\n", 1, "environment: must be a list of tables", "[[environment]]"
    ),
    Bad("no name", "[[environment]]\npython = '3.12'\n", 1, "environment[0].name: is missing"),
    Bad("python as a number", environment("python = 3.12"), 3, "environment[0].python: must be text", "quotes", cli=True),
    Bad("packages as text", environment("packages = 'pandas'"), 3, "environment[0].packages: must be a list"),
    Bad(
        "package as a table", environment("packages = [{name = 'a'}]"), 3, "environment[0].packages[0]: must be text, not a table"
    ),
    Bad("boolean as a number", "[base]\nunattended_upgrades = 1\n", 2, "must be a boolean, not a whole number", "`true`"),
    Bad("boolean as text", "[base]\nunattended_upgrades = 'yes'\n", 2, "must be a boolean, not text"),
    Bad("port as a boolean", "[jupyter]\nport = true\n", 2, "jupyter.port: must be a whole number, not a boolean"),
    Bad("port as text", "[jupyter]\nport = '8888'\n", 2, "jupyter.port: must be a whole number, not text"),
    *(
        Bad(f"port {port}", f"[jupyter]\nport = {port}\n", 2, "jupyter.port: must be 1024 to 65535")
        for port in (-1, 0, 80, 65536)
    ),
    Bad("unknown manager", environment("manager = 'Konda'"), 3, "environment[0].manager: must be", "did you mean `conda`?"),
    Bad("manager as a number", environment("manager = 1"), 3, "environment[0].manager: must be"),
    Bad("same name twice", "[[environment]]\nname = 'a'\n\n[[environment]]\nname = 'a'\n", 5, "another environment, on line 2"),
    Bad(
        "same path twice",
        "[[environment]]\nname = 'a'\n[[environment]]\nname = 'b'\npath = '~/envs/a'\n",
        5,
        "another environment",
    ),
    Bad("wrong python", environment("python = '2.7'"), 3, "must be `auto` or a version such as `3.12`"),
    Bad("python with a patch", environment("python = '3.12.1'"), 3, "must be `auto` or a version"),
    Bad("empty python", environment("python = ''"), 3, "must not be empty"),
]

NAMES = [
    ("parent", ".."),
    ("slash", "a/b"),
    ("option", "-x"),
    ("right to left override", "a\u202eb"),
    ("zero width space", "a\u200bb"),
    ("zero width joiner", "a\u200db"),
    ("byte order mark inside", "a\ufeffb"),
    ("cyrillic a", "\u0430bc"),
    ("fullwidth", "\uff41bc"),
    ("dotless i", "\u0131x"),
    ("combining", "e\u0301x"),
]
INJECTIONS = [
    ("semicolon", "a;id"),
    ("substitution", "$(id)"),
    ("backticks", "`id`"),
    ("newline", "a\\nMatch all"),
    ("carriage return", "a\\rb"),
    ("tab", "a\\tb"),
    ("nul escape", "a\\u0000b"),
    ("percent", "%s"),
    ("template", "{{7*7}}"),
    ("leading dash", "-rf"),
    ("quote", "a'b"),
    ("hash", "a#b"),
    ("space", "a b c"),
    ("apt option", "[trusted=yes]"),
    ("environment", "$HOME"),
    ("escape", "\\u001b[2J"),
    ("long", "a" * 5_000),
]
FIELDS: list[tuple[str, str, int]] = [
    ("environment[0].name", '[[environment]]\nname = "{}"\n', 2),
    ("machine.user", '[machine]\nuser = "{}"\n', 2),
    ("jupyter.user", '[jupyter]\nuser = "{}"\n', 2),
    ("machine.hostname", '[machine]\nhostname = "{}"\n', 2),
    ("machine.timezone", '[machine]\ntimezone = "{}"\n', 2),
    ("machine.locale", '[machine]\nlocale = "{}"\n', 2),
    ("roles[1]", 'roles = [\n  "ssh",\n  "{}",\n]\n', 3),
    ("environment[0].python", environment('python = "{}"'), 3),
    ("environment[0].path", environment('path = "{}"'), 3),
    ("environment[0].packages[0]", environment('packages = ["{}"]'), 3),
    ("environment[0].packages[0]", conda('packages = ["{}"]'), 4),
    ("environment[0].pip[0]", conda('pip = ["{}"]'), 4),
    ("environment[0].channels[0]", conda('channels = ["{}"]'), 4),
    ("environment[0].constraints[0]", environment('constraints = ["{}"]'), 3),
    ("environment[0].frameworks[0]", environment('frameworks = ["{}"]'), 3),
    ("environment[0].file", environment('file = "{}"'), 3),
    ("conda.mirrors", '[conda.mirrors]\nlab = "{}"\n', 2),
    ("conda.mirrors", '[conda.mirrors]\n"{}" = "http://mirror.test/x"\n', 2),
    ("pip.mirrors", '[pip.mirrors]\n"' + INDEX + '" = "{}"\n', 2),
    ("jupyter.packages[0]", '[jupyter]\npackages = ["{}"]\n', 2),
    ("base.packages[0]", '[base]\npackages = ["{}"]\n', 2),
    ("ssh.authorized_keys[0]", key("{}"), 3),
    ("nvidia.branch", '[nvidia]\nbranch = "{}"\n', 2),
    ("nvidia.flavour", '[nvidia]\nflavour = "{}"\n', 2),
    ("nvidia.origin", '[nvidia]\norigin = "{}"\n', 2),
    ("nvidia.gpus[0]", '[nvidia]\ngpus = ["{}"]\n', 2),
    ("nvidia.mirror", '[nvidia]\nmirror = "{}"\n', 2),
    ("nvidia.mirror_key", '[nvidia]\nmirror_key = "{}"\n', 2),
    ("cuda.toolkits[0]", '[cuda]\ntoolkits = ["{}"]\n', 2),
]
FOLDERS = """
/ ~ ~/ /etc /etc/x /usr /usr/lib/x /usr/local /boot /boot/efi/x /bin /sbin/x /lib/x /lib64 /dev/x /proc/1 /sys/x /run/x
/home /home/me /root /opt /var /srv envs/a ./a ~other/a /srv/../etc /srv//a /srv/a/ ~/.. ~/a/../../b /srv/./a /srv/-x
"""
NAMED = [
    Bad("jupyter as root", '[jupyter]\nuser = "root"\n', 2, "must not be `root`", "ordinary user", cli=True),
    Bad("33 letters", f'[machine]\nuser = "{"a" * 33}"\n', 2, "has 33 characters, at most 32"),
    Bad("user in capitals", '[machine]\nuser = "Me"\n', 2, "machine.user: must be of"),
    Bad("user of digits", '[machine]\nuser = "0"\n', 2, "machine.user: must be of"),
    Bad("environment of 65 letters", f'[[environment]]\nname = "{"a" * 65}"\n', 2, "has 65 characters, at most 64"),
    Bad("environment in capitals", '[[environment]]\nname = "Torch"\n', 2, "environment[0].name: must be of"),
    Bad("empty environment", '[[environment]]\nname = ""\n', 2, "must not be empty"),
    Bad("look-alike says which", '[[environment]]\nname = "t\u043erch"\n', 2, "U+043E", "look like another letter", cli=True),
    Bad("hostname in capitals", '[machine]\nhostname = "Prometheus"\n', 2, "in lower case"),
    Bad("hostname with underscore", '[machine]\nhostname = "my_pc"\n', 2, "RFC 1123"),
    Bad("hostname ends in a dash", '[machine]\nhostname = "pc-"\n', 2, "RFC 1123"),
    Bad("label of 64", f'[machine]\nhostname = "{"a" * 64}"\n', 2, "RFC 1123"),
    Bad("hostname ends in a dot", '[machine]\nhostname = "pc."\n', 2, "RFC 1123"),
    Bad("timezone outside", '[machine]\ntimezone = "../../etc/passwd"\n', 2, "time zone", "timedatectl"),
    Bad("absolute timezone", '[machine]\ntimezone = "/etc/passwd"\n', 2, "time zone"),
    *(Bad(f"path {path}", environment(f'path = "{path}"'), 3, "environment[0].path: must") for path in FOLDERS.split()),
    Bad("path with a space", environment('path = "/srv/a b"'), 3, "environment[0].path: must"),
    *(
        Bad(f"requirement {text}", environment(f"packages = ['{text}']"), 3, "environment[0].packages[0]: ", hint)
        for text, hint in (
            ("", "such as"),
            ("-r other.txt", ""),
            ("--index-url=http://127.0.0.1/", ""),
            ("-e .", ""),
            ("./local", ""),
            ("/srv/wheel.whl", ""),
            ("pandas @ file:///etc/passwd", "such as"),
            ("git+https://git.test/x", ""),
            ("https://mirror.test/x.whl", ""),
            ("pandas=2.0", "`==`"),
            ("pandas==", ""),
            ("pandas >=2 <3", ""),
            ("pandas[", ""),
            ("pandas --hash=sha256:00", ""),
            ("pandas; $(id)", ""),
        )
    ),
    Bad("package that apt would remove", "[base]\npackages = ['openssh-server-']\n", 2, "base.packages[0]: must be"),
    Bad("package with a version", "[base]\npackages = ['vim=9']\n", 2, "base.packages[0]: must be"),
    Bad("package in capitals", "[base]\npackages = ['Vim']\n", 2, "base.packages[0]: must be"),
    Bad("empty package", "[base]\npackages = ['']\n", 2, "must not be empty"),
]

KEYS = [
    Bad("private key", key(PRIVATE), 3, "private key", ".pub", cli=True),
    Bad("dsa", key(DSA), 3, "DSA", "ed25519"),
    Bad("rsa 1024", key(RSA_1024), 3, "1024 bits", "ed25519"),
    Bad("command option", key(r"command=\"id\" " + ED25519), 3, "without options"),
    Bad("from option", key(r"from=\"*\" " + ED25519), 3, "without options"),
    Bad("certificate authority", key("cert-authority " + ED25519), 3, "without options"),
    Bad("two keys in one", key(ED25519 + r"\n" + ED25519), 3, "one line"),
    Bad("cut short", key(ED25519[:-8]), 3, ""),
    Bad("type of another key", key("ssh-rsa " + ED25519.split()[1]), 3, "another type"),
    Bad("no base64", key("ssh-ed25519 AAAA*"), 3, "base64"),
    Bad("only a type", key("ssh-ed25519"), 3, ""),
    Bad("file name", key("~/.ssh/id_ed25519.pub"), 3, ""),
    Bad("empty key", key(""), 3, ""),
    Bad("bidi in the comment", key(ED25519 + " me\u202e"), 3, "control characters"),
]

NOT_A_BRANCH, NOT_A_LINE = "nvidia.branch: is no branch of NVIDIA's driver", "is no line of CUDA toolkits"
STACK = [
    Bad("unknown branch", "[nvidia]\nbranch = '581'\n", 2, NOT_A_BRANCH, "the nearest is `580`", cli=True),
    Bad("branch of the future", "[nvidia]\nbranch = '999'\n", 2, NOT_A_BRANCH, "the nearest is `6"),
    Bad("branch as a number", "[nvidia]\nbranch = 580\n", 2, "nvidia.branch: must be text", "quotes"),
    Bad("whole version", "[nvidia]\nbranch = '580.65.06'\n", 2, "has 9 characters, at most 4"),
    Bad("branch of a server", "[nvidia]\nbranch = 'R580'\n", 2, "must be `auto` or a driver branch"),
    Bad("empty branch", "[nvidia]\nbranch = ''\n", 2, "must not be empty"),
    Bad("flavor", "[nvidia]\nflavor = 'open'\n", 2, "nvidia.flavor: unknown key", "did you mean `flavour`?"),
    Bad("unknown flavour", "[nvidia]\nflavour = 'opne'\n", 2, "nvidia.flavour: must be", "did you mean `open`?"),
    Bad("unknown origin", "[nvidia]\norigin = 'ubunto'\n", 2, "nvidia.origin: must be", "did you mean `ubuntu`?"),
    Bad("other maker", "[nvidia]\ngpus = ['1002:744c']\n", 2, "nvidia.gpus[0]: must be the PCI id of an NVIDIA", "lspci"),
    Bad("card in capitals", "[nvidia]\ngpus = ['10de:1E84']\n", 2, "in lower case"),
    Bad("card by name", "[nvidia]\ngpus = ['RTX 2070']\n", 2, "nvidia.gpus[0]: must be the PCI id"),
    Bad("mirror with a password", "[nvidia]\nmirror = 'http://me:pw@mirror.test/x'\n", 2, "without a password"),
    Bad("mirror of a file", "[nvidia]\nmirror = 'file:///srv/x'\n", 2, "must be an http or https address"),
    Bad("mirror and option", "[nvidia]\nmirror = 'http://mirror.test/[trusted=yes]'\n", 2, "must be an http or https address"),
    Bad("key of no mirror", f"[nvidia]\nmirror_key = '{'A' * 40}'\n", 2, "is the key of no mirror"),
    Bad("short fingerprint", "[nvidia]\nmirror = 'http://mirror.test/x'\nmirror_key = '3BF863CC'\n", 3, "40 digits"),
    Bad("unknown toolkit", "[cuda]\ntoolkits = [\n  '13.2',\n  '12.7',\n]\n", 4, NOT_A_LINE, "the nearest is `12.8`"),
    Bad("toolkit of the future", "[cuda]\ntoolkits = ['99.0']\n", 2, NOT_A_LINE, "the nearest is `13."),
    Bad("toolkit as a number", "[cuda]\ntoolkits = [12.8]\n", 2, "must be text, not a decimal number"),
    Bad("toolkit twice", "[cuda]\ntoolkits = [\n  '12.8',\n  '12.8',\n]\n", 4, "is asked for twice"),
    Bad("toolkit of one number", "[cuda]\ntoolkits = ['12']\n", 2, "must be `auto` or a line"),
    Bad("auto and a toolkit", "[cuda]\ntoolkits = ['auto', '12.8']\n", 2, "`auto` stands alone"),
    Bad("toolkit by its old name", "[cuda]\ntoolkit = '12.8'\n", 2, "cuda.toolkit: unknown key", "did you mean `toolkits`?"),
]


THEIR_NAMES = ("main", "r", "anaconda", "Defaults", "pkgs/main", "anaconda/label/x")
THEIRS = "licence asks organisations of more than 200 people"
A_FILE = "must be an `environment.yml`, a `requirements.txt` or a `pylock.toml`"
ENVIRONMENTS = [
    Bad("framework misspelt", environment("frameworks = ['troch']"), 3, "is no framework", "did you mean `torch`?", cli=True),
    Bad("framework like nothing", environment("frameworks = ['zzz']"), 3, "environment[0].frameworks[0]", "known: `torch`"),
    Bad("framework in capitals", environment("frameworks = ['PyTorch']"), 3, "must be a framework's name", "`torch`"),
    Bad("framework as a range", environment("frameworks = ['torch>=2']"), 3, "must be a framework's name", "`jax==0.11`"),
    Bad("no such release", environment("frameworks = ['jax==0.99']"), 3, "is no release of jax", "the nearest is `jax==0.1"),
    Bad("release like no number", environment("frameworks = ['jax==x']"), 3, "must be a framework's name"),
    Bad("framework twice", environment("frameworks = [\n'torch',\n'torch==2.14']"), 5, "frameworks[1]: is asked for twice"),
    Bad("frameworks as text", environment("frameworks = 'torch'"), 3, "must be a list, not text"),
    Bad("pip of uv", environment("pip = ['numpy']"), 3, "environment[0].pip: is for conda environments", "`packages`", cli=True),
    Bad("channels of uv", environment("channels = ['conda-forge']"), 3, "channels: is for conda", 'manager = "conda"'),
    Bad("conda's file for uv", environment("file = 'environment.yml'"), 3, "file: is for conda", 'manager = "conda"'),
    Bad("a lock for conda", conda("file = 'pylock.toml'"), 4, "is a lock for environments without conda"),
    Bad("a lock and packages", environment("packages = ['x']\nfile = 'pylock.toml'"), 4, "says all that the environment"),
    Bad("a lock and frameworks", environment("frameworks = ['jax']\nfile = 'pylock.x.toml'"), 4, "says all that"),
    Bad("conda's base", '[[environment]]\nname = "base"\n', 2, "is what conda calls its own", "another name"),
    Bad("constraint with a url", environment("constraints = ['x @ https://mirror.test/x']"), 3, "not a file or URL"),
    Bad("no channels", conda("channels = []"), 4, "environment[0].channels: must not be empty", "conda-forge"),
    Bad("defaults", conda("channels = ['conda-forge', 'defaults']"), 4, THEIRS, "`conda-forge` has the same", cli=True),
    *(Bad(f"channel {name}", conda(f"channels = ['{name}']"), 4, THEIRS) for name in THEIR_NAMES),
    *(
        Bad(f"channel {url}", conda(f"channels = ['{url}']"), 4, THEIRS)
        for url in (
            "https://repo.anaconda.test/pkgs/main",
            "https://repo.anaconda.test/pkgs/free",
            "https://conda.anaconda.test/anaconda",
            "https://conda.anaconda.test/main/label/x",
            "http://mirror.test/anaconda/pkgs/main",
            "file:///srv/pkgs/r",
            "http://repo.continuum.test/pkgs/r",
        )
    ),
    Bad("channel with a password", conda("channels = ['https://me:pw@mirror.test/lab']"), 4, "password or token"),
    Bad("channel with a token", conda("channels = ['https://mirror.test/t/abc-123/lab']"), 4, "password or token"),
    *(
        Bad(f"channel {text}", conda(f"channels = ['{text}']"), 4, "environment[0].channels[0]: must")
        for text in (
            "ftp://mirror.test/lab",
            "git+https://mirror.test/lab",
            "https://Mirror.test/lab",
            "https://mirror.test/lab/",
            "https://mirror.test/lab?x=1",
            "https://mirror.test",
            "file://srv/..",
            "file:srv",
            "../lab",
            "-c",
            "lab;id",
            "a//b",
            "a/../b",
        )
    ),
    Bad("two of one name", conda("channels = [\n'lab',\n'https://mirror.test/lab']"), 6, "is called as another channel"),
    Bad("package of no channel", conda("packages = [\n'nvidia::cuda']"), 5, "packages[0]: is from a channel"),
    *(
        Bad(f"spec {text}", conda(f'packages = ["{text}"]'), 4, f"environment[0].packages[0]: {says}", hint)
        for text, says, hint in (
            ("", "must not be empty", ""),
            ("-c defaults", "must not start with `-`", ""),
            ("numpy[url=http://mirror.test/x.conda]", "must be a package's name, not a file", ""),
            ("numpy[url='x']", "says more in its brackets", "such as"),
            ("numpy[version='1',md5=abc]", "says more in its brackets", ""),
            ("numpy[channel=defaults]", "says more in its brackets", ""),
            ("numpy[opt]", "has extras, which are pip's", "`pip`"),
            ("https://mirror.test/numpy-1-0.conda", "must be a package's name, not a file", ""),
            ("numpy-1.0-0.conda", "must be a package's name, not a file", ""),
            ("numpy-1.0-0.tar.bz2", "must be a package's name, not a file", ""),
            ("./numpy", "must be a package's name, not a file", ""),
            ("numpy @ https://mirror.test/x", "must be a package's name, not a file", ""),
            ("defaults::numpy", "is Anaconda's own channel", "conda-forge"),
            ("https://mirror.test/lab::numpy", "must be a package's name, not a file", ""),
            ("__cuda>=13", "is what a machine has, not a package", ""),
            ("numpy=", "must be a package's name", ""),
            ("numpy >=2 <3 x y", "must be a package's name", ""),
            ("numpy;id", "must be a package's name", ""),
            ("numpy ^2", "must be a package's name", ""),
            ("numpy=2=b=c", "must be a package's name", ""),
            ("numpy\\u2028", "holds the character U+2028", ""),
            ("*", "must be a package's name", ""),
        )
    ),
    Bad("file of the system", environment("file = '/etc/shadow'"), 3, A_FILE),
    Bad("file of another kind", environment("file = 'Pipfile'"), 3, A_FILE, "environment.yml"),
    Bad("file with a space", environment("file = 'my requirements.txt'"), 3, A_FILE),
    Bad("file as an option", environment("file = '-r.txt'"), 3, A_FILE),
    Bad("a profile as file", environment("file = 'workstation.toml'"), 3, A_FILE),
    Bad("mirror of no channel", "[conda]\nmirrors = { '' = 'http://mirror.test/x' }\n", 2, "conda.mirrors: must not be empty"),
    Bad("mirror of defaults", "[conda.mirrors]\ndefaults = 'http://mirror.test/x'\n", 2, THEIRS),
    Bad("mirror of an address", "[conda.mirrors]\n'http://x.test/y' = 'http://mirror.test/x'\n", 2, "must be a channel's name"),
    Bad("mirror that is no address", "[conda.mirrors]\nconda-forge = 'lab'\n", 2, "must be an http, https or file address"),
    Bad("mirror with a token", "[conda.mirrors]\nlab = 'http://mirror.test/t/abc/x'\n", 2, "password or token"),
    Bad("mirrors as a list", "[conda]\nmirrors = ['x']\n", 2, "conda.mirrors: must be a table, not a list"),
    Bad("mirror as a table", "[conda.mirrors.lab]\nurl = 'x'\n", 1, "conda.mirrors: must be text, not a table"),
    Bad("base as text", "[conda]\nbase = 'no'\n", 2, "conda.base: must be a boolean"),
    Bad("unknown key of conda", "[conda]\nmirror = {}\n", 2, "conda.mirror: unknown key", "did you mean `mirrors`?"),
    Bad("mirror of no index", "[pip.mirrors]\n'https://x.test' = 'http://mirror.test'\n", 1, "no framework's index", "known: `"),
    Bad("mirror of an index", "[pip.mirrors]\n'https://x.test' = '/srv/whl'\n", 2, "must be an http or https address"),
    Bad("pip as a list", "pip = ['numpy']\n", 1, "pip: must be a table, not a list"),
]

CORPUS = [*TOML, *SCHEMA, *NAMED, *KEYS, *STACK, *ENVIRONMENTS]


@pytest.mark.parametrize("bad", CORPUS, ids=lambda bad: bad.name)
def test_refused_with_file_line_and_reason(bad: Bad, tmp_path: Path) -> None:
    path = bad.write(tmp_path)
    before = path.read_bytes()
    started = time.process_time()  # of this process: the machine may be busy
    with pytest.raises(InputError) as caught:
        load_profile(path)
    assert time.process_time() - started < 1
    error = caught.value
    assert error.exit is Exit.BAD_INPUT
    first = error.message.splitlines()[0]
    assert first.startswith(f"{path}:{bad.line}: " if bad.line else f"{path}:")
    assert bad.says in error.message
    assert bad.hint in error.hint
    assert (error.message + error.hint).replace("\n", "").isprintable()
    assert path.read_bytes() == before


WITH_SLASHES = {"machine.timezone", "environment[0].channels[0]", "conda.mirrors"}
"""Such as `Europe/Paris` and `lab/label/dev`."""


@pytest.mark.parametrize(("field", "template", "line"), FIELDS)
def test_no_text_takes_an_injection_or_a_look_alike(field: str, template: str, line: int) -> None:
    for name, value in (*NAMES, *INJECTIONS):
        if name == "slash" and field in WITH_SLASHES:
            continue
        try:
            parse_profile(template.replace("{}", value), "bad.toml")
        except InputError as error:
            assert error.message.startswith(f"bad.toml:{line}: {field}: "), name  # noqa: PT017 - pytest.raises could not name the row
        else:
            pytest.fail(f"{field} took: {name}")


def test_every_mistake_is_listed_in_the_order_of_lines(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text("[ssh]\nauthorized_key = []\n[machine]\nhostname = '-'\n[jupyter]\nport = 1\n")
    with pytest.raises(InputError) as caught:
        load_profile(path)
    lines = caught.value.message.splitlines()
    assert [line.removeprefix(f"{path}:")[:2] for line in lines] == ["2:", "4:", "6:"]
    assert caught.value.hint.startswith("line 2: did you mean")


def test_many_mistakes_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text("roles = [\n" + "  '-x',\n" * 50 + "]\n")
    with pytest.raises(InputError) as caught:
        load_profile(path)
    assert len(caught.value.message.splitlines()) == 11
    assert caught.value.message.endswith("and 40 more")


def no_file(folder: Path) -> Path:
    return folder / "missing.toml"


def directory(folder: Path) -> Path:
    return folder


def fifo(folder: Path) -> Path:
    os.mkfifo(folder / "fifo")
    return folder / "fifo"


def unix_socket(folder: Path) -> Path:
    here = Path.cwd()
    os.chdir(folder)  # a socket's path has at most 107 bytes
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("socket")
    finally:
        os.chdir(here)
    return folder / "socket"


def loop(folder: Path) -> Path:
    (folder / "loop").symlink_to("loop")
    return folder / "loop"


def dangling(folder: Path) -> Path:
    (folder / "link").symlink_to("nothing")
    return folder / "link"


def below_a_file(folder: Path) -> Path:
    (folder / "file").touch()
    return folder / "file/profile.toml"


def device(name: str) -> Callable[[Path], Path]:
    return lambda _folder: Path(name)


NOT_FILES = {
    "missing": (no_file, "no such file"),
    "directory": (directory, "is a directory"),
    "fifo": (fifo, "is a pipe"),
    "socket": (unix_socket, ""),
    "loop of links": (loop, ""),
    "dangling link": (dangling, "no such file"),
    "below a file": (below_a_file, "not a directory"),
    "/dev/zero": (device("/dev/zero"), "is a device"),
    "/dev/full": (device("/dev/full"), "is a device"),
    "/dev/tty": (device("/dev/tty"), ""),
    "nul in the path": (device("a\0b"), "not a path"),
    "very long": (device("/" + "a" * 10_000), "too long"),
}


@pytest.mark.parametrize("name", NOT_FILES)
def test_what_is_no_file_is_refused_without_waiting(name: str, tmp_path: Path) -> None:
    make, says = NOT_FILES[name]
    started = time.monotonic()
    with pytest.raises(InputError) as caught:
        load_profile(make(tmp_path))
    assert time.monotonic() - started < 10  # a pipe would be waited for without end
    assert says in caught.value.message


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"# only a comment",
        b"\xef\xbb\xbfschema = 1\n",
        b"schema = 1\r\n[jupyter]\r\nport = 8888\r\n",
        b"[machine]\n[jupyter]\n[ssh]\n",
        b"[[environment]]\nname = 'a'\nmanager = 'conda'\n",
        b"[machine]\nhostname = ''\nuser = ''\n",
        b"[conda]\nbase = false\nmirrors = {}\n[pip]\n",
        b"[[environment]]\nname = 'a'\nframeworks = ['jax==0.11.*', 'torch']\nconstraints = ['numpy<3']\n",
        b"[[environment]]\nname = 'a'\nmanager = 'conda'\nchannels = ['x/label/dev', 'file:///srv/lab', 'http://h.test:80/b']\n",
        b"[[environment]]\nname = 'a'\nmanager = 'conda'\npackages = ['conda-forge::numpy=2.4=py312_*', '_openmp_mutex']\n",
        b"[nvidia]\nbranch = '580'\ngpus = ['10de:1e84', '10de:1e84']\n[cuda]\ntoolkits = []\n",
    ],
)
def test_what_looks_odd_and_is_fine(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "good.toml"
    path.write_bytes(content)
    assert load_profile(path).profile.schema_ == 1


@pytest.fixture(scope="session")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = facts_model.Facts(
        hostname="prometheus",
        system=facts_model.System(id="debian", version="12", codename="bookworm", name="Debian 12", architecture="amd64"),
        kernel=facts_model.Kernel(running="6.1.0-13-amd64"),
        cpu=facts_model.Cpu(model="Ryzen 7 3700X", cores=8, threads=16),
        memory=32 << 30,
        people=(facts_model.Person(name="me", uid=1000, home="/home/me", shell="/bin/bash"),),  # noqa: S604 - a user's, nothing runs
        login="me",
        python="3.11.2",
    )
    path = tmp_path_factory.mktemp("facts") / "facts.json"
    path.write_text(json.dumps(facts_model.dump(made)))
    return path


needs_command_line = pytest.mark.skipif(
    importlib.util.find_spec("provision.__main__") is None, reason="`python -m provision` is not there yet"
)


def plan(profile: Path, facts: Path, *more: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "provision", "plan", "--profile", str(profile), "--facts", str(facts), *more]
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "400"}
    return subprocess.run(
        argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=environment, timeout=30, check=False
    )


@needs_command_line
@pytest.mark.parametrize("bad", [bad for bad in CORPUS if bad.cli], ids=lambda bad: bad.name)
def test_command_line_exits_3_and_says_why(bad: Bad, facts: Path, tmp_path: Path) -> None:
    path = bad.write(tmp_path)
    done = plan(path, facts)
    assert done.returncode == Exit.BAD_INPUT
    assert f"{path}:{bad.line}: " in done.stderr
    assert bad.says in done.stderr
    assert bad.hint in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert [entry.name for entry in tmp_path.iterdir()] == ["bad.toml"]


@needs_command_line
@pytest.mark.parametrize("name", ["missing", "directory", "fifo", "/dev/zero"])
def test_command_line_refuses_what_is_no_file(name: str, facts: Path, tmp_path: Path) -> None:
    make, says = NOT_FILES[name]
    done = plan(make(tmp_path), facts)
    assert done.returncode == Exit.BAD_INPUT
    assert says in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@needs_command_line
def test_command_line_finds_an_unknown_role(facts: Path, tmp_path: Path) -> None:
    path = Bad("role", 'schema = 1\nroles = [\n  "base",\n  "jupiter",\n]\n', 4, "").write(tmp_path)
    done = plan(path, facts)
    assert done.returncode == Exit.BAD_INPUT
    assert f"{path}:4: " in done.stderr
    assert "did you mean `jupyter`?" in done.stderr
