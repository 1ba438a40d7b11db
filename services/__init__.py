"""The services: one capability each, none importing another; start one with `python -m services.<name>`."""
