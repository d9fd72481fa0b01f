"""Pages as their readers open them."""

from __future__ import annotations

from typing import Any

Page = Any


def open_address(browser: Any, address: str, *, width: int = 1200, **options: Any) -> Page:
    """The page when it is drawn; what the browser complains about or asks for is noted in it."""
    page = browser.new_page(viewport={"width": width, "height": 1000}, **options)
    page.complaints, page.requests = [], []
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("request", lambda request: page.requests.append(request.url))
    page.goto(address, timeout=90_000)
    page.wait_for_selector("html.ready", timeout=20_000)
    return page
