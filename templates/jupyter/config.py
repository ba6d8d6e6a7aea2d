"""JupyterLab as a service. Written by provision; what is below the line at the end comes from the profile."""

import os
from pathlib import Path

c = get_config()  # noqa: F821 - Jupyter's own

# Only this machine: from elsewhere through an SSH tunnel.
c.ServerApp.ip = "127.0.0.1"
# A taken port is an error; the next free one would be found by nobody.
c.ServerApp.port_retries = 0
c.ServerApp.open_browser = False
c.ServerApp.root_dir = str(Path.home())
# systemd keeps the service; stopped from the browser, nobody could start it there again.
c.ServerApp.quit_button = False
# Read here and not by JUPYTER_TOKEN_FILE, which would take the newline at the end of the file for a part of the token.
# A configured token is neither logged nor in anyone's arguments.
c.IdentityProvider.token = Path(os.environ["CREDENTIALS_DIRECTORY"], "token").read_text().strip()

# ---
