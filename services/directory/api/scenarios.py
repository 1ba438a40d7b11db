"""Routes of call scenarios."""

from typing import Final

from litestar import Controller

from services.directory.api.card_routes import CardRoutes
from services.directory.state.cards import ScenarioCard, ScenarioDraft
from services.directory.state.office import Kind

_ROUTES: Final = CardRoutes(
    Kind.SCENARIO, ScenarioCard, ScenarioDraft, id_name="scenario_id", name=lambda draft: draft.name
)


class ScenarioRoutes(Controller):
    """Call scenarios."""

    path = "/scenarios"
    tags = ("scenarios",)
    listed = _ROUTES.listed()
    create = _ROUTES.create()
    read = _ROUTES.read()
    save = _ROUTES.save()
    remove = _ROUTES.remove()
