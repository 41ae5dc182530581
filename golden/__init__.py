"""The executable specification: parameters, references, training. Never imports hardware."""
