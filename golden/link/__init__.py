"""The serial link around a core: its parameters, and the specification of every byte of it."""
