"""The command ``powercap``: one module for each command."""
