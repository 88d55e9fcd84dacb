"""A camera on loopback that speaks just enough RTSP over TCP to play H.264, and misbehaves as told."""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import threading
from pathlib import Path

from tests.edge import media

SECRET = "s3cret"


class RtspServer:
    """A camera on loopback that plays H.264 over RTSP and TCP, or misbehaves as ``mode`` says."""

    def __init__(self, folder: Path) -> None:
        raw = media.video(folder / "camera.h264", 50, container="h264").read_bytes()
        self.units = [unit for unit in re.split(rb"\x00\x00\x00?\x01", raw) if unit]
        self.mode = "play"
        self.hang_up_after = self.stall_after = 40
        self.pace_s = 0.02
        self.connections = 0
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"rtsp://viewer:{SECRET}@127.0.0.1:{self._listener.getsockname()[1]}/stream"
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        self._stopped.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for link in self._open:
            link.close()
        for thread in self._threads:
            thread.join(5)

    def drop(self) -> None:
        """Cut every connection, as a camera does whose power is cut."""
        for link in self._open:
            with contextlib.suppress(OSError):
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                link.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(link)
            thread = threading.Thread(target=self._serve, args=(link,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, link: socket.socket) -> None:
        try:
            if self.mode == "mute":
                self._stopped.wait()
            elif self.mode == "reset":
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif self.mode == "trickle":
                while not self._stopped.wait(0.2):
                    link.sendall(b"R")
            else:
                self._answer(link)
        except OSError:
            pass
        finally:
            link.close()

    def _answer(self, link: socket.socket) -> None:
        while request := link.recv(4096):
            method = request.split(b" ", 1)[0]
            number = re.search(rb"CSeq: *(\d+)", request)[1]
            status, extra, text = b"200 OK", b"Session: 1\r\n", b""
            if method == b"DESCRIBE":
                status = {"404": b"404 Not Found", "401": b"401 Unauthorized"}.get(self.mode, status)
                text = b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
                text += b"a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:track0\r\n"
                extra = b"Content-Type: application/sdp\r\n"
                if self.mode == "401":
                    extra = b'WWW-Authenticate: Basic realm="x"\r\n'
                    text = b""
            if method == b"SETUP":
                extra += b"Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
            link.sendall(
                b"RTSP/1.0 %s\r\nCSeq: %s\r\n%sContent-Length: %d\r\n\r\n%s"
                % (status, number, extra, len(text), text)
            )
            if method == b"PLAY":
                self._play(link)
                return

    def _play(self, link: socket.socket) -> None:
        frame, tick = 0, max(3600, round(90_000 * self.pace_s))
        for number in range(100_000):
            unit = self.units[number % len(self.units)]
            picture = unit[0] & 0x1F in (1, 5)
            if self.mode == "garble":
                unit = unit[:1] + bytes(len(unit) - 1)
            head = struct.pack(
                ">BBHII", 0x80, 96 | (0x80 if picture else 0), number & 0xFFFF, frame * tick, 7
            )
            link.sendall(b"$\0" + struct.pack(">H", len(head) + len(unit)) + head + unit)
            frame += picture
            if self.mode == "stall" and frame > self.stall_after:
                self._stopped.wait()
            if self.mode == "hang up" and frame > self.hang_up_after:
                return
            if picture and self._stopped.wait(self.pace_s):
                return
