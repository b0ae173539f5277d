"""From a node's cap to the limit of every constraint. Pure."""
