"""Hardware access: zones, the files or libraries behind them, and the drivers."""
