"""What PowerOverrides ask of nodes, and what came of it. Pure."""
