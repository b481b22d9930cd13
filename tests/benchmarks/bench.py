"""Measure what the book costs and write the table of the benchmark page: ``make bench``.

Seconds of CPU are those of the kernel alone, on one thread; wall-clock seconds include its start.
"""

import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time

import nbformat
from nbclient import NotebookClient

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests")]

import browser  # noqa: E402
import notebooks as tool  # noqa: E402
import serve  # noqa: E402
from conftest import SOURCES, build  # noqa: E402


def chapter(source):
    """(CPU seconds, wall seconds) of one chapter, from starting its kernel to its last cell."""
    os.environ.update(BOOK_QUIET="1", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    notebook = tool.fresh(source)
    notebook.cells.append(nbformat.v4.new_code_cell("import time; print('cpu', time.process_time())"))
    start = time.perf_counter()
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(source.parent)}}).execute()
    wall = time.perf_counter() - start
    return float(re.search(r"cpu ([\d.]+)", notebook.cells[-1].outputs[0].text)[1]), wall


def builds():
    """(cold, warm) seconds of building the book from the stored outputs."""
    shutil.rmtree(ROOT / "_build", ignore_errors=True)
    times = []
    for _ in range(2):
        start = time.perf_counter()
        status, log = build(ROOT)
        assert status == 0, log[-2000:]
        times.append(time.perf_counter() - start)
    return times


def suite():
    start = time.perf_counter()
    subprocess.run(["make", "test"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


STEP = """() => [...document.querySelectorAll('.explore input')].flatMap(input =>
  [...Array(+input.max).keys()].map(k => {
    const start = performance.now();
    input.value = k + 1; input.dispatchEvent(new Event('input')); input.getBoundingClientRect();
    return performance.now() - start;
  }))"""


def pages():
    """Name to (bytes over the wire, requests, median and worst slider step in ms)."""
    from playwright.sync_api import sync_playwright

    running = serve.server()
    threading.Thread(target=running.serve_forever, daemon=True).start()
    home, found = f"http://127.0.0.1:{running.server_address[1]}/", {}
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=browser.find(), args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"])
        for name in ["book/index", *(f"notebooks/{source.stem}" for source in SOURCES)]:
            page = chromium.new_page()
            session, sizes = page.context.new_cdp_session(page), []
            session.send("Network.enable")
            session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
            page.goto(f"{home}{name}.html", wait_until="networkidle")
            steps = page.evaluate(STEP)
            found[name] = (sum(sizes), len(sizes), statistics.median(steps), max(steps))
            page.close()
        chromium.close()
    return found


def main():
    table = {}
    for source in SOURCES:
        cpu, wall = chapter(source)
        table[f"{source.stem}: run from top to bottom"] = f"{cpu:.0f} s of CPU, {wall:.0f} s on the clock"
    cold, warm = builds()
    table["building the book, cold / warm"] = f"{cold:.0f} s / {warm:.0f} s"
    for name, (size, requests, median, worst) in pages().items():
        table[f"{name}: over the wire"] = f"{size / 1e6:.2f} MB in {requests} requests"
        table[f"{name}: a slider step"] = f"{median:.1f} ms, worst {worst:.1f} ms"
    table["the whole test suite, two workers"] = f"{suite():.0f} s"
    width = max(map(len, table))
    for what, figure in table.items():
        print(f"{what:{width}}  {figure}")
    (ROOT / "book" / "benchmarks.json").write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
