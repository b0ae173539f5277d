"""Where market results come from: one module for each source. README.md says how to add one."""
