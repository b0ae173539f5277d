"""What Prometheus can ask of the operator: policies, nodes' budgets and market days as they stand, and the process."""
