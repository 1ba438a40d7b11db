"""The pure part of speech: what every prompt says, what a text may be, and how it is read aloud.

`standard` has the texts of the standard prompts, `notices` takes a notice of the organization's own
apart, `reading` turns numbers, dates, times and amounts into words (`russian`, `english`), `address`
names what is rendered by its content, `uploads` tells a recording by its first bytes.
"""
