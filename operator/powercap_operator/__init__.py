"""The cluster operator: market results in, a PowerBudget for every node out."""
