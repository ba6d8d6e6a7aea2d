"""The controller's side of a run: connect, compile, show, confirm, follow."""
