from .__about__ import __version__
from .check import BedrockModelCustomizationCheck

__all__ = ['BedrockModelCustomizationCheck', '__version__']
