"""Processes of a control plane: started, waited for, ended."""
