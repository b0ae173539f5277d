"""What the suites stand on: a control plane's clients, the stage, stand-ins, judges, figures; each once."""
