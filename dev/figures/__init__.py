"""``make figures``: draws the curve of every strategy for docs/strategies.md."""
