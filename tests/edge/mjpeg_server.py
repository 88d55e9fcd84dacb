"""A camera on loopback that plays JPEG pictures over HTTP, as many cheap ones do, and misbehaves as told."""

from __future__ import annotations

import base64
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import cv2
import numpy as np

from tests.edge import media
from tests.edge.rtsp_fault_server import SECRET


def jpeg(index: int, wh: tuple[int, int] = (64, 48)) -> bytes:
    """Picture ``index`` of a stream, one grey all over."""
    return cv2.imencode(".jpg", np.full((wh[1], wh[0], 3), media.grey(index), np.uint8))[1].tobytes()


def bomb(wh: tuple[int, int]) -> bytes:
    """A small picture that says it is enormous; with less data than this a decoder would not believe it."""
    small = jpeg(0)
    size = small.index(b"\xff\xc0") + 5  # after the marker, its length and the depth
    padding = bytes(wh[0] * wh[1] // 200)
    return small[:size] + struct.pack(">HH", wh[1], wh[0]) + small[size + 4 : -2] + padding + small[-2:]


class MjpegServer(ThreadingHTTPServer):
    """Plays picture after picture; ``mode`` says what else: mute, stall, 404, 401 (asks for viewer's password), bomb,
    grow, turn (another size on the way), garble.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.mode = "play"
        self.after = 10
        self.gone = threading.Event()
        self.address = f"127.0.0.1:{self.server_port}/video.mjpg"
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are part of the tests."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.gone.set()
        self.shutdown()
        self.server_close()

    def picture(self, index: int) -> bytes:
        odd = index > self.after
        if self.mode == "bomb" and odd:
            return bomb((12_000, 12_000))
        if self.mode in {"grow", "turn"} and odd:
            return jpeg(index, (128, 96) if self.mode == "grow" else (48, 64))
        return bytes(900) if self.mode == "garble" and odd else jpeg(index)


class _Handler(BaseHTTPRequestHandler):
    server: MjpegServer

    def do_GET(self) -> None:
        mode, server = self.server.mode, self.server
        asked = base64.b64encode(f"viewer:{SECRET}".encode()).decode()
        if mode == "mute":
            server.gone.wait()
        elif mode == "404":
            self.send_error(404)
        elif mode == "401" and self.headers.get("Authorization") != f"Basic {asked}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.end_headers()
        else:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            self._play()

    def _play(self) -> None:
        for index in range(100_000):
            if self.server.mode == "stall" and index > self.server.after:
                self.server.gone.wait()
            data = self.server.picture(index)
            self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(data))
            self.wfile.write(data + b"\r\n")
            if self.server.gone.wait(0.05):
                return

    def log_message(self, *_: object) -> None:
        """Tests read the log of the box."""
