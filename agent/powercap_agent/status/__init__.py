"""The status that is reported: conditions, energy, and when to publish it."""
