"""The rules of an employee's direct calls: what follows when they do not take one (D2, D4)."""

from contracts.directory import DirectAction, DirectRulesSaved
from contracts.routing import MissReason, Rule
from services.routing.state.records import Person


def rules_of(person: Person) -> DirectRulesSaved:
    """The person's rules, or the defaults if none were saved."""
    return person.rules or DirectRulesSaved(agent_id=person.agent_id, version=0)


def action_after(person: Person, reason: MissReason) -> DirectAction:
    """What the person's rules do with a call that was missed for this reason."""
    rules = rules_of(person)
    match reason:
        case MissReason.ABSENT:
            return rules.absence
        case MissReason.OUT_OF_HOURS:
            return rules.out_of_hours
        case _:
            return rules.no_answer


def rule_after(reason: MissReason) -> Rule:
    """The name of the rule that `action_after` chooses."""
    match reason:
        case MissReason.ABSENT:
            return Rule.ABSENCE
        case MissReason.OUT_OF_HOURS:
            return Rule.OUT_OF_HOURS
        case _:
            return Rule.NO_ANSWER
