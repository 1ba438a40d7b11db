"""People of a company who can sign in: the passwords that every other employee would choose first."""

import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from contracts.ids import AgentId, OrganizationId
from devtools.live.company import ADMINISTRATOR, AGENT, HEAD, agent_id
from ringback.stack.process import StackError
from ringback.stack.services import ROOT

PASSWORD: Final = "северный ветер 2026"  # noqa: S105  # printed for whoever looks around, on loopback
ANSWER_S_MAX: Final = 30.0


@dataclass(frozen=True, slots=True)
class Login:
    """Who signs in by which name; everybody has the same password."""

    role: str
    agent_id: AgentId
    login: str


class Logins:
    """The directory's API, as its administrator uses it."""

    def __init__(self, address: str, settings: Mapping[str, str], organization: OrganizationId) -> None:
        """`settings` are the directory's own, for the operator's verb."""
        self._settings = settings
        self._organization = organization
        self._http = httpx.Client(base_url=address, timeout=ANSWER_S_MAX)
        self._administrator = ""

    def administrator(self) -> str:
        """Give the administrator the password; the login. Raises StackError."""
        said = self._operator("reset-administrator", self._organization)
        once, self._administrator = _told("one-time password", said), _told("login", said)
        self._choose(self._administrator, once)
        return self._administrator

    def prepare(self) -> list[Login]:
        """Give administrator, head and agent of the living company the password. Raises StackError."""
        made = [Login("administrator", agent_id(ADMINISTRATOR), self.administrator())]
        for role, number in (("head", HEAD), ("agent", AGENT)):
            who = agent_id(number)
            made.append(Login(role, who, self.give(who)))
        return made

    def give(self, who: AgentId) -> str:
        """Give an employee the password, after the administrator; the login. Raises StackError."""
        once = self._asked("POST", f"/employees/{who}/password", {})["secret"]
        login: str = self._asked("GET", f"/employees/{who}")["card"]["login"]
        self._choose(login, once)
        return login

    def pause(self, who: AgentId, *, is_paused: bool) -> None:
        """Pause somebody, or end the pause. Raises StackError."""
        self._asked("PUT", f"/agents/{who}/pause", {"is_paused": is_paused})

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _choose(self, login: str, once: str) -> None:
        choice = self._opened(login, once)["password"]
        own = {"old": once, "new": PASSWORD}
        self._answer("PUT", "/me/password", own, choice)

    def _opened(self, login: str, password: str) -> dict[str, Any]:
        told = {"organization": self._organization, "login": login, "password": password}
        opened: dict[str, Any] = self._answer("POST", "/sessions", told, "")
        return opened

    def _asked(self, method: str, path: str, body: Any = None) -> Any:
        # A token lasts ten minutes, and the day a long time: each request signs in anew.
        return self._answer(method, path, body, self._opened(self._administrator, PASSWORD)["access"])

    def _answer(self, method: str, path: str, body: Any, token: str) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            answer = self._http.request(method, path, json=body, headers=headers)
        except httpx.HTTPError as error:
            raise StackError(f"the directory does not answer {method} {path}: {error}") from error
        if not answer.is_success:
            raise StackError(f"the directory refuses {method} {path}: {answer.text[:500]}")
        return answer.json() if answer.content else None

    def _operator(self, *words: str) -> str:
        argv = [sys.executable, "-m", "ringback", "operator", *words]
        env = dict(self._settings)
        done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise StackError(f"operator {words[0]} failed: {done.stderr[-1000:]}")
        return done.stdout


def _told(name: str, said: str) -> str:
    found = re.search(rf"^{name}: (.*)$", said, re.MULTILINE)
    if found is None:
        raise StackError(f"operator tells no {name}: {said}")
    return found[1]
