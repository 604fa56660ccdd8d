"""People: who they are, what happens to them, what they live on."""
