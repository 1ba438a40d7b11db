"""What the console decides, purely: navigation, formats, safe addresses, tokens of forms."""
