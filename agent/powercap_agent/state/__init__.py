"""What is kept on disk: the last budget and the lock."""
