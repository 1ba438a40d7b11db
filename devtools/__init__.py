"""Programs for those who build Ringback: `python -m devtools` lists them. Production imports none of it."""
