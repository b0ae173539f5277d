"""What a budget asks for at a moment: its slots, ramp and pressure valve."""
