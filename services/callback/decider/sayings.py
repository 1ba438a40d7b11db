"""What is said on a leg: lists of objects in the bucket, in the department's language."""

from contracts.dialling import Refusal
from contracts.directory import Language, NoticeChoice, NoticeKind
from contracts.ids import DepartmentId, LegId, MediaKey, PbxId, PlayId
from contracts.prompts import (
    Prompt,
    apology_keys,
    company_notice,
    number_prompts,
    prompt_keys,
    waited_prompt,
)
from contracts.queue import AgentReady
from contracts.telephony import Play
from services.callback import rules
from services.callback.decider.changes import farewell_play_id
from services.callback.state import Callback, CallbackState

Media = tuple[MediaKey, ...]


def language_of(state: CallbackState, department_id: DepartmentId) -> Language:
    """The language in which a department speaks."""
    department = state.departments.get(department_id)
    return Language.RUSSIAN if department is None else department.language


def _notice(state: CallbackState, choice: NoticeChoice, standard: Media, number: Media) -> Media:
    """A department's notice; the standard one as long as its own cannot be played (T5)."""
    if choice.kind is NoticeKind.NONE:
        return ()
    own = None if choice.notice_id is None else state.notices.get(choice.notice_id)
    if choice.kind is NoticeKind.STANDARD or own is None:
        return standard
    media: list[MediaKey] = []
    for part in own.parts:
        if part == "{number}":
            media.extend(number)
        elif not part.startswith("{"):
            media.append(MediaKey(part))
    return tuple(media)


def order_taken(state: CallbackState, department_id: DepartmentId, number: str) -> Media:
    """The number read back, and that we will call (C1)."""
    language = language_of(state, department_id)
    department = state.departments.get(department_id)
    spoken = prompt_keys(language, *number_prompts(language, number))
    standard = prompt_keys(language, Prompt.ORDER_TAKEN)
    choice = NoticeChoice() if department is None else department.order_taken
    notice = _notice(state, choice, standard, spoken)
    return (*prompt_keys(language, Prompt.ORDER_TAKEN_NUMBER), *spoken, *notice)


def order_agreed(state: CallbackState, department_id: DepartmentId) -> Media:
    """That we will call, for who has heard the number and agreed."""
    return prompt_keys(language_of(state, department_id), Prompt.ORDER_TAKEN)


def type_number(state: CallbackState, department_id: DepartmentId, reason: Refusal) -> Media:
    """Why the number before was none, unless nobody has given one, and that one shall be typed."""
    language = language_of(state, department_id)
    if reason is Refusal.WITHHELD:
        return prompt_keys(language, Prompt.TYPE_NUMBER)
    return prompt_keys(language, rules.refusal_prompt(reason), Prompt.TYPE_NUMBER)


def confirm_number(state: CallbackState, department_id: DepartmentId, number: str) -> Media:
    """The typed number, and that 1 confirms it."""
    language = language_of(state, department_id)
    return prompt_keys(language, *number_prompts(language, number), Prompt.CONFIRM_NUMBER)


def confirm(state: CallbackState, callback: Callback) -> Media:
    """Who is calling, as far as the company's name can be said, and that 1 connects (C16)."""
    language = language_of(state, callback.department_id)
    company = state.notices.get(company_notice(language))
    asked = prompt_keys(language, Prompt.CONFIRM_CUSTOMER)
    if company is None:
        return asked
    return (*prompt_keys(language, Prompt.APOLOGY_FROM), *map(MediaKey, company.parts), *asked)


def refused(state: CallbackState, department_id: DepartmentId, reason: Refusal) -> Media:
    """Why there is no callback."""
    return prompt_keys(language_of(state, department_id), rules.refusal_prompt(reason))


def whisper(state: CallbackState, callback: Callback, ready: AgentReady) -> Media:
    """Whom the agent will talk to: a callback, the number, how long the customer has waited (C3), and whether
    another department has talked to the customer meanwhile (EC-30); which and when stands in the offer."""
    language = language_of(state, callback.department_id)
    number = number_prompts(language, callback.number)
    talked = () if ready.talked_before is None else (Prompt.WHISPER_TALKED_BEFORE,)
    return prompt_keys(language, Prompt.WHISPER_CALLBACK, *number, waited_prompt(ready.waited_ms), *talked)


def apology(state: CallbackState, callback: Callback, ask: int) -> Media:
    """The apology, and that 1 leaves a voice message; the second time only that."""
    language = language_of(state, callback.department_id)
    press_one = prompt_keys(language, Prompt.APOLOGY_PRESS_ONE)
    if ask > 1:
        return press_one
    department = state.departments.get(callback.department_id)
    choice = NoticeChoice() if department is None else department.apology
    number = prompt_keys(language, *number_prompts(language, callback.number))
    company = state.notices.get(company_notice(language))
    standard = apology_keys(language, () if company is None else tuple(map(MediaKey, company.parts)))
    return (*_notice(state, choice, standard, number), *press_one)


def farewell(
    state: CallbackState,
    department_id: DepartmentId | None,
    leg_id: LegId,
    pbx_id: PbxId,
    told: Prompt,
) -> Play:
    """An agent is told why there is nobody to talk to; then this leg is hung up."""
    language = Language.RUSSIAN if department_id is None else language_of(state, department_id)
    return said(pbx_id, leg_id, farewell_play_id(leg_id), prompt_keys(language, told))


def said(pbx_id: PbxId, leg_id: LegId, play_id: PlayId, media: Media, *, barge_in: bool = False) -> Play:
    """The command that says it, at once: what was said before on this leg is about a moment that is over."""
    return Play(
        pbx_id=pbx_id, leg_id=leg_id, play_id=play_id, media=media, barge_in=barge_in, interrupts=True
    )
