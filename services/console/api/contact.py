"""One contact: what happened in it, who was rung and why others were not, second by second."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Final

from litestar import Controller, Request, Response, get
from litestar.params import PathParameter
from msgspec import Struct

from contracts.plain_text import LINE_PATTERN
from services.console.api import history_addresses
from services.console.api.requests import CurrentPerson, GivenConsole, PathOrganization, require_screen
from services.console.rules import (
    addresses,
    callback_words,
    contact_filters,
    contact_lanes,
    contact_story,
    story_words,
)
from services.console.rules.contact_lanes import Wait
from services.console.rules.contact_words import Mark, mark_of
from services.console.rules.phrase import Speaker
from services.console.rules.wallboard_words import ORIGINS
from services.console.state.contact import Callback, Contact, Why

SCREEN: Final = "history"
ID_LENGTH_MAX: Final = 200

ContactPath = Annotated[str, PathParameter(max_length=ID_LENGTH_MAX, pattern=LINE_PATTERN)]


class Line(Struct, frozen=True, kw_only=True):
    """One line of the timeline, in the reader's words."""

    at: int
    mark: Mark
    said: str
    more: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]


class ContactRoutes(Controller):
    """Whoever may read history, as far as that right goes; history itself refuses the others."""

    path = "/o/{organization:str}/history/{contact_id:str}"

    @get()
    async def show(
        self,
        request: Request[Any, Any, Any],
        console: GivenConsole,
        person: CurrentPerson,
        organization: PathOrganization,
        contact_id: ContactPath,
    ) -> Response[Any]:
        """The page; its address keeps the filters of the list that led here."""
        require_screen(person, SCREEN)
        contact, why, callbacks = await console.contacts.one(person.token, person.address, contact_id)
        filters = contact_filters.given(request.query_params)
        speaker = Speaker(
            translate=partial(console.pages.word, request),
            language=console.pages.language(request),
            zone=person.me.timezone,
        )
        return console.pages.render(
            request,
            "contact.html",
            {
                "screen": SCREEN,
                "contact": contact,
                "row": contact.row,
                "callbacks": callbacks,
                "lines": _lines(contact, why, speaker),
                "waits": _waits(contact, why, callbacks),
                "list_address": history_addresses.filtered(addresses.home(organization) + SCREEN, filters),
                "address_of": partial(history_addresses.contact, organization, filters=filters),
                "mark_of": mark_of,
                "origins": ORIGINS,
                "steps": story_words.STEPS,
                "dial_ends": callback_words.DIAL_ENDS,
                "audio_reasons": story_words.AUDIO_REASONS,
            },
            me=person.me,
        )


def _lines(contact: Contact, why: Why, speaker: Speaker) -> tuple[Line, ...]:
    return tuple(
        Line(
            at=entry.at,
            mark=entry.mark,
            said=speaker.say(entry.said),
            more=tuple(speaker.say(each) for each in entry.more),
            skipped=tuple((speaker.say(reason), ", ".join(who)) for reason, who in entry.skipped),
        )
        for entry in contact_story.story(contact, _names(contact, why))
    )


def _names(contact: Contact, why: Why) -> Mapping[str, str]:
    """Agents by their ids, as far as the reader may know of them."""
    found = {agent.agent_id: agent.name for place in why.places for agent in place.agents}
    tried = (each.agent for each in contact.tries if each.agent is not None)
    return found | {each.agent_id: each.label for each in tried}


def _waits(contact: Contact, why: Why, callbacks: tuple[Callback, ...]) -> tuple[Wait, ...]:
    held = {each.place_id: each for each in callbacks}
    found = (contact_lanes.wait(contact, each, held) for each in why.places)
    return tuple(each for each in found if each is not None)
