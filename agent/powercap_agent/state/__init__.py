"""What is kept on disk: originals, the last budget, energy, and the lock."""
