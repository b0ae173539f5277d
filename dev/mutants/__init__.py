"""``make mutants``: how many small changes to what decides are noticed by a test."""
