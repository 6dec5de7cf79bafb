"""Errors that a user can cause, each a sentence naming value, place and fix."""


class GeolocError(Exception):
    """Base of every error geoloc raises for a user's mistake.

    The command lines print the message alone, without a traceback, and exit with status 1.
    """


class ConfigError(GeolocError, ValueError):
    """A configuration value that cannot work; the message names the key."""


class UnknownTypeError(GeolocError, KeyError):
    """A ``type=`` that no registry knows; the message names the close matches."""

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError would print the repr of the sentence


class CoordinateError(GeolocError, ValueError):
    """A (lat, lon) pair that is not a position on Earth; the message names the row."""


class IndexFormatError(GeolocError, ValueError):
    """A line of an index file that cannot be used; the message begins with file:line."""


class DatasetNotFoundError(GeolocError, FileNotFoundError):
    """A dataset that is not where the config says; the message tells how to get it."""


class DatasetError(GeolocError, ValueError):
    """A dataset whose content contradicts its protocol (counts, places, views)."""


class ImageError(GeolocError, OSError):
    """An image file that cannot be decoded; the message names the file."""


class CheckpointError(GeolocError, RuntimeError):
    """A checkpoint that is missing, unsafe, or made for another model."""


class TrainingError(GeolocError, ArithmeticError):
    """A training that cannot go on; the message names the step and where its batch was kept."""


class GalleryError(GeolocError, ValueError):
    """A gallery that is damaged, made with another model, or cannot take what is added to it."""


class ExportError(GeolocError, RuntimeError):
    """A model that cannot be exported, or whose export does not compute what it computes."""
