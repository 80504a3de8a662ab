"""Evidence in, a probability density on the sphere out, and the whole chain from a clip to it."""

from lookhear.prediction.locator import Locator
from lookhear.prediction.result import Result

__all__ = ["Locator", "Result"]
