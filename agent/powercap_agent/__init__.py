"""The node agent: writes its node's PowerBudget into the kernel's power-capping files, and puts back what was there."""
