"""Durable background jobs: create, start, supervise, observe, kill, collect."""

__version__ = "0.1.0"
