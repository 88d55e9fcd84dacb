"""The box's token for its server: one word in a file that nobody else should read."""

from __future__ import annotations

import logging
from pathlib import Path

from edge.errors import UplinkError

_LOG = logging.getLogger(__name__)


def read_token(path: Path) -> str:
    """The token from its file, without surrounding white space; warns when other users can read it.

    Raises:
        UplinkError: when there is none.
    """
    remedy = "write the token that `parvis server admin device` printed into it, readable by this user only"
    try:
        mode, token = path.stat().st_mode, path.read_text("ascii", "replace").strip()
    except OSError as exc:
        raise UplinkError(f"{path}: the token file cannot be read ({exc.strerror}); {remedy}") from exc
    if not token:
        raise UplinkError(f"{path}: the token file is empty; {remedy}")
    if mode & 0o027:  # its group may read: on an installed box that is the service's own
        _LOG.warning("%s: other users of this machine can read the token; run chmod 600 on it", path)
    return token
