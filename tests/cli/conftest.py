"""The made shop, for the commands that ask about a model."""

from watched_shop import shop

__all__ = ["shop"]
