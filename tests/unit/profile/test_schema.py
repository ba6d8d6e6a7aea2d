"""The JSON Schema and the reference say what the model does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import tomli

from provision.errors import InputError
from provision.facts.model import Cpu, Facts, Kernel, System
from provision.profile.initial import initial_profile
from provision.profile.read import parse_profile
from provision.profile.reference import reference
from provision.profile.schema import DIALECT, json_schema

ROOT = Path(__file__).parents[3]
FACTS = Facts(
    hostname="box",
    system=System(id="debian", version="12", codename="bookworm", name="Debian 12", architecture="amd64"),
    kernel=Kernel(running="6.1.0"),
    cpu=Cpu(model="x", cores=1, threads=2),
    memory=1 << 30,
)
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAkAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA me@laptop"
EXAMPLES = [
    "",
    "schema = 1\n",
    initial_profile(FACTS),
    'roles = ["base", "ssh"]\n[base]\npackages = ["g++"]\nunattended_upgrades = false\n',
    '[[environment]]\nname = "a"\npython = "3.12"\nmanager = "conda"\npackages = ["torch>=2.6"]\npath = "~/x/a"\n',
    '[[environment]]\nname = "a"\nframeworks = ["torch", "jax==0.11"]\nconstraints = ["numpy<3"]\nfile = "requirements.txt"\n',
    '[[environment]]\nname = "a"\nmanager = "conda"\nchannels = ["x", "http://h.test/y"]\npip = ["b"]\npackages = ["c=1=d"]\n',
    "[conda]\nbase = false\n[conda.mirrors]\nconda-forge = 'http://mirror.test/conda-forge'\n[pip]\nmirrors = {}\n",
    f'[ssh]\nauthorized_keys = ["{KEY}"]\n[jupyter]\nuser = ""\nport = 1024\n',
    '[nvidia]\nbranch = "580"\nflavour = "open"\norigin = "nvidia"\ngpus = ["10de:1e84"]\n[cuda]\ntoolkits = ["13.2", "12.8"]\n',
    f'[nvidia]\nmirror = "http://mirror.test:8080/cuda"\nmirror_key = "{"0A" * 20}"\n[cuda]\ntoolkits = []\n',
]
WRONG = [
    "schema = 2\n",
    "roles = []\n",
    'roles = "auto"\n',
    "other = 1\n",
    "[machine]\nhostname = 'A'\n",
    "[machine]\nother = 1\n",
    "[jupyter]\nport = 80\n",
    "[jupyter]\nport = true\n",
    "[[environment]]\npython = '3.12'\n",
    "[[environment]]\nname = 'a'\npython = 'x3.12'\n",
    "[[environment]]\nname = 'a'\npackages = ['-e .']\n",
    "[base]\npackages = ['openssh-server-']\n",
    "[nvidia]\nbranch = '58'\n",
    "[nvidia]\nflavour = 'closed'\n",
    "[nvidia]\ngpus = ['1e84']\n",
    "[nvidia]\nmirror = 'http://me:pw@mirror.test/x'\n",
    "[cuda]\ntoolkits = ['12']\n",
    "[[environment]]\nname = 'a'\nframeworks = ['torch>=2']\n",
    "[[environment]]\nname = 'a'\nfile = '-r.txt'\n",
    "[[environment]]\nname = 'a'\nmanager = 'conda'\npackages = ['a; id']\n",
    "[[environment]]\nname = 'a'\nmanager = 'conda'\nchannels = ['https://me:pw@mirror.test/x']\n",
    "[conda.mirrors]\n'-x' = 'http://mirror.test/x'\n",
    "[conda.mirrors]\nlab = 'x'\n",
    "[pip.mirrors]\nlab = 'http://mirror.test/x'\n",
]


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("text", EXAMPLES)
def test_what_the_model_takes_the_schema_takes(text: str, validator: jsonschema.Draft202012Validator) -> None:
    parse_profile(text)
    validator.validate(tomli.loads(text))


@pytest.mark.parametrize("text", WRONG)
def test_what_the_schema_underlines_the_model_refuses(text: str, validator: jsonschema.Draft202012Validator) -> None:
    assert not validator.is_valid(tomli.loads(text))
    with pytest.raises(InputError):
        parse_profile(text)


def properties(schema: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    parts = {"": schema, **schema["$defs"]}
    return [(f"{part}.{name}", field) for part, body in parts.items() for name, field in body["properties"].items()]


def test_every_field_is_described() -> None:
    schema = json_schema()
    assert schema["$schema"] == DIALECT
    for name, field in properties(schema):
        assert field.get("description") or "$ref" in str(field), name


def test_the_reference_is_up_to_date() -> None:
    written = (ROOT / "docs/profile.md").read_text(encoding="utf-8")
    assert written == reference(), "run `python -m provision.profile.reference > docs/profile.md`"


def test_the_reference_names_every_field() -> None:
    text = reference()
    for name, _ in properties(json_schema()):
        key = name.rpartition(".")[2]
        assert f"| `{key}` |" in text or f"[{key}]" in text
