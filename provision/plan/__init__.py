"""What would change, and why: the plan's model and its diffs."""
