"""A label on Nodes for schedulers: how much power the node may draw now. Pure."""
