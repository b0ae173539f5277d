"""What PowerOverrides and labelled pods ask of nodes, and what came of it. Pure."""
