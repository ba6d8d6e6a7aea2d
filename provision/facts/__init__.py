"""What the machine is: the typed model (`model`); the agent collects it."""
