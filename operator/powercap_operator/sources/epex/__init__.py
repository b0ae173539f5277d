"""EPEX SPOT's site: how it is asked, and how its pages are read."""
