"""Parts of a PowerBudget."""
