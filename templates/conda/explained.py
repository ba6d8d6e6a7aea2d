"""What our conda program makes of rattler's errors."""

import re

from rattler.exceptions import FetchRepoDataError, GatewayError, InstallerError, SolverError
from said import TroubleError

NETWORK = (GatewayError, FetchRepoDataError, InstallerError)


def explained(error, request, names):
    """Return what rattler says of a request as one line, with what to type next; `names` are the channels by their names."""
    text = str(error).strip()
    last = text.splitlines()[-1].removeprefix("Caused by: ") if text else type(error).__name__
    url = re.search(r"[a-z]+://[^\s()]+", text)
    where = next((name for name, channel in names.items() if url and url[0].startswith(channel.base_url)), "")
    from_channel = f"channel `{where}`" if where else "the channel"
    if "No space left on device" in text:
        return TroubleError("the disk is full", f"`df -h {request['cache']} {request.get('prefix', '')}`", text)
    package = re.search(r"failed to fetch (\S+)", text)
    what = f"`{package[1]}` from {from_channel}" if package else from_channel
    if package and ("hash mismatch" in text or "Invalid checksum" in text):
        hint = "the mirror is damaged, or the package was replaced: `provision lock --upgrade` takes what is there now"
        return TroubleError(f"{what} is not what the lock says: its checksum is another", hint, text)
    if isinstance(error, SolverError):
        tree = [re.sub(r"^[\s│├└─]+", "", line) for line in text.split("because of: ", 1)[-1].splitlines()]
        words = " ".join(line for line in tree if line).rstrip(".").replace(" *", "")[:400]
        here = ", ".join(" ".join(each) for each in request["virtual"])
        hint = f"this machine has {here or 'no virtual packages'}" if " __" in text else "loosen `packages` in the profile"
        return TroubleError(f"{words[:1].lower()}{words[1:]}", hint, text)
    if isinstance(error, NETWORK):
        return TroubleError(f"{what} cannot be had: {last}", "look at the network, the proxy and the profile's `mirrors`", text)
    return TroubleError(last, "", text)
