"""Where speech touches the world: programs that speak and convert, and the store of objects.

`process` runs a program within bounds, `engine` speaks, `audio` brings to the canonical form, `studio`
renders by content and once, `standard` makes the standard prompts at start, `notices` answers commands.
"""
