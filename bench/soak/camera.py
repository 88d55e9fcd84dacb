"""A camera in the network that plays a film for ever as JPEG pictures over HTTP, and fails when told."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import cv2

from edge.video_file import VideoFile

RATE: Final = 4.0  # pictures a second
_MOST: Final = 300


class FilmCamera(ThreadingHTTPServer):
    """``mode``: ``play``; ``mute`` (connected, but no picture more comes); ``gone`` (hangs up on whoever calls)."""

    daemon_threads = True

    def __init__(self, film: Path) -> None:
        with VideoFile(film) as source:
            frames = [frame.image for frame, _ in zip(source, range(_MOST), strict=False)]
        self.pictures = [cv2.imencode(".jpg", image)[1].tobytes() for image in frames]
        self.mode = "play"
        super().__init__(("127.0.0.1", 0), _Player)
        self.source = f"ffmpeg:-i http://127.0.0.1:{self.server_port}/video.mjpg"
        threading.Thread(target=self.serve_forever, args=(0.2,), daemon=True).start()

    def handle_error(self, request: object, client_address: object) -> None:
        """A box that hangs up is part of the soak."""


class _Player(BaseHTTPRequestHandler):
    server: FilmCamera

    def do_GET(self) -> None:
        if self.server.mode == "gone":
            return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        number = 0
        while self.server.mode != "gone":
            time.sleep(1 / RATE)
            if self.server.mode == "play":
                data = self.server.pictures[number % len(self.server.pictures)]
                head = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(data)
                self.wfile.write(head + data + b"\r\n")
                number += 1

    def log_message(self, *_: object) -> None:
        """The figures are the log."""
