"""The headless command line: the only place in core that prints."""
