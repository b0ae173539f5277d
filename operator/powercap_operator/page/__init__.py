"""The page that the operator serves to people: read-only, drawn on the server, for a phone as for a wall.

``overview`` says what is on it (pure), ``templates`` how it looks, ``server`` who gets it.
"""
