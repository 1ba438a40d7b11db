"""What is played on a leg: lists of objects in the bucket, in the department's language."""

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
from services.callback.state import CallbackState
from services.callback.state.records import Callback

Media = tuple[MediaKey, ...]


def play(pbx_id: PbxId, leg_id: LegId, play_id: PlayId, media: Media, *, barge_in: bool = False) -> Play:
    """The command that plays it at once: what plays on the leg until now is out of date."""
    return Play(
        pbx_id=pbx_id, leg_id=leg_id, play_id=play_id, media=media, barge_in=barge_in, interrupts=True
    )


def prompt(state: CallbackState, department_id: DepartmentId | None, *prompts: Prompt) -> Media:
    """These prompts in the department's language; in Russian when the department is not known."""
    return prompt_keys(_language(state, department_id), *prompts)


def _language(state: CallbackState, department_id: DepartmentId | None) -> Language:
    department = None if department_id is None else state.departments.get(department_id)
    return Language.RUSSIAN if department is None else department.language


def _company(state: CallbackState, language: Language) -> Media | None:
    """The company's name, or None as long as it has not been rendered."""
    company = state.notices.get(company_notice(language))
    return None if company is None else tuple(map(MediaKey, company.parts))


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
    language = _language(state, department_id)
    department = state.departments.get(department_id)
    spoken = prompt_keys(language, *number_prompts(language, number))
    standard = prompt_keys(language, Prompt.ORDER_TAKEN)
    choice = NoticeChoice() if department is None else department.order_taken
    notice = _notice(state, choice, standard, spoken)
    return (*prompt_keys(language, Prompt.ORDER_TAKEN_NUMBER), *spoken, *notice)


def type_number(state: CallbackState, department_id: DepartmentId, reason: Refusal) -> Media:
    """Asks for a number, after the reason why the one before cannot be used, if there was one."""
    if reason is Refusal.WITHHELD:
        return prompt(state, department_id, Prompt.TYPE_NUMBER)
    return prompt(state, department_id, rules.refusal_prompt(reason), Prompt.TYPE_NUMBER)


def confirm_number(state: CallbackState, department_id: DepartmentId, number: str) -> Media:
    """The typed number, and that 1 confirms it."""
    language = _language(state, department_id)
    return prompt_keys(language, *number_prompts(language, number), Prompt.CONFIRM_NUMBER)


def confirm_customer(state: CallbackState, callback: Callback) -> Media:
    """The name of the company that calls, and that 1 connects (C16)."""
    language = _language(state, callback.department_id)
    company = _company(state, language)
    caller = () if company is None else (*prompt_keys(language, Prompt.APOLOGY_FROM), *company)
    return (*caller, *prompt_keys(language, Prompt.CONFIRM_CUSTOMER))


def refused(state: CallbackState, department_id: DepartmentId, reason: Refusal) -> Media:
    """Why there is no callback."""
    return prompt(state, department_id, rules.refusal_prompt(reason))


def whisper(state: CallbackState, callback: Callback, ready: AgentReady) -> Media:
    """For the agent: a callback, the customer's number, how long the customer has waited (C3), and whether
    another department has talked to the customer meanwhile (EC-30); the offer says which one and when."""
    language = _language(state, callback.department_id)
    number = number_prompts(language, callback.number)
    talked = () if ready.talked_before is None else (Prompt.WHISPER_TALKED_BEFORE,)
    return prompt_keys(language, Prompt.WHISPER_CALLBACK, *number, waited_prompt(ready.waited_ms), *talked)


def ringing(state: CallbackState, callback: Callback, leg_id: LegId, play_id: PlayId) -> Play:
    """For the agent, until something else is played or both are bridged: the customer is on the way."""
    media = prompt(state, callback.department_id, Prompt.RINGING_TONE) * rules.RINGING_TONES
    return play(callback.pbx_id, leg_id, play_id, media)


def apology(state: CallbackState, callback: Callback, ask: int) -> Media:
    """The apology, and that 1 leaves a voice message; the second time only the latter."""
    language = _language(state, callback.department_id)
    press_one = prompt_keys(language, Prompt.APOLOGY_PRESS_ONE)
    if ask > 1:
        return press_one
    department = state.departments.get(callback.department_id)
    choice = NoticeChoice() if department is None else department.apology
    number = prompt_keys(language, *number_prompts(language, callback.number))
    standard = apology_keys(language, _company(state, language) or ())
    return (*_notice(state, choice, standard, number), *press_one)
