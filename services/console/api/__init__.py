"""Routes that render pages, one file per screen; templates and static files lie beside them."""
