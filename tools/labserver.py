"""JupyterLab for as long as a ``with`` lasts, for the tests and the rehearsal."""

import contextlib
import json
import os
import pathlib
import secrets
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

# What the menu does, once the kernel is there; a click before that is lost.
RUN_ALL = """async () => {
  const app = window.jupyterapp;
  await app.restored;
  const panel = app.shell.currentWidget;
  await panel.context.ready;
  await panel.sessionContext.ready;
  await app.commands.execute("notebook:run-all-cells");
}"""
PLAIN = {  # all cells are on the page, also those that are out of sight
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"}
}


@contextlib.contextmanager
def lab(
    root: pathlib.Path,
    folder: pathlib.Path,
    *options: str,
    python: str = sys.executable,
) -> Iterator[tuple[str, str]]:
    """JupyterLab of ``python`` on the notebooks below ``root``: (address, token).

    What it remembers goes into ``folder``. Raises ``RuntimeError`` with its log when it
    does not start.
    """
    for name, settings in PLAIN.items():
        path = folder / "settings" / f"{name.replace(':', '/')}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings), encoding="utf-8")
    token = secrets.token_hex()
    command = [
        *(python, "-m", "jupyterlab", *options),
        f"--ServerApp.root_dir={root}",
        f"--IdentityProvider.token={token}",
        "--ServerApp.port=0",
        "--no-browser",
        "--LabApp.expose_app_in_browser=True",  # for RUN_ALL
    ]
    if getattr(os, "geteuid", lambda: 1)() == 0:
        command.append("--allow-root")
    places = {
        f"JUPYTER{lab}_{name.upper()}_DIR": str(folder / name)
        for name in ("runtime", "config", "data", "settings", "workspaces")
        for lab in ("", "LAB")
    }
    log = folder / "log.txt"
    with log.open("w", encoding="utf-8") as out:
        server = subprocess.Popen(
            command, cwd=root, stdout=out, stderr=out, env=os.environ | places
        )
    try:
        yield _address(server, folder / "runtime", log), token
    finally:
        server.terminate()
        server.wait()


def _address(server, runtime, log):
    """Where the server answers; an error with its log when it ends, or never does."""
    end = time.monotonic() + 600
    while server.poll() is None and time.monotonic() < end:
        for info in runtime.glob("jpserver-*.json"):
            try:
                address = json.loads(info.read_text(encoding="utf-8"))["url"]
                urllib.request.urlopen(address + "api", timeout=60).close()
                return address
            except (OSError, ValueError):  # not yet written, or not yet listening
                pass
        time.sleep(0.1)
    raise RuntimeError(
        f"JupyterLab does not start:\n{log.read_text(encoding='utf-8')[-4000:]}"
    )
