"""The exchange's site and the other sources of results, as stand-ins on loopback."""
