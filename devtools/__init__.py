"""Programs for developers of Ringback: `python -m devtools` lists them. Production imports none of them."""
