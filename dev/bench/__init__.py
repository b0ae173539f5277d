"""``make bench``: figures measured on this machine, in one run, each with how it was taken."""
