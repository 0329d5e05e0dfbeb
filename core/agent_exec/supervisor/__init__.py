"""The program that runs one job: standard library only, started by path."""
