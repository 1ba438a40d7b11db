"""Where speech touches the world: programs that speak and convert, and the object store.

`engine` speaks a text, `audio` brings sound to the canonical form, `renderer` renders each content once,
`standard_prompts` makes the standard prompts at start, `notice_handler` answers commands.
"""
