"""The package version: part of every cache and checkpoint key."""

__version__ = "0.1.0"
