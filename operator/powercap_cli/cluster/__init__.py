"""Commands that work on a cluster, with the rights of the person who calls them: ``kubectl powercap``."""
