"""Projects the log into SQL: one row per contact with its tries, and what managers ask of them.

It owns history's tables, what people do with voice messages, and the removal of audio. It decides nothing
about calls: whatever it shows follows from the log and can be rebuilt from it.
"""
