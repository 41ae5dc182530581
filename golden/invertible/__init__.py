"""Invertible stochastic logic: networks of spins that run a circuit in any direction."""
