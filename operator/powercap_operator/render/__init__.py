"""Market days and plans as text and as figures."""
