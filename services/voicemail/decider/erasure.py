"""Erasure of a customer: no later letter names the customer or brings what was said (V6, EC-75).

Letters that the mail server does not have yet end here, and nobody is written to about a recording that is
still being stored. A letter that the edge is sending at this moment can't be called back.

Another service may hear of the erasure later, and tell of an earlier call or order with the number: it is
read as withheld (`VoicemailState.caller_since`).
"""

from contracts.erasure import counted
from contracts.history import CustomerErased
from contracts.message import Fact
from contracts.voicemail import LetterFailed, NumberErased
from runtime import erased_numbers
from runtime.decision import Decision
from services.voicemail.decider.letters import subjects
from services.voicemail.state import Letter, LettersStatus, VoicemailState

ERASED = "the customer's data were erased before the letter went out"


def apply_erased(state: VoicemailState, fact: CustomerErased) -> None:
    """Forget the number in everything that a letter could still tell."""
    number = state.caller(fact.number)
    held = _holding(state, number)
    for message in tuple(state.messages):
        if message.caller is not None and state.caller(message.caller) == number:
            letters = LettersStatus.NONE if message.letters is LettersStatus.NOT_YET else message.letters
            state.messages.change(message, caller=None, letters=letters, is_erased=True)
    for callback in tuple(state.callbacks):
        if state.caller(callback.number) == number:
            state.callbacks.change(callback, number="", is_erased=True)
    for warning in tuple(state.warnings):
        gone = {each.voice_message_id for each in warning.messages if state.caller(each.caller) == number}
        if gone:
            messages = tuple(each for each in warning.messages if each.voice_message_id not in gone)
            ids = tuple(each for each in warning.voice_message_ids if each not in gone)
            state.warnings.change(
                warning, messages=messages, voice_message_ids=ids or warning.voice_message_ids
            )

    if number is not None:
        erased_numbers.note(state.erased_numbers, number, state.now_at)
    state.erased = counted(**held)


def _holding(state: VoicemailState, number: str | None) -> dict[str, int]:
    """How many things of each kind hold the number."""
    return {
        "voice_messages": sum(
            message.caller is not None and state.caller(message.caller) == number
            for message in state.messages
        ),
        "ended_callbacks": sum(state.caller(callback.number) == number for callback in state.callbacks),
        "warnings": sum(
            any(state.caller(each.caller) == number for each in warning.messages)
            for warning in state.warnings
        ),
    }


def decide_erased(state: VoicemailState, fact: CustomerErased) -> Decision:
    """End the letters that have nothing left to tell, and answer for it."""
    ended = [letter for letter in state.letters if _is_empty(state, letter)]
    facts: list[Fact] = [LetterFailed(letter_id=letter.letter_id, answer=ERASED) for letter in ended]
    if fact.erasure_id:
        erased = (*state.erased, *counted(letters=len(ended)))
        facts.append(NumberErased(erasure_id=fact.erasure_id, erased=erased))
    return Decision(facts=tuple(facts))


def _is_empty(state: VoicemailState, letter: Letter) -> bool:
    message, callback, warning = subjects(state, letter)
    if message is not None:
        return message.is_erased
    if callback is not None:
        return callback.is_erased
    return warning is not None and not warning.messages
