"""What is to be in force at a moment, from the budget, the ramp and the pressure valve. Pure."""
