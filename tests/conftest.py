"""Random parameters: the same ones in every `make test`, new ones in every `make regress`."""

from hypothesis import settings

settings.register_profile("fixed", derandomize=True)
settings.register_profile("new", settings())
