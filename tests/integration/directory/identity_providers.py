"""Providers of identities: a real one as a process of its own, and one that lies as a test tells it to."""

import asyncio
import base64
import hashlib
import json
import secrets
import sys
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import uvicorn
from joserfc import jwt
from joserfc.jwk import Key, KeySet, RSAKey

from ringback.stack.process import Process, free_port
from services.directory.activities import openid_providers
from services.directory.activities.openid_providers import NewProvider
from services.directory.activities.sealed_secrets import SecretBox
from tests.integration.directory.companies import KEY, ORGANIZATION, Company

REDIRECT = "https://console.vostok.example/openid"
START_S = 60


class RealProvider:
    """`oidc-provider-mock`: registers clients, asks for a nonce, takes a code once, signs by RS256."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        argv = [sys.executable, "-m", "oidc_provider_mock", "--port", str(self.port)]
        argv += ["--require-registration", "true", "--require-nonce", "true"]
        self.process = Process("provider", argv, folder, dies_with_parent=True)
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.client_id = self.client_secret = ""

    def start(self) -> None:
        """Start it, and register the directory as a client."""
        self.process.start_until(self._answers, "the provider", START_S)
        body = {"redirect_uris": [REDIRECT]}
        made = httpx.post(f"{self.issuer}/oauth2/clients", json=body)
        assert made.status_code == 201, made.text
        self.client_id, self.client_secret = made.json()["client_id"], made.json()["client_secret"]

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.issuer}/.well-known/openid-configuration").status_code == 200
        except httpx.TransportError:
            return False

    def knows(self, subject: str, **claims: object) -> None:
        """Say what it knows of somebody."""
        assert httpx.put(f"{self.issuer}/users/{subject}", json=claims).status_code == 204

    async def brought(self, address: str, subject: str) -> dict[str, str]:
        """What a browser brings back once its person has signed in as this subject."""
        async with httpx.AsyncClient() as browser:
            form = await browser.get(address)
            assert form.status_code == 200, form.text
            answer = await browser.post(address, data={"sub": subject})
        assert answer.status_code == 302, answer.text
        return query(answer.headers["location"])


def query(address: str) -> dict[str, str]:
    """The parameters of an address, each given once."""
    return {name: value for name, (value,) in parse_qs(urlsplit(address).query).items()}


Answer = tuple[int, dict[str, str], bytes]


class LyingProvider:
    """A provider within this process. As it stands it is honest; a test changes what it says.

    `claims` and `header` are put over those of the token, None takes one away; `answers` replaces what a path
    answers; `asked` counts.
    """

    def __init__(self, now_s: Callable[[], int]) -> None:
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.client_id, self.client_secret = "ringback", "s" * 20
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
        self.published: list[Key] = [self.key]
        self.claims: dict[str, Any] = {}
        self.header: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.answers: dict[str, Callable[[], Awaitable[Answer]]] = {}
        self.forged: Callable[[dict[str, Any]], str] | None = None
        self.is_code_taken_twice = False
        self.asked: Counter[str] = Counter()
        self._now_s = now_s
        self._codes: dict[str, dict[str, str]] = {}
        self._thread = threading.Thread(target=self._run, daemon=True)
        config = uvicorn.Config(
            self._answer, port=self.port, log_config=None, lifespan="off", access_log=False, interface="asgi3"
        )
        self._server = uvicorn.Server(config)

    def start(self) -> None:
        """Serve, in a thread."""
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive()

    def stop(self) -> None:
        """Stop serving."""
        self._server.should_exit = True
        self._thread.join(30)

    def _run(self) -> None:
        asyncio.run(self._server.serve())

    async def brought(self, address: str, subject: str) -> dict[str, str]:
        """What a browser brings back once its person has signed in as this subject."""
        asked = query(address)
        code = secrets.token_hex(8)
        self._codes[code] = {**asked, "sub": subject}
        return {"code": code, "state": asked["state"]}

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"]
        self.asked[path] += 1
        body = b""
        while (event := await receive())["type"] == "http.request":
            body += event.get("body", b"")
            if not event.get("more_body"):
                break
        if path in self.answers:
            status, headers, content = await self.answers[path]()
        else:
            status, found = self._said(path, dict(scope["headers"]), body)
            headers, content = {"content-type": "application/json"}, json.dumps(found).encode()
        shown = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": shown})
        await send({"type": "http.response.body", "body": content})

    def _said(self, path: str, headers: dict[bytes, bytes], body: bytes) -> tuple[int, dict[str, Any]]:
        match path:
            case "/.well-known/openid-configuration":
                said = {
                    "issuer": self.issuer,
                    "authorization_endpoint": f"{self.issuer}/authorize",
                    "token_endpoint": f"{self.issuer}/token",
                    "jwks_uri": f"{self.issuer}/keys",
                }
                return 200, {**said, **self.metadata}
            case "/keys":
                return 200, dict(KeySet(self.published).as_dict(private=False))
            case "/token":
                return self._exchanged(headers, {k: v for k, (v,) in parse_qs(body.decode()).items()})
            case _:
                return 404, {}

    def _exchanged(self, headers: dict[bytes, bytes], form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        credentials = base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        if headers.get(b"authorization") != f"Basic {credentials}".encode():
            return 401, {"error": "invalid_client"}
        asked = self._codes.get(form["code"])
        if not self.is_code_taken_twice:
            self._codes.pop(form["code"], None)
        hashed = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()
        if asked is None or asked["code_challenge"] != challenge or asked["code_challenge_method"] != "S256":
            return 400, {"error": "invalid_grant"}
        if form["redirect_uri"] != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "a" * 20, "token_type": "Bearer", "id_token": self._token(asked)}

    def _token(self, asked: dict[str, str]) -> str:
        now_s = self._now_s()
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "sub": asked["sub"],
            "aud": self.client_id,
            "nonce": asked["nonce"],
            "iat": now_s,
            "exp": now_s + 300,
        }
        claims = {name: value for name, value in {**claims, **self.claims}.items() if value is not None}
        if self.forged is not None:
            return self.forged(claims)
        header = {"alg": "RS256", "kid": self.key.kid, **self.header}
        return jwt.encode({k: v for k, v in header.items() if v is not None}, claims, self.key)


Anyone = RealProvider | LyingProvider


async def named(company: Company, provider: Anyone, **more: Any) -> None:
    """What `ringback operator identity-provider … set` does."""
    values = {"issuer": provider.issuer, "client_id": provider.client_id, "redirects": (REDIRECT,)}
    new = NewProvider(**{**values, "client_secret": provider.client_secret, **more})
    await openid_providers.save(company.directory.repository, SecretBox(KEY), ORGANIZATION, new)


async def brought(company: Company, provider: Anyone, subject: str, **more: str) -> dict[str, Any]:
    """What the console posts after a person has signed in at the provider; it has compared the state."""
    asked = {"organization": ORGANIZATION, "redirect_uri": REDIRECT}
    begun = await company.http.post("/sessions/openid/authorization", json=asked)
    assert begun.status_code == 200, begun.text
    kept = begun.json()
    answer = await provider.brought(kept["address"], subject)
    assert answer["state"] == kept["state"]
    body = {"code": answer["code"], "redirect_uri": REDIRECT}
    return body | {name: kept[name] for name in ("nonce", "code_verifier")} | more


async def sign_in(company: Company, provider: Anyone, subject: str, **more: str) -> httpx.Response:
    """A sign-in, from the button to the answer."""
    body = await brought(company, provider, subject)
    return await company.http.post("/sessions/openid", json={"organization": ORGANIZATION, **body, **more})


async def link(
    company: Company, provider: Anyone, subject: str, headers: dict[str, str] | None = None
) -> httpx.Response:
    """Whoever is signed in links an account."""
    return await company.call(
        "PUT", "/me/identity", await brought(company, provider, subject), headers=headers
    )
