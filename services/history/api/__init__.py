"""What history answers over HTTP: rows, figures, voice messages, erasing; rights are asked where it reads."""
