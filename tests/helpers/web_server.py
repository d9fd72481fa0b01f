"""A running `fervid web`."""

import http.client
import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import SAMPLES

CLIP = SAMPLES / "two_speakers.mp4"


# The command, telling on stderr of every address that Python asks for or connects to.
WATCHED = """
import socket, sys
def watch(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        print("NETWORK", event, [arg for arg in args if "socket" not in repr(arg)], file=sys.stderr)
sys.addaudithook(watch)
socket.getaddrinfo("127.0.0.1", 80)
from fervid.cli import main
main(prog_name="fervid")
"""


@dataclass
class Server:
    """A running `fervid web`, where it is, and the folder in which it has its temporary one."""

    process: subprocess.Popen[str]
    address: str
    host: str
    port: int
    folder: Path
    errors: Path

    def files(self) -> list[Path]:
        """Whatever of uploads and results is there."""
        # Not rglob, which fails when a folder goes meanwhile.
        walked = os.walk(self.folder)
        return [Path(folder, name) for folder, _, names in walked for name in names]

    def run_folder(self) -> Path:
        (folder,) = self.folder.iterdir()
        return folder

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        """Status and body of an answer; `path` goes out as it is."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=20)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body or None, names)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, content

    def post(self, path: str, data: Any, **headers: str) -> tuple[int, bytes]:
        body = json.dumps(data).encode()
        return self.ask("POST", path, body, content_type="application/json", **headers)

    def upload(self, name: str, content: bytes) -> tuple[int, bytes]:
        """Send a file as a browser does."""
        mark = secrets.token_hex(8)
        head = (
            f'--{mark}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
        )
        body = head.encode() + content + f"\r\n--{mark}--\r\n".encode()
        kind = f"multipart/form-data; boundary={mark}"
        return self.ask("POST", "/gradio_api/upload", body, content_type=kind)


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[Server]:
    """A server whose working directory has a file that it must not serve."""
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    (folder / "README.md").write_text("not for everybody")
    errors = folder / "stderr"
    with errors.open("w") as told:
        process = subprocess.Popen(
            [sys.executable, "-c", WATCHED, "web", "--port", "0", "--no-browser", *options],
            cwd=folder,
            env=os.environ | {"TMPDIR": str(temporary), "PYTHONPATH": str(SAMPLES.parent)},
            stdout=subprocess.PIPE,
            stderr=told,
            text=True,
        )
    with process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.fullmatch(r"page: (http://([\d.]+):(\d+)) \(press Ctrl-C to stop\)\n", line)
            assert found, errors.read_text()
            yield Server(process, found[1], found[2], int(found[3]), temporary, errors)
        finally:
            process.kill()
