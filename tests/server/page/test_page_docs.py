"""The page of the API, in a browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def test_the_page_of_the_api_shows_all_routes_without_an_error(visit: Callable[..., Any]) -> None:
    watched = visit()
    watched.page.goto(f'{watched.address}/api/docs')
    watched.page.locator('.opblock').nth(7).wait_for()
    assert watched.page.locator('.opblock').count() == 8
    watched.page.wait_for_load_state('networkidle')
    icons = [request.url for request in watched.requests if 'icon' in request.url]
    assert all(url.endswith('/static/icon.svg') for url in icons)
    watched.check()
