"""Files of `NAME=value` lines: os-release, `/etc/environment`, `/etc/default/*`, GRUB's environment block."""

from __future__ import annotations


def assignments(text: str) -> dict[str, str]:
    """Return the values of `NAME=value` lines, unquoted as a shell would; the last one wins, other lines are passed over."""
    values = {}
    for line in text.split("\n"):
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and name.isidentifier():
            values[name] = _unquote(value.strip())
    return values


def _unquote(value: str) -> str:
    quote = value[:1]
    if quote == "'":
        return value[1:].partition("'")[0]
    if quote == '"':
        return _double_quoted(value[1:])
    return value.partition(" #")[0].rstrip()


def _double_quoted(value: str) -> str:
    out = []
    characters = iter(value)
    for character in characters:
        if character == '"':
            break
        if character == "\\":
            following = next(characters, "")
            out.append(following if following in '"\\$`' else character + following)
        else:
            out.append(character)
    return "".join(out)
