"""Values and rules of a job: no files, no clock, no processes."""
