"""What a market day is: its periods, results, clock and errors. Pure."""
