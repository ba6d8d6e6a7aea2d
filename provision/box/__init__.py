"""Throwaway boxes: booted systemd containers of real distributions, for rehearsals, demos and the system tests."""
