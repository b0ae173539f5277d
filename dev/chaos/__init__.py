"""``make chaos``: faults of all kinds between real programs, and what must hold afterwards."""
