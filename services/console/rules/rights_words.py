"""Roles, rights and how far they go, in words for the catalogues."""

from collections.abc import Mapping
from typing import Final

from services.console.rules.navigation import marked

ROLES: Final[Mapping[str, str]] = {
    "administrator": marked("administrator"),
    "department_head": marked("department head"),
    "user": marked("user"),
    "restricted_user": marked("restricted user"),
}
REACHES: Final[Mapping[str, str]] = {
    "own": marked("your own"),
    "departments": marked("your departments"),
    "organization": marked("the whole company"),
}
ACTIONS: Final[Mapping[str, str]] = {
    "live.read": marked("See who is waiting and who is free now"),
    "callback.order": marked("Order callbacks"),
    "callback.cancel": marked("Cancel callbacks"),
    "history.read": marked("Read the history of calls"),
    "history.download": marked("Download the history"),
    "number.see": marked("See customers' numbers"),
    "recording.hear": marked("Hear recordings"),
    "message.hear": marked("Hear voice messages"),
    "message.delete": marked("Delete voice messages"),
    "statistics.read": marked("Read statistics"),
    "pause.write": marked("Set pauses"),
    "rules.write": marked("Change how calls are taken"),
    "settings.read": marked("Read the settings"),
    "settings.write": marked("Change the settings"),
    "roles.grant": marked("Give and take roles"),
    "secrets.write": marked("Set passwords and make tokens"),
    "audit.read": marked("Read the audit trail"),
    "erase": marked("Erase a customer's data"),
}
