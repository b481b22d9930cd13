"""Serve the built book on this machine, compressed as a public host would."""

import argparse
import functools
import gzip
import http.server
import pathlib
import sys
from http import HTTPStatus

from book import ROOT

BUILT = ROOT / "_build" / "html"
TEXT = {".html", ".css", ".js", ".json", ".svg", ".txt"}


class Handler(http.server.SimpleHTTPRequestHandler):
    """The files of one folder; no listings."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def list_directory(self, _):
        self.send_error(HTTPStatus.NOT_FOUND)

    def do_GET(self):
        path = pathlib.Path(self.translate_path(self.path))
        if "\0" in str(path):
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        path = (
            path / "index.html" if path.is_dir() and self.path.endswith("/") else path
        )
        gzipped = "gzip" in self.headers.get("Accept-Encoding", "")
        if not (gzipped and path.suffix in TEXT and path.is_file()):
            super().do_GET()
            return
        body = gzip.compress(path.read_bytes(), 6)
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def server(
    folder: pathlib.Path = BUILT, port: int = 0
) -> http.server.ThreadingHTTPServer:
    """A server of ``folder`` on 127.0.0.1; on a free port when ``port`` is 0.

    Raises ``OSError`` when the port is taken.
    """
    handler = functools.partial(Handler, directory=str(folder))
    return http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    port = parser.parse_args().port
    if not 0 <= port < 65536:
        sys.exit(f"PORT is {port}, expected a number from 0 to 65535")
    if not (BUILT / "index.html").exists():
        sys.exit("nothing is built yet: `make book` builds it")
    try:
        running = server(port=port)
    except OSError:
        running = server()
        print(f"Port {port} is taken; another one serves as well.")
    with running:
        print(
            f"The book is at http://127.0.0.1:{running.server_port}/  (Ctrl-C to stop)",
            flush=True,
        )
        try:
            running.serve_forever()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
