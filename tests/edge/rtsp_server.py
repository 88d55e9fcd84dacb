"""A real RTSP server, GStreamer's, for the tests: run by the system's Python, whose packages it needs.

Usage: ``python3 rtsp_server.py PORT H264.mp4``; PORT 0 takes a free one, which is printed. ``/stream`` plays the file,
``/closed`` too but to user viewer with password s3cret only (digest), ``/jpeg`` a JPEG test picture, ``/sound`` has no
picture, ``/other`` pictures in a code that FFmpeg cannot read over RTSP.
"""

import signal
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

STREAMS = {
    "/stream": "filesrc location={file} ! qtdemux ! h264parse ! rtph264pay name=pay0 config-interval=-1",
    "/closed": "filesrc location={file} ! qtdemux ! h264parse ! rtph264pay name=pay0 config-interval=-1",
    "/jpeg": "videotestsrc is-live=true ! video/x-raw,format=I420,width=64,height=48,framerate=10/1 ! jpegenc"
    " ! rtpjpegpay name=pay0",
    "/sound": "audiotestsrc is-live=true ! alawenc ! rtppcmapay name=pay0",
    "/other": "videotestsrc is-live=true ! video/x-raw,format=I420,width=64,height=48,framerate=10/1 ! openjpegenc"
    " ! rtpj2kpay name=pay0",
}


def main(port: str, file: str) -> None:
    """Serve until killed."""
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    server.set_auth(_auth())
    for path, launch in STREAMS.items():
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(f"( {launch.format(file=file)} )")
        factory.set_protocols(GstRtsp.RTSPLowerTrans.TCP | GstRtsp.RTSPLowerTrans.UDP)
        for role in ("viewer", "anybody"):
            factory.add_role_from_structure(_role(role, seen=role == "viewer" or path != "/closed"))
        server.get_mount_points().add_factory(path, factory)
    if not server.attach(None):
        sys.exit("the port is taken")
    print(server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


def _auth() -> GstRtspServer.RTSPAuth:
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    auth.set_default_token(_token("anybody"))
    auth.add_digest("viewer", "s3cret", _token("viewer"))
    return auth


def _token(role: str) -> GstRtspServer.RTSPToken:
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", role)
    return token


def _role(name: str, *, seen: bool) -> Gst.Structure:
    """What a role may do: without access the stream does not exist for it; without construct it is asked who it is."""
    words = f"{name}, media.factory.access=true, media.factory.construct={str(seen).lower()}"
    return Gst.Structure.from_string(words)[0]


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    main(*sys.argv[1:])
