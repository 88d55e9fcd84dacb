"""What can go wrong on the box, as a small tree; adapters map foreign errors onto it.

EdgeError            exit code
  ConfigError        3   the configuration file
  CameraError        4   the video, the camera or the stream
  ModelError         5   the detector's model file
  SpoolError         6   the durable queue on disk
  UplinkError        7   the way to the server

Each message is one paragraph: where, which rule, what was found, how to mend it.
"""

from __future__ import annotations


class EdgeError(Exception):
    """Base of all expected failures of the box. The command line prints the message and no traceback."""

    exit_code = 1


class ConfigError(EdgeError):
    """The configuration breaks a rule."""

    exit_code = 3


class CameraError(EdgeError):
    """A source cannot be opened, or is no video."""

    exit_code = 4


class ModelError(EdgeError):
    """A model cannot be loaded, or does not fit the configuration."""

    exit_code = 5


class SpoolError(EdgeError):
    """The durable queue cannot be opened or written."""

    exit_code = 6


class UplinkError(EdgeError):
    """The server cannot be addressed at all (a wrong URL, an unreadable token)."""

    exit_code = 7
