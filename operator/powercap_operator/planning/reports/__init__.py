"""What a policy's nodes drew on a day: counted from the agents' statuses. Pure."""
