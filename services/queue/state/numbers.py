"""What a policy says of numbers, cached: parsing a number takes as long as the rest of an offer."""

from functools import lru_cache

from contracts.dialling import DiallingPolicy, e164, refusal, refusal_of_address


@lru_cache(maxsize=4096)
def employee_refusal(number: str, policy: DiallingPolicy) -> str | None:
    """Why an employee's public number may not be dialled, or None."""
    return refusal_of_address(number, policy)


@lru_cache(maxsize=4096)
def customer_refusal(number: str, policy: DiallingPolicy) -> str | None:
    """Why a customer's number may not be dialled, or None (C10)."""
    return refusal(number, policy)


@lru_cache(maxsize=4096)
def normalized(number: str, policy: DiallingPolicy) -> str:
    """A number in the form in which callbacks keep theirs; anything that is not a number stays as it is."""
    return e164(number, policy) or number
