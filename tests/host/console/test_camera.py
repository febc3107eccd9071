"""The camera at the gate: a code held before it is in the form; what reads it is fetched only then."""

from __future__ import annotations

from pathlib import Path

import segno
from playwright.sync_api import expect, sync_playwright
from tests.host.bridge.world import SITE
from tests.host.console.morning import Morning, served

from badgeclock.toolchain import programs

LIMOSA = "24910158641968060"
PATIENCE_MS = 120_000
"""Only ends a hung run."""
WIDTH, HEIGHT, FRAMES = 320, 240, 2


def film(path: Path, text: str) -> None:
    """A film of a QR code, as Y4M: what the browser takes for its camera."""
    matrix = list(segno.make(text, error="m").matrix_iter(scale=5, border=4))
    top, left = (HEIGHT - len(matrix)) // 2, (WIDTH - len(matrix[0])) // 2
    luma = bytearray(b"\xeb" * WIDTH * HEIGHT)
    for y, row in enumerate(matrix):
        for x, dark in enumerate(row):
            if dark:
                luma[(top + y) * WIDTH + left + x] = 16
    grey = b"\x80" * (WIDTH * HEIGHT // 2)
    frame = b"FRAME\n" + bytes(luma) + grey
    path.write_bytes(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A1:1 C420mpeg2\n".encode() + frame * FRAMES)


def test_a_limosa_code_before_the_camera_fills_the_number_in(morning: Morning, tmp_path: Path) -> None:
    film(tmp_path / "code.y4m", f"https://www.limosa.example/check?id={LIMOSA}&lang=nl")
    fake = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    fake.append(f"--use-file-for-fake-video-capture={tmp_path / 'code.y4m'}")
    with served(morning) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=programs.chromium(), args=fake)
        context = browser.new_context(base_url=address)
        context.set_default_timeout(PATIENCE_MS)
        context.add_cookies([{"name": "badgeclock", "value": morning.session("otto"), "url": address}])
        page, complaints, asked = context.new_page(), [], []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"/register?site={SITE}")
        assert not [url for url in asked if "zxing" in url]
        page.get_by_role("button", name="Scan with the camera").click()
        expect(page.get_by_label("Number", exact=True)).to_have_value(LIMOSA, timeout=PATIENCE_MS)
        expect(page.locator("#camera")).to_be_hidden()
        browser.close()
    assert not complaints
