"""What is wrong with objects, as values. Pure."""
