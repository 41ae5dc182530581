"""Invertible stochastic logic in hardware."""
