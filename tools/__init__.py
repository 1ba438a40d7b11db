"""The former name of `ringback` and `devtools`."""
