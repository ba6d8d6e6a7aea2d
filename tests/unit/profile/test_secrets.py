"""A canary in every text of the profile never appears in what is said about it."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable

import pytest
from pydantic import BaseModel

from provision.errors import InputError
from provision.profile.document import parse
from provision.profile.model import Profile, Section
from provision.profile.read import build
from provision.profile.secret import SecretText
from provision.resources.base import Secret

CANARY = "xq7canary7qx"


class Proxy(Section):
    """`[proxy]`: how the outside is reached."""

    url: SecretText = Secret("")


class WithSecret(Profile):
    """A profile with a field that holds a secret."""

    proxy: Proxy = Proxy()


def text_fields() -> list[str]:
    """Return a TOML template with `{}` for the value of every field of the profile."""
    templates = ["roles = {}\n", "schema = {}\n"]
    for name, info in WithSecret.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            templates += [f"[{name}]\n{field} = {{}}\n" for field in info.annotation.model_fields]
    from provision.profile.model import Environment  # noqa: PLC0415 - next to its use

    templates += [f"[[environment]]\n{field} = {{}}\n" for field in Environment.model_fields]
    return templates


WRONG: dict[str, Callable[[str], str]] = {
    "plain": json.dumps,
    "newline": lambda canary: json.dumps(f"{canary}\n{canary}"),
    "url": lambda canary: json.dumps(f"http://me:{canary}@proxy.test:8080/"),
    "option": lambda canary: json.dumps(f"--token={canary}"),
    "control": lambda canary: json.dumps(f"\x1b{canary}\x07"),
    "invisible": lambda canary: json.dumps(f"{canary}\u200b", ensure_ascii=False),
    "long": lambda canary: json.dumps(canary * 2_000),
    "list": lambda canary: f"[{json.dumps(canary)}]",
    "list of lists": lambda canary: f"[[{json.dumps(canary)}]]",
    "table": lambda canary: f"{{ value = {json.dumps(canary)} }}",
    "no quotes": lambda canary: canary,
    "no end": lambda canary: f'"{canary}',
    "no end of a long string": lambda canary: f'"""{canary}',
    "open bracket": lambda canary: f"[{json.dumps(canary)}",
    "bad escape": lambda canary: f'"{canary}\\q{canary}"',
    "two values": lambda canary: f'"{canary}" "{canary}"',
    "private key": lambda canary: json.dumps(f"-----BEGIN OPENSSH PRIVATE KEY-----\n{canary}\n-----END OPENSSH PRIVATE KEY-----"),
    "key with options": lambda canary: json.dumps(f'command="{canary}" ssh-ed25519 {canary}'),
    "key that is none": lambda canary: json.dumps(f"ssh-ed25519 {canary} {canary}"),
    "direct reference": lambda canary: json.dumps(f"torch @ https://me:{canary}@mirror.test/torch.whl"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_no_value_is_repeated(wrong: str) -> None:
    refused = 0
    for template in text_fields():
        text = template.replace("{}", WRONG[wrong](CANARY))
        try:
            built = build(WithSecret, parse(text, "F"))
        except InputError as error:
            refused += 1
            said = [error.message, error.hint, error.evidence, *traceback.format_exception(error)]
            assert not any(CANARY in part for part in said), text
        else:
            assert CANARY not in repr(built.proxy)
            assert CANARY not in str(built.model_dump()["proxy"]) + built.model_dump_json(include={"proxy"})
    assert refused > 8


def test_a_secret_is_kept_and_not_shown() -> None:
    built = build(WithSecret, parse(f'[proxy]\nurl = "http://me:{CANARY}@proxy.test/"\n', "F"))
    assert built.proxy.url.reveal() == f"http://me:{CANARY}@proxy.test/"
    assert CANARY not in repr(built) + str(built.model_dump()) + built.model_dump_json()
    assert built.model_dump()["proxy"]["url"] == "***"


@pytest.mark.parametrize("value", ["5", "true", '"a\\nb"', "[]"])
def test_a_wrong_secret_is_refused(value: str) -> None:
    with pytest.raises(InputError, match=r"F:2: proxy\.url: must be"):
        build(WithSecret, parse(f"[proxy]\nurl = {value}\n", "F"))
