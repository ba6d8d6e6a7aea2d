"""Turn a fresh Ubuntu or Debian machine into a deep-learning workstation that is proved to work."""

__version__ = "0.1.0"
