"""How the controller reaches a machine: `local` through a pipe, `ssh` through fabric; one stream each way."""
