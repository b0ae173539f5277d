"""What should be, from policies, market days and nodes as they are. Pure."""
