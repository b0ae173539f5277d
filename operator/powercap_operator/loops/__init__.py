"""What runs for as long as the process: the loops that write, and how well the event loop turns."""
