"""Months of delivery days on a real API server, in minutes, by a clock that is set."""
