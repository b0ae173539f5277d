"""The ENTSO-E Transparency Platform: prices, and what power is generated from."""
