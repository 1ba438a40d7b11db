"""Programs for operators of Ringback: `python -m ringback` lists them."""
