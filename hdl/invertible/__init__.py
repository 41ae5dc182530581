"""Hardware of `golden.invertible`."""
