"""The files below a jobs root: who may read and write them, and how."""
