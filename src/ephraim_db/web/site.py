"""What a page needs that outlives a request, and what it needs of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.resources import files
from zoneinfo import ZoneInfo

import httpx
import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse

from ephraim_db.client import AsyncClient
from ephraim_db.client.tokens import client_for_token, no_cookies
from ephraim_db.profiles import MemberRole, Profile
from ephraim_db.web import wording
from ephraim_db.web.forgery import make_form_token
from ephraim_db.web.personas import PersonaBar, Personas
from ephraim_db.web.services import MessageTester, XeroConnections
from ephraim_db.web.sessions import Session
from ephraim_db.web.verifying import TokenKeys

STYLE = files("ephraim_db.web").joinpath("style.css").read_bytes()
STYLE_NAME = sha256(STYLE).hexdigest()[:12]
_NAVIGATION = (("integrations", "Integrations", "plug"), ("sms_log", "SMS log", "message"))


@dataclass(frozen=True, slots=True)
class Site:
    """How this installation is set up. `origin` is where browsers find it: scheme and host."""

    supabase_url: str
    anon_key: str
    origin: str
    form_key: bytes = field(repr=False)
    keys: TokenKeys
    issuer: str
    cookie: str
    sign_in_url: str
    invoices_url: str | None
    time_zone: ZoneInfo
    sms: MessageTester | None
    xero: XeroConnections | None
    personas: Personas | None
    templates: jinja2.Environment
    http: httpx.AsyncClient

    @property
    def secure(self) -> bool:
        """Whether browsers come over https."""
        return self.origin.startswith("https://")

    def client(self, session: Session) -> AsyncClient:
        """Return a client that acts as the signed-in user, on the shared connections."""
        return client_for_token(
            self.supabase_url, self.anon_key, session.access_token, http=self.http
        )

    def page(
        self,
        request: Request,
        template: str,
        context: Mapping[str, object] | None = None,
        *,
        status: int = 200,
    ) -> HTMLResponse:
        """Render a page; what the frame needs and is not in `context` is empty."""
        frame = {
            "path": Paths(request),
            "organization": "",
            "member": None,
            "here": "",
            "navigation": self._navigation(),
            "personas": self._bar(request),
            "sign_in_url": self.sign_in_url,
            "invoices_url": self.invoices_url,
            "errors": {},
        }
        html = self.templates.get_template(template).render({**frame, **(context or {})})
        return HTMLResponse(html, status_code=status)

    def path(self, request: Request, name: str, **parameters: object) -> str:
        """Return the path of a route, below wherever the app is mounted."""
        return Paths(request)(name, **parameters)

    def _navigation(self) -> tuple[tuple[str, str, str], ...]:
        return _NAVIGATION + ((("components", "Components", "grid"),) if self.personas else ())

    def _bar(self, request: Request) -> PersonaBar | None:
        return self.personas.bar(request) if self.personas else None


@dataclass(frozen=True, slots=True)
class Paths:
    """Paths by the name of their route, below wherever the app is mounted."""

    request: Request

    def __call__(self, name: str, **parameters: object) -> str:
        """Return the path."""
        path = self.request.scope["app"].url_path_for(name, **parameters)
        return str(self.request.scope.get("root_path", "")) + str(path)


@dataclass(frozen=True, slots=True)
class Member:
    """The signed-in user, as the frame of a page names them."""

    name: str
    role: str

    @classmethod
    def of(cls, profile: Profile) -> Member:
        """Take a profile's name and role."""
        return cls(f"{profile.first_name} {profile.last_name}", profile.role)

    @property
    def article(self) -> str:
        """A or an, before the role."""
        return wording.article(self.role)

    @property
    def admin(self) -> bool:
        """Whether the profile says admin; the database decides again when something changes."""
        return self.role == MemberRole.ADMIN

    @property
    def staff(self) -> bool:
        """Whether the profile says staff."""
        return self.role != MemberRole.PARTICIPANT


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a signed-in user."""

    site: Site
    request: Request
    session: Session
    client: AsyncClient

    @property
    def form_token(self) -> str:
        """What a form made for this visit carries."""
        return make_form_token(self.session.user, self.site.form_key)


def load_templates(zone: ZoneInfo) -> jinja2.Environment:
    """Return the templates: everything they print is escaped, and nothing may be missing."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("ephraim_db.web"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "phone": wording.phone,
        "status_label": wording.status_label,
        "status_tone": wording.status_tone,
        "about": wording.about,
        "local": lambda moment, seconds=False: wording.local_time(moment, zone, seconds),
    }
    return environment


def shared_http() -> httpx.AsyncClient:
    """Return the connections that all clients share; they keep no cookie of anybody's."""
    return httpx.AsyncClient(cookies=no_cookies(), timeout=10.0)
