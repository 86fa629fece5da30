"""The made shops, for the commands that ask about a model."""

from validated_shop import lake
from watched_shop import shop

__all__ = ["lake", "shop"]
