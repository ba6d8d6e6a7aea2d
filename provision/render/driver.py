"""What `provision facts` says of the NVIDIA driver."""

from __future__ import annotations

from collections.abc import Iterator

from provision.facts.model import Driver, DriverModule
from provision.render.measure import count

Row = tuple[str, str]


def driver_rows(driver: Driver) -> Iterator[Row]:
    """Yield what is loaded, what is on disk, where it came from and who holds the GPU; what is not known is left out."""
    library = f"library {driver.library}" if driver.library else ""
    yield "driver", ", ".join(filter(None, (_loaded(driver), library)))
    for module in driver.modules:
        yield "module", _module(module)
    if driver.packages:
        origins = sorted({package.origin for package in driver.packages} - {""})
        held = sum(package.held for package in driver.packages)
        parts = (f"from {', '.join(origins)}" if origins else "", f"{held} held" if held else "")
        yield "packages", f"{count(len(driver.packages), 'package')} of the driver {', '.join(filter(None, parts))}".rstrip()
    yield "left over", driver.runfile
    yield "gpu users", ", ".join(driver.users)
    yield "throttle", ", ".join(driver.throttle)


def _loaded(driver: Driver) -> str:
    if driver.loaded:
        return f"NVIDIA {driver.loaded} {driver.loaded_flavour}".rstrip()
    return f"{driver.nouveau} is loaded" if driver.nouveau else ""


def _module(module: DriverModule) -> str:
    parts = (
        module.version,
        module.flavour,
        f"for {module.kernel},",
        f"signed by {module.signer}" if module.signer else "not signed",
    )
    return " ".join(part for part in (module.name, *parts) if part)
