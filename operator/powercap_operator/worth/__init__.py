"""What capping is worth: days with a policy, without caps, and with a flat cap that does the same work. Pure."""
