"""Programs for those who run Ringback: `python -m ringback` lists them."""
