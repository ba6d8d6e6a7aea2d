"""What the user wants: `workstation.toml`, validated; an empty profile works."""
