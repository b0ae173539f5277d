"""Text and figures: market days, plans, backtests and reports."""
