"""Whether unattended upgrades are as wanted: `on` or `off`. Standard library only, on the machine's Python."""

import json
import subprocess
import sys


def apt(*names):
    out = subprocess.run(["apt-config", "dump", "--format", "%f=%v%n", *names], capture_output=True, text=True, check=True)
    return dict(line.split("=", 1) for line in out.stdout.splitlines() if "=" in line)


wanted = sys.argv[1]
conf = apt("APT::Periodic", "Unattended-Upgrade::Automatic-Reboot")
found = "on" if conf.get("APT::Periodic::Unattended-Upgrade", "0") not in {"", "0"} else "off"
reboots = conf.get("Unattended-Upgrade::Automatic-Reboot", "false") == "true"
state = subprocess.run(["systemctl", "is-active", "apt-daily-upgrade.timer"], capture_output=True, text=True, check=False)
timer = state.stdout.strip()
good = found == wanted and not (wanted == "on" and (reboots or timer == "inactive"))
evidence = f"unattended upgrades {found}, automatic reboot {'on' if reboots else 'off'}, timer {timer or 'not there'}"
print(json.dumps({"evidence": evidence}))
sys.exit(0 if good else 1)
