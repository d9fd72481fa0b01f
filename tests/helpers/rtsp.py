"""A small RTSP server with a password, as a camera has one; it sends over the same connection."""

from __future__ import annotations

import base64
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fervid.video.executable import find_ffmpeg
from tests.helpers.streams import free_port

LOGIN = "viewer:secret"
_BASIC = "Basic " + base64.b64encode(LOGIN.encode()).decode()


class RtspCamera:
    """Serves the packets of a clip at `/live`; `/moved` names another address, `/other`.

    Attributes:
        place: host and port.
        asked: method and path of each request that came with the password.
    """

    def __init__(self, packets: socket.socket, description: bytes) -> None:
        self.asked: list[tuple[str, str]] = []
        self._packets, self._description = packets, description
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.place = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._listening.accept()
            except OSError:
                return
            with peer, peer.makefile("rb") as requests:
                while self._answer(peer, requests.readline):
                    pass

    def _answer(self, peer: socket.socket, readline: Callable[[], bytes]) -> bool:
        first = readline().decode().split()
        if len(first) < 3:
            return False
        lines = iter(lambda: readline().decode().strip(), "")
        headers = {
            key.lower(): value.strip() for key, _, value in (x.partition(":") for x in lines)
        }
        method, path = first[0], "/" + first[1].split("/", 3)[3]
        extra, body, status = ["Session: 1"], b"", "200 OK"
        if headers.get("authorization") != _BASIC and method != "OPTIONS":
            status, extra = "401 Unauthorized", ['WWW-Authenticate: Basic realm="camera"']
        else:
            self.asked.append((method, path))
        if status.startswith("200") and path == "/moved" and method == "DESCRIBE":
            status, extra = "302 Found", [f"Location: rtsp://{self.place}/other"]
        elif status.startswith("200") and method == "DESCRIBE":
            body = self._description
            extra += ["Content-Type: application/sdp", f"Content-Length: {len(body)}"]
        elif method == "SETUP":
            extra.append("Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
        head = [f"RTSP/1.0 {status}", f"CSeq: {headers['cseq']}", *extra, "", ""]
        try:
            peer.sendall("\r\n".join(head).encode() + body)
            while method == "PLAY":
                packet = self._packets.recv(65536)
                peer.sendall(b"$\0" + len(packet).to_bytes(2, "big") + packet)
        except OSError:
            return False
        return True


@contextmanager
def rtsp_camera(clip: Path) -> Iterator[RtspCamera]:
    """A camera that shows a clip."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as packets:
        packets.bind(("127.0.0.1", 0))
        packets.settimeout(5)
        port = packets.getsockname()[1]
        command = [find_ffmpeg(), "-v", "quiet", "-nostdin", "-re", "-stream_loop", "-1"]
        command += ["-i", str(clip), "-c", "copy", "-f", "rtp"]
        command += [f"rtp://127.0.0.1:{port}?rtcpport={free_port()}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as sender:
            assert sender.stdout is not None
            lines = []
            while not lines or not lines[-1].startswith(b"a=fmtp"):
                lines.append(sender.stdout.readline().strip())
            description = (
                b"\r\n".join(line for line in lines if line not in (b"SDP:", b"")) + b"\r\n"
            )
            camera = RtspCamera(packets, description + b"\r\n")
            try:
                yield camera
            finally:
                sender.kill()
                camera.close()
