"""The HTTP API: rows, figures, voice messages, erasing. Rights are checked where data is read."""
