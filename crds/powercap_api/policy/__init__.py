"""Parts of a PowerPolicy's spec."""
