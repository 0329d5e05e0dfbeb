"""The dashboard: a Textual application over a jobs root."""
