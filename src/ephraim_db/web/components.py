"""Development only: a page that shows every component in every state."""

from __future__ import annotations

from datetime import date

from starlette.requests import Request
from starlette.responses import Response

from ephraim_db.web import chart
from ephraim_db.web.wording import STATUS_GROUPS, Tone

_DAY = date(2026, 2, 14)
_COUNTS = (
    *((date(2026, 2, day), "delivered", (day * 7) % 11 + 3) for day in range(1, 15)),
    *((date(2026, 2, day), "failed", day % 3) for day in range(1, 15)),
    (_DAY, "sent", 4),
)


async def components(request: Request) -> Response:
    """Show the page."""
    site = request.app.state.site
    context = {
        "here": "components",
        "organization": "Components",
        "tones": tuple(Tone),
        "status_groups": STATUS_GROUPS,
        "chart": chart.draw(_COUNTS, _DAY, 14),
        "form_token": "",
    }
    response: Response = site.page(request, "components.html", context)
    return response
