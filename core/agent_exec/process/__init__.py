"""Processes: identity, signals, and how a supervisor is launched. POSIX ends here."""
